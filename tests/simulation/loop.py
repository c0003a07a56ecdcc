"""An event loop on virtual time, in which a seed decides who runs next.

Members are what real processes would be: each has a line of its own, kept in order as asyncio keeps it, and
which member takes its next step is chance. So is the order in which what is due at the same moment comes
about. What asyncio promises within one process holds; everything else that can happen between processes can
happen here. No time passes while anybody computes, and none is waited for.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from contextvars import Context, ContextVar, copy_context
from heapq import heappop, heappush
from typing import Any

MEMBER: ContextVar[str] = ContextVar("member", default="")
"""The life of a member that runs; empty: the world around them."""

IN_A_THREAD = (0.0, 0.0, 0.0005, 0.003, 0.02)
"""Seconds that work handed to a thread may take."""

MANY = 50
"""Tasks among which it is worth while to look for those that are done."""


class SimulatedTask(asyncio.Task[Any]):
    """A task whose place in a set does not depend on where it lies in memory."""

    def __init__(self, coro: Coroutine[Any, Any, Any], number: int, **more: Any) -> None:
        self.number = number
        super().__init__(coro, **more)

    def __hash__(self) -> int:
        return self.number

    def __eq__(self, other: object) -> bool:
        return self is other


class Step(asyncio.TimerHandle):
    """What is to be done next: made so often that it does without what asyncio notes for debugging."""

    __slots__ = ()
    _repr = _source_traceback = None

    def __init__(
        self,
        when: float,
        callback: Callable[..., Any],
        args: Any,
        loop: SimulatedLoop,
        context: Context | None,
    ) -> None:
        self._when, self._callback, self._args, self._loop = when, callback, args, loop
        self._context = copy_context() if context is None else context
        self._cancelled = False


class SimulatedLoop(asyncio.BaseEventLoop):
    """The loop. `on_error` hears of what nobody caught."""

    def __init__(self, seed: str) -> None:
        super().__init__()
        self._chance = random.Random(f"scheduler {seed}")
        self._random = self._chance.random
        self._now = 0.0
        self._lines: dict[str, deque[Step]] = {}
        """Of each that can take a step now: what it does next, in order."""
        self._timers: list[tuple[float, float, Step]] = []
        self._dead: set[str] = set()
        self._frozen: dict[str, float] = {}
        self._tasks: dict[str, list[SimulatedTask]] = {}
        """Of each life, those that are not done, and some that are."""
        self._readers: dict[int, tuple[Callable[..., Any], Context]] = {}
        self._readable: set[int] = set()
        self._count = 0
        self.steps = 0
        self.hunted: set[str] = set()
        """Lives whose each step `on_step` hears of."""
        self.on_step: Callable[[str], None] = lambda _member: None
        self.on_error: Callable[[str, str], None] = lambda _member, _words: None
        self.set_task_factory(self._make)  # type: ignore[arg-type]
        self.set_exception_handler(self._failed)

    # ------------------------------------------------------------------ what asyncio asks of a loop

    def time(self) -> float:
        return self._now

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        step = Step(self._now, callback, args, self, context)
        self._line_up(step)
        return step

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        step = Step(when, callback, args, self, context)
        heappush(self._timers, (when, self._random(), step))
        return step

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        step = Step(when := self._now + delay, callback, args, self, context)
        heappush(self._timers, (when, self._random(), step))
        return step

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """A thread's work: one step, some time later."""
        future = self.create_future()

        def work() -> None:
            try:
                result = func(*args)
            except Exception as error:  # noqa: BLE001 (it is handed to whoever waits, as a thread's is)
                if not future.cancelled():
                    future.set_exception(error)
            else:
                if not future.cancelled():
                    future.set_result(result)

        self.call_later(self._chance.choice(IN_A_THREAD), work)
        return future

    def add_reader(  # type: ignore[override]
        self, fd: Any, callback: Callable[..., Any], *_args: Any
    ) -> None:
        self._readers[fd] = callback, copy_context()
        if fd in self._readable:
            self.readable(fd)

    def remove_reader(self, fd: Any) -> bool:
        return self._readers.pop(fd, None) is not None

    def readable(self, fd: int) -> None:
        """There is news on a connection, from now on."""
        self._readable.add(fd)
        if fd in self._readers:
            callback, context = self._readers[fd]
            self.call_soon(callback, context=context)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It is passed over when its time comes."""

    def _process_events(self, event_list: Any) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody sleeps in a selector."""

    # ------------------------------------------------------------------ one step

    def _run_once(self) -> None:
        """One step after the other, until it is to stop."""
        lines, timers, frozen, hunted = self._lines, self._timers, self._frozen, self.hunted
        while not self._stopping:  # type: ignore[attr-defined]
            now = self._now
            while timers and timers[0][0] <= now:
                step = heappop(timers)[2]
                if not step._cancelled:
                    self._line_up(step)
            ready = [name for name in lines if name not in frozen] if frozen else list(lines)
            if not ready:
                if not timers:
                    raise RuntimeError("nothing will ever happen again")
                self._now = timers[0][0]
                continue
            name = ready[0] if len(ready) == 1 else self._chance.choice(ready)
            line = lines[name]
            step = line.popleft()
            if not line:
                del lines[name]
            if step._cancelled:
                continue
            self.steps += 1
            step._run()
            if hunted and name in hunted:
                self.on_step(name)

    def _line_up(self, step: Step) -> None:
        name = step._context.get(MEMBER, "")
        if name in self._dead:
            return
        line = self._lines.get(name)
        if line is None:
            self._lines[name] = deque((step,))
        else:
            line.append(step)

    # ------------------------------------------------------------------ what befalls members

    def kill(self, member: str) -> None:
        """Nothing of it runs ever again, and nothing of what it was doing is undone or ended."""
        self._dead.add(member)
        self._lines.pop(member, None)
        self._frozen.pop(member, None)
        context = Context()
        context.run(MEMBER.set, member)
        # They take up memory else. What they do at their ends reaches nobody; what they begin then ends too.
        while mine := self._tasks.pop(member, []):
            for task in mine:
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                with _running(self):
                    context.run(_close, task.get_coro())

    def freeze(self, member: str, seconds: float) -> None:
        """It stands still, as under SIGSTOP; what becomes due meanwhile waits for it."""
        until = self._frozen[member] = self._now + seconds

        def thaw() -> None:
            if self._frozen.get(member) == until:
                del self._frozen[member]

        self.call_later(seconds, thaw, context=Context())

    def is_dead(self, member: str) -> bool:
        return member in self._dead

    def is_frozen(self, member: str) -> bool:
        return member in self._frozen

    def _make(
        self, loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **more: Any
    ) -> SimulatedTask:
        self._count += 1
        task = SimulatedTask(coro, self._count, loop=loop, **more)
        context: Context | None = more.get("context")
        member = context.get(MEMBER, "") if context is not None else MEMBER.get()
        mine = self._tasks.setdefault(member, [])
        mine.append(task)
        if len(mine) % MANY == 0:
            mine[:] = [each for each in mine if not each.done()]
        return task

    def _failed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        words = f"{context.get('message')}: {error!r}" if error is not None else str(context.get("message"))
        self.on_error(MEMBER.get(), words)


def _close(coroutine: Any) -> None:
    """End it, however often it waits for something at its end."""
    while coroutine.cr_frame is not None:
        with suppress(BaseException):
            coroutine.close()


@contextmanager
def _running(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """What is begun meanwhile is begun in this loop, though it has stopped."""
    before = asyncio._get_running_loop()
    asyncio._set_running_loop(loop)
    try:
        yield
    finally:
        asyncio._set_running_loop(before)
