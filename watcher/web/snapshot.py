"""Snapshots of everything that the pages show, each shared by all who ask within a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TypeVar

from watcher.config.settings import Settings
from watcher.domain.audit import AuditFilter
from watcher.domain.credits.allowance import CreditPlan
from watcher.domain.decision import Snapshot
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Account
from watcher.domain.records import Record, field
from watcher.domain.values.errors import StoreBusyError
from watcher.ports.clock import Clock
from watcher.ports.members import WorkState
from watcher.ports.queries import ChannelState, PollMark, Queries
from watcher.ports.store import StoreAccess
from watcher.reports import status
from watcher.reports.health import Readiness, channels_of, readiness, tally
from watcher.reports.members import member_troubles
from watcher.reports.rows import StatusRow
from watcher.service.metrics import Metrics
from watcher.web.lanes import LANE, Lane

T = TypeVar("T")

FRESH = 2.0
"""Seconds for which a snapshot serves everybody who asks."""


class PageSnapshot(Record, frozen=True):
    """Everything at one moment."""

    at: datetime
    past: Snapshot
    status: StatusRow
    channels: list[ChannelState]
    readiness: Readiness
    size: int | None = None
    """Bytes that the store takes."""
    work: WorkState | None = None
    """What members have before them."""
    acted: int = 0
    """Number of the newest entry in the audit log: what people do, changes the pages."""
    pages: dict[Hashable, asyncio.Future[bytes]] = field(default_factory=dict)
    """What was made from this snapshot already, or is being made: once for all who ask for it."""
    revision: object = field(default_factory=object)
    """Stands for this snapshot where it must not be kept alive."""


class PageSnapshots:
    """The newest snapshot, read from the store for the pages. One thread does all of it, and another one what
    is large, so that a crowd of readers never holds the loop that polls and tells."""

    def __init__(
        self,
        settings: Settings,
        store: StoreAccess,
        plans: Mapping[str, CreditPlan],
        clock: Clock,
        *,
        past: Callable[[Sequence[Account]], Awaitable[Snapshot]] | None = None,
        rules: Rules | None = None,
        stuck: Callable[[], Sequence[str]] = tuple,
        doubts: Callable[[], Sequence[str]] = tuple,
        away: Callable[[], str] = str,
        metrics: Metrics | None = None,
    ) -> None:
        """`past`: the daemon's own memory of accounts; without it they are read from the store.
        `rules`: those in force. `away`: why the store cannot be reached, and since when; empty if it can.
        `metrics`: what it counts."""
        self.settings, self.metrics = settings, metrics
        self.rules = rules or Rules((), {}, ())
        self.clock = clock
        self.wallets = status.wallets_by_account(settings)
        self.plans = plans
        self._store = store
        self._past, self._stuck, self._doubts, self._away = past, stuck, doubts, away
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="web")
        self._large = ThreadPoolExecutor(max_workers=1, thread_name_prefix="web-large")
        self._current: PageSnapshot | None = None
        self._read_at = 0.0
        self._forgotten = 0
        self._reading = asyncio.Lock()

    @property
    def store(self) -> StoreAccess:
        """Where the pages ask."""
        return self._store

    def forget(self) -> None:
        """Something was changed from here: whoever asks next is to see it."""
        self._current = None
        self._forgotten += 1

    async def close(self) -> None:
        for thread in (self._thread, self._large):
            thread.shutdown(wait=False, cancel_futures=True)

    async def current(self) -> PageSnapshot:
        """Everything as it was at most two seconds ago. StoreError if the store cannot be read."""
        async with self._reading:
            now, forgotten = self.clock.monotonic(), self._forgotten
            if self._current is not None and 0 <= now - self._read_at < FRESH:
                return self._current
            past = await self._remembered()
            at, stuck = self.clock.now(), tuple(self._stuck())
            found = await self._in(self._thread, lambda: self._read(past, at, stuck))
            if forgotten == self._forgotten:  # else something was changed while it was read
                self._current, self._read_at = found, now
            return found

    async def known(self) -> Snapshot:
        """What is known of all accounts, as the daemon remembers it."""
        past = await self._remembered()
        return past if past is not None else await self.ask(lambda reader: reader.past())

    async def ask(self, question: Callable[[Queries], T]) -> T:
        """Put a question to the store."""
        self._reach()

        def asking() -> T:
            with self._store.queries() as reader:
                return question(reader)

        return await self.work(asking)

    async def work(self, job: Callable[[], T]) -> T:
        """Run what takes a while beside the loop, in the lane of the request."""
        return await self._in(self._large if LANE.get() is Lane.LARGE else self._thread, job)

    async def readiness(self, work: Callable[[Callable[[], Readiness]], Awaitable[Readiness]]) -> Readiness:
        """Would an alert reach somebody now? StoreError if the store cannot be read.

        `work`: runs what takes a while, in neither lane.
        """
        self._reach()
        at, stuck = self.clock.now(), tuple(self._stuck())

        def look() -> Readiness:
            with self._store.queries() as reader:
                return status.ready(self.settings, reader, at, stuck=stuck, doubts=self._doubts())[0]

        return await work(look)

    async def _remembered(self) -> Snapshot | None:
        """The daemon's own memory; None if it is to be read."""
        self._reach()
        return await self._past(list(self.wallets)) if self._past is not None else None

    def _reach(self) -> None:
        """StoreBusyError at once where it is known that the store is away: nobody waits for it."""
        if away := self._away():
            raise StoreBusyError(away)

    @staticmethod
    async def _in(thread: ThreadPoolExecutor, job: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(thread, job)

    def _read(self, past: Snapshot | None, now: datetime, stuck: Sequence[str]) -> PageSnapshot:
        with self._store.queries() as reader:
            past = past or reader.past()
            report = status.report(self.settings, reader, now, self.plans, past)
            channels = channels_of(self.settings, reader, now)
            size, work = reader.size(), reader.work()
            acted = next((each.id for each in reader.audit(AuditFilter(), 1)), 0)
        late = status.late_ones(report["accounts"])
        marks = (PollMark(each, of.last_reading, of.misses) for each, of in past.accounts.items())
        polls = tally(self.wallets, marks, lambda mark: mark.account in late)
        odd = member_troubles(report["members"])
        ready = readiness(polls, channels, now, stuck=stuck, doubts=[*self._doubts(), *odd])
        return PageSnapshot(now, past, report, channels, ready, size, work, acted)
