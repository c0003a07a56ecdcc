"""Members on PostgreSQL: one of them leads each role, for as long as the server hears from it."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol, TypeVar

from watcher.domain.values.durations import span
from watcher.domain.values.errors import StoreBusyError, StoreError, StoreInUseError
from watcher.ports.clock import Clock
from watcher.ports.members import Identity, Lease
from watcher.store.postgres.clock import DatabaseClock, Timer
from watcher.store.postgres.election import Aims, Ballot, Standing, aims
from watcher.store.postgres.migrate import migrations
from watcher.store.postgres.outage import Outage
from watcher.store.postgres.pool import Pool

log = logging.getLogger(__name__)

T = TypeVar("T")


class Run(Protocol):
    """Does what may take its time."""

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]: ...


EVERY = 2.0
"""Seconds between two signs of life, each of which tries for what is free."""
SILENT = 8.0
"""Seconds without an answer of the server after which a member leads nothing any more. The server takes its
roles from it a little later (`election.IDLE`)."""
GHOST = 12.0
"""Seconds for which the server may take a member for alive that has died with its machine."""
FIRST_WAIT, LONGEST_WAIT = 0.5, 5.0
"""Seconds before the next attempt to reach a server, doubling: short, for a server that starts anew."""
LEFT = 10.0
"""Seconds that work has to end that is left to another."""


class PostgresMembers:
    """One member. What it leads is known here without asking, and given up without asking too."""

    def __init__(
        self,
        connect: Callable[[], Ballot],
        place: str,
        known: int,
        clock: DatabaseClock,
        *,
        outage: Outage | None = None,
        silent: Callable[[], None] = lambda: None,
        timer: Timer | None = None,
        run: Run | None = None,
    ) -> None:
        """`known`: the version of the schema that this watcher knows. `outage`: of all that the process does
        on the server. `silent`: called when the server answers no longer. `run`: does what takes its time in
        a thread."""
        self._connect, self._place, self._known = connect, place, known
        self._timer, self._run = timer or Timer(), run or self._in_thread
        self._ticks = self._timer.monotonic
        self.clock: Clock = clock
        self._clock = clock
        self.identity = Identity("")
        self._outage, self._silent = outage or Outage(place, self._timer, clock), silent
        self.trouble = ""
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="members")
        self._ballot: Ballot | None = None
        self._leases: dict[str, Lease] = {}
        self._leaving: dict[str, float] = {}
        """Roles that are the server's to give away once nothing is done under them, and until when."""
        self._reached = 0.0
        self._joins = True
        self._news, self._stir = asyncio.Event(), asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    # ------------------------------------------------------------------ what others ask

    @property
    def away(self) -> str:
        return self._outage.words

    async def introduce(self, who: Callable[[], Identity]) -> None:
        before, identity = self.identity, who()
        self.identity = identity
        if self._task is None:
            await self._join(self._ticks() + GHOST)
            await self._beat()
            self._task = asyncio.create_task(self._keep(), name="members")
        elif before != identity:
            self._stir.set()

    def leads(self, role: str) -> bool:
        return role in self._leases and self._ticks() - self._reached < SILENT

    async def gained(self, role: str) -> Lease:
        while not self.leads(role):
            await self._news.wait()
        return self._leases[role]

    async def lost(self, lease: Lease) -> None:
        while self._leases.get(lease.role) == lease:
            await self._news.wait()

    async def release(self, lease: Lease) -> None:
        if lease.role in self._leaving:
            self._leaving[lease.role] = 0.0
            self._stir.set()

    async def close(self) -> None:
        """Leave the others, who may lead at once what this one led."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        ballot, self._ballot = self._ballot, None
        self._drop()
        if ballot is not None:
            leaving = asyncio.ensure_future(self._run(partial(ballot.close, self.identity.name)))
            leaving.add_done_callback(_forget)
            await asyncio.wait([leaving], timeout=EVERY)
            ballot.abandon()
        self._thread.shutdown(wait=False)

    # ------------------------------------------------------------------ signs of life

    async def _keep(self) -> None:
        """Beat after beat, until cancelled. What is led is led no longer than the server is there."""
        while True:
            try:
                await self._rest()
                await self._beat()
            except StoreError as error:
                self._lose(error)
                await self._back(error)
            except Exception:
                log.exception("unexpected error among members of %s", self._place)
                self._lose(StoreError("internal error"))
                await self._timer.sleep(LONGEST_WAIT)

    async def _rest(self) -> None:
        """Until the next beat; shorter if the server, or somebody here, has news."""
        ballot, loop = self._ballot, asyncio.get_running_loop()
        if ballot is None:
            return
        line = ballot.fileno()
        loop.add_reader(line, self._stir.set)
        try:
            await self._timer.wait(self._stir, EVERY)
        finally:
            loop.remove_reader(line)
            self._stir.clear()

    async def _beat(self) -> None:
        """Say that this one is there; take up and leave what is to be led."""
        asked = self._ticks()
        identity, joins = self.identity, self._joins
        found = await self._ask(lambda ballot: ballot.beat(identity, self._clock.ahead, joins=joins))
        self._joins = False
        self._clock.told(found.epoch, asked, self._ticks())
        self._note(asked)
        now = self._ticks()
        over = [role for role, until in self._leaving.items() if until <= now]
        if over:
            await self._ask(lambda ballot: ballot.leave(over))
            self._leaving = {role: until for role, until in self._leaving.items() if role not in over}
        await self._follow(self._aims(found))

    def _aims(self, found: Standing) -> Aims:
        if found.oldest > self._known:
            self._say(
                f"{self._place}: written by a newer watcher (it needs schema {found.oldest}, this one knows "
                f"{self._known}); this member does nothing until it is upgraded"
            )
            return Aims(leave=tuple(self._leases))
        ahead, words = self._clock.ahead, ""
        aimed = aims(self.identity, {*self._leases, *self._leaving}, found, ahead)
        if aimed.differs_from:
            words = (
                f"{aimed.differs_from} plans by other rules or another watch list; this member does nothing "
                "until both have the same files"
            )
        elif aimed.to_others:
            way = "ahead of" if ahead > 0 else "behind"
            words = (
                f"the clock of this machine is {span(abs(ahead))} {way} the database's; others do what this "
                "member led, until it is set"
            )
        self._say(words)
        return aimed

    def _say(self, words: str) -> None:
        if words != self.trouble:
            log.warning("%s", words) if words else log.info("this member works with the others again")
            self.trouble = words

    async def _follow(self, aimed: Aims) -> None:
        now, name = self._ticks(), self.identity.name
        for role in aimed.leave:
            if self._leases.pop(role, None) is not None:
                self._leaving[role] = now + LEFT
                self._tell()
        if not aimed.take and not (aimed.share and aimed.room):
            return
        asked = self._ticks()
        won = await self._ask(
            lambda ballot: {
                **ballot.take(name, aimed.take, len(aimed.take)),
                **ballot.take(name, aimed.share, aimed.room),
            }
        )
        self._reached = asked
        for role, term in won.items():
            self._leases[role] = Lease(role, term, name)
        if won:
            log.info("this member leads now: %s", ", ".join(won))
            self._tell()

    def _note(self, asked: float) -> None:
        self._reached = asked
        self._outage.over()

    # ------------------------------------------------------------------ outages

    def _lose(self, error: StoreError) -> None:
        """Whoever the server does not hear leads nothing: at once, before anything else."""
        self._drop()
        self._outage.lost(error)

    def _drop(self) -> None:
        self._leases.clear()
        self._leaving.clear()
        self._tell()
        if self._ballot is not None:
            self._ballot.abandon()
            self._thread.submit(self._ballot.close)
            self._ballot = None
            self._thread.shutdown(wait=False)  # it may wait for a server that is gone
            self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="members")

    async def _back(self, error: StoreError) -> None:
        """Reach the server again."""
        wait = FIRST_WAIT
        while True:
            self._outage.lost(error)
            await self._timer.sleep(wait * random.uniform(0.5, 1.0))
            wait = min(wait * 2, LONGEST_WAIT)
            try:
                await self._join(0.0)
                await self._beat()
            except StoreError as again:
                error = again
                self._drop()
            else:
                return

    async def _join(self, until: float) -> None:
        """Connect, and be called by one's name. Who has died with its machine may have it for a while."""
        self._drop()
        self._ballot = await self._run(self._connect)
        self._reached = self._ticks()
        while not await self._ask(lambda ballot: ballot.called(self.identity.name)):
            if self._ticks() >= until:
                raise StoreInUseError(
                    f"{self._place}: a member named {self.identity.name} is at work already; give each "
                    "machine a name of its own (`cluster: {name: …}`), or stop the other one"
                )
            await self._timer.sleep(FIRST_WAIT)

    async def _ask(self, work: Callable[[Ballot], T]) -> T:
        """What the server answers. StoreBusyError if it has not answered for too long."""
        ballot = self._ballot
        if ballot is None:
            raise StoreBusyError(f"{self._place}: the connection was lost")
        asked, heard = asyncio.ensure_future(self._run(partial(work, ballot))), asyncio.Event()
        asked.add_done_callback(_forget)  # who waits may be cancelled before the server has answered
        asked.add_done_callback(lambda _: heard.set())
        if await self._timer.wait(heard, max(self._reached + SILENT - self._ticks(), 0.1)):
            return asked.result()
        self._silent()
        raise StoreBusyError(f"{self._place}: the server has not answered for {SILENT:g} s")

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


def _forget(future: asyncio.Future[T]) -> None:
    """What comes of it is nobody's any more."""
    if not future.cancelled():
        future.exception()


def joining(pool: Pool, clock: DatabaseClock, outage: Outage, silent: Callable[[], None]) -> PostgresMembers:
    """A member that will introduce itself."""
    return PostgresMembers(
        partial(Ballot, pool), pool.place, len(migrations()), clock, outage=outage, silent=silent
    )
