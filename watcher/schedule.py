"""APScheduler as a clock: a tick puts accounts into their source's queue, nothing more."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from watcher.domain.model import Account
from watcher.ports import Source

Put = Callable[[Sequence[Account]], None]

SLOT = 50
"""Accounts of one cadence that share a tick, about as many as one request holds."""

SHORTEST_AUTO = timedelta(minutes=1)
LEAVE_FREE = 0.8
"""Share of a call limit that the schedule may plan with; the rest is for pages, retries and people."""


@dataclass(frozen=True, slots=True)
class Cadence:
    """When accounts are polled: at an interval, or by a cron line in a zone."""

    every: timedelta | None = None
    cron: str = ""
    timezone: str = "UTC"

    def trigger(self, phase: float, now: datetime) -> BaseTrigger:
        """The APScheduler trigger; `phase` (0..1) moves an interval's ticks within it.

        Interval ticks are aligned to the epoch, so a restart does not move them.
        """
        if self.every is None:
            return CronTrigger.from_crontab(self.cron, timezone=ZoneInfo(self.timezone))
        seconds = self.every.total_seconds()
        since = now.timestamp() - phase * seconds
        start = now.timestamp() + (-since) % seconds
        return IntervalTrigger(
            seconds=max(1, round(seconds)), start_date=datetime.fromtimestamp(start, UTC), timezone=UTC
        )

    def next_after(self, last: datetime | None, now: datetime) -> datetime:
        """When an account last asked for at `last` is due."""
        if self.every is None:
            due: datetime = self.trigger(0.0, now).get_next_fire_time(None, now)
            return due
        return max(now, last + self.every) if last is not None else now


@dataclass(slots=True)
class Ticker:
    """Owns the scheduler: one job for each cadence and slot of accounts."""

    now: Callable[[], datetime]
    _scheduler: AsyncIOScheduler = field(default_factory=lambda: AsyncIOScheduler(timezone=UTC))
    _last: dict[Account, datetime] = field(default_factory=dict)

    def add(self, cadence: Cadence, accounts: Sequence[Account], put: Put) -> None:
        """Poll these accounts of one source at this cadence, spread over its interval."""
        slots = [accounts[i : i + SLOT] for i in range(0, len(accounts), SLOT)]
        for number, slot in enumerate(slots):
            trigger = cadence.trigger(number / len(slots), self.now())
            self._scheduler.add_job(
                self._tick,
                trigger,
                args=(cadence, tuple(slot), put),
                # Late is better than never, and once is enough: a busy or sleeping machine must
                # not lose a poll, nor make up for each one that it slept through.
                misfire_grace_time=None,
                coalesce=True,
                max_instances=1,
            )

    def overdue(
        self, cadence: Cadence, accounts: Iterable[Account], attempts: Mapping[Account, datetime]
    ) -> list[Account]:
        """Accounts whose poll was due while nobody was there; the others wait for their tick."""
        now = self.now()
        late = []
        for account in accounts:
            last = attempts.get(account)
            if last is not None and last <= now:
                self._last[account] = last
            if last is None or last > now or (cadence.every is not None and now - last >= cadence.every):
                late.append(account)
                self._last[account] = now
        return late

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        self._scheduler.shutdown(wait=False)

    async def _tick(self, cadence: Cadence, accounts: tuple[Account, ...], put: Put) -> None:
        """A coroutine, so that it runs on the loop: a plain function would run in a thread."""
        now = self.now()
        due = []
        for account in accounts:
            last = self._last.get(account)
            recent = last is not None and cadence.every is not None and timedelta(0) <= now - last
            if recent and last is not None and now - last < cadence.every / 2:  # type: ignore[operator]
                continue
            self._last[account] = now
            due.append(account)
        put(due)


def spread(
    source: Source, accounts: Sequence[Account], fixed: Mapping[Cadence, Sequence[Account]], now: datetime
) -> timedelta:
    """One interval for all accounts on `auto`: the shortest that the allowance can keep up."""
    allowance = source.allowance
    seconds = SHORTEST_AUTO.total_seconds()
    if allowance.credits is not None:
        start, end = allowance.credits.bounds(now)
        budget = (allowance.credits.limit - allowance.credits.reserved) / (end - start).total_seconds()
        taken = sum(_polls_per_second(cadence) * _cost(source, group) for cadence, group in fixed.items())
        seconds = max(seconds, _cost(source, accounts) / max(budget - taken, budget / 20))
    requests = len(source.plan(accounts, now))
    for window in allowance.windows:
        taken = sum(
            _polls_per_second(cadence) * len(source.plan(group, now)) for cadence, group in fixed.items()
        )
        calls = LEAVE_FREE * window.calls / window.seconds
        seconds = max(seconds, requests / max(calls - taken, calls / 20))
    return timedelta(seconds=math.ceil(seconds))


def _polls_per_second(cadence: Cadence) -> float:
    return 1 / cadence.every.total_seconds() if cadence.every is not None else 1 / 600


def _cost(source: Source, accounts: Sequence[Account]) -> int:
    return sum(source.cost(account) for account in accounts)
