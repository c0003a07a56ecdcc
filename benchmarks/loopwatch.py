"""How long each callback holds the event loop: by the wall clock, and by the CPU time of its thread.

On a busy machine the wall clock counts other programs too; CPU time does not, but misses waits.
"""

from __future__ import annotations

import asyncio
import heapq
import json
import time
from pathlib import Path
from typing import Any

KEPT = 300


def name_of(task: asyncio.Task[Any]) -> str:
    """The coroutine that a task runs."""
    return getattr(task.get_coro(), "__qualname__", None) or task.get_name()


class LoopWatch:
    """Times every callback of every loop in this process from its making on."""

    def __init__(self) -> None:
        self.longest: list[tuple[float, float, float, str]] = []
        self.started = time.monotonic()
        self._run: Any = asyncio.events.Handle._run  # noqa: SLF001 (there is no public way to see callbacks)
        watch, run = self, self._run

        def timed(handle: asyncio.Handle) -> None:
            wall, cpu = time.perf_counter(), time.thread_time()
            run(handle)
            wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
            if wall > 0.002:
                watch.note(handle, wall, cpu)

        asyncio.events.Handle._run = timed  # type: ignore[method-assign,assignment] # noqa: SLF001

    def note(self, handle: Any, wall: float, cpu: float) -> None:
        callback = handle._callback  # noqa: SLF001
        task = getattr(callback, "__self__", None)
        name = name_of(task) if isinstance(task, asyncio.Task) else getattr(callback, "__qualname__", "?")
        item = (wall, cpu, time.monotonic() - self.started, name)
        if len(self.longest) < KEPT:
            heapq.heappush(self.longest, item)
        else:
            heapq.heappushpop(self.longest, item)

    def write(self, path: Path) -> None:
        """Seconds by the wall clock, by CPU, since the start, and the task's name; longest first."""
        path.write_text(json.dumps(sorted(self.longest, reverse=True)))
