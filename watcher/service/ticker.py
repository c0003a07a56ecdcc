"""APScheduler as a clock: a tick puts accounts into their source's queue, nothing more."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.executors.debug import DebugExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from watcher.domain.model import Account
from watcher.domain.values.cron import read_cron

Put = Callable[[Sequence[Account]], None]

SLOT = 50
"""Accounts of one cadence that share a tick, about as many as one request holds."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

AHEAD = timedelta(days=28)
"""How far a cron line is looked through to find how often it ticks."""


@dataclass(frozen=True, slots=True)
class PollTimes:
    """When accounts are polled: at an interval, or by a cron line in a zone."""

    every: timedelta | None = None
    cron: str = ""
    timezone: str = "UTC"

    def ticks(self, start: datetime, phase: float = 0.0) -> Iterator[datetime]:
        """All ticks from `start` on, in UTC; `phase` (0..1) moves those of an interval within it.

        Those of an interval are aligned to the epoch, so a restart does not move them.
        """
        start = start.astimezone(UTC)
        if self.every is None:
            return read_cron(self.cron).ticks(ZoneInfo(self.timezone), start)
        first = start + (EPOCH + phase * self.every - start) % self.every
        return (first + n * self.every for n in itertools.count())

    def latest(self, now: datetime) -> datetime | None:
        """The last tick before `now` or at it; None if there was none for years."""
        for back in (timedelta(days=1), AHEAD, timedelta(days=3000)):
            ticks = itertools.takewhile(lambda tick: tick <= now, self.ticks(now - back))
            if found := deque(ticks, maxlen=1):
                return found[0]
        return None

    def per_second(self, now: datetime) -> float:
        """Ticks a second, on average."""
        if self.every is not None:
            return 1 / self.every.total_seconds()
        until = now + AHEAD
        count = sum(1 for _ in itertools.takewhile(lambda tick: tick < until, self.ticks(now)))
        return count / AHEAD.total_seconds() if count else 1 / (next(self.ticks(now)) - now).total_seconds()


class PollTrigger(BaseTrigger):  # type: ignore[misc]
    """A cadence for APScheduler. Ticks that were missed are left out: one poll makes up for all of them."""

    def __init__(self, cadence: PollTimes, phase: float = 0.0) -> None:
        self._cadence, self._phase = cadence, phase

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        start = now if previous is None else max(previous + datetime.resolution, now)
        return next(self._cadence.ticks(start, self._phase))


@dataclass(slots=True)
class Ticker:
    """Owns the scheduler: one job for each cadence and slot of accounts."""

    now: Callable[[], datetime]
    _scheduler: AsyncIOScheduler = field(
        # A tick is done on the loop, at once: in a task of its own it would be cut off by `stop`, and lost.
        default_factory=lambda: AsyncIOScheduler(timezone=UTC, executors={"default": DebugExecutor()})
    )
    _last: dict[Account, datetime] = field(default_factory=dict)

    def add(self, cadence: PollTimes, accounts: Sequence[Account], put: Put) -> None:
        """Poll these accounts of one source at this cadence, spread over its interval."""
        slots = [accounts[i : i + SLOT] for i in range(0, len(accounts), SLOT)]
        for number, slot in enumerate(slots):
            self._scheduler.add_job(
                self._tick,
                PollTrigger(cadence, number / len(slots)),
                args=(cadence, tuple(slot), put),
                # Late is better than never, and once is enough: a busy or sleeping machine must
                # not lose a poll, nor make up for each one that it slept through.
                misfire_grace_time=None,
                coalesce=True,
                max_instances=1,
            )

    def overdue(
        self, cadence: PollTimes, accounts: Iterable[Account], attempts: Mapping[Account, datetime]
    ) -> list[Account]:
        """Accounts whose poll was due while nobody was there; the others wait for their tick."""
        now = self.now()
        # Whoever was asked from then on has missed nothing.
        since = cadence.latest(now) if cadence.every is None else now - cadence.every + datetime.resolution
        late = []
        for account in accounts:
            last = attempts.get(account)
            if last is not None and last <= now:
                self._last[account] = last
            if last is None or last > now or (since is not None and last < since):
                late.append(account)
                self._last[account] = now
        return late

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def _tick(self, cadence: PollTimes, accounts: tuple[Account, ...], put: Put) -> None:
        now, known = self.now(), self._last
        recent = now - cadence.every / 2 if cadence.every is not None else now
        due = []
        for account in accounts:
            last = known.get(account)
            if last is None or not recent < last <= now:
                known[account] = now
                due.append(account)
        put(due)
