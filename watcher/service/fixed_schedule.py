"""Fixed schedule: intervals and cron lines, with APScheduler as the clock.

A tick puts accounts into their source's queue, nothing more. Where APScheduler alone would not do what is
wanted here, the reason stands beside the line that sees to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from apscheduler.executors.debug import DebugExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from watcher.domain.credits.allowance import Purpose
from watcher.domain.model import Account
from watcher.ports.clock import Clock
from watcher.ports.queue import Queue
from watcher.service.poll_times import PollTimes

SLOT = 50
"""Accounts of the same poll times that share a tick, about as many as one request holds."""


class FixedScheduler:
    """The schedule of one source's accounts at fixed times. `run` makes them due."""

    def __init__(
        self,
        fixed: Mapping[PollTimes, Sequence[Account]],
        affordable: Callable[[Sequence[Account]], Sequence[Account]],
        clock: Clock,
        queue: Queue,
    ) -> None:
        """`affordable`: those of some accounts that a tick may ask for now."""
        self._fixed, self._affordable, self._clock, self._queue = fixed, affordable, clock, queue
        # APScheduler knows of its own ticks only: whoever was made due by `begin`, less than half an interval
        # ago, is left out of a tick.
        self._last: dict[Account, datetime] = {}
        # A tick is done on the loop, at once: in a task of its own it would be cut off by the end, and lost.
        self._scheduler = AsyncIOScheduler(timezone=UTC, executors={"default": DebugExecutor()})
        for times, accounts in fixed.items():
            self._add(times, accounts)

    def begin(self, attempts: Mapping[Account, datetime | None]) -> None:
        """Make due whose time came while nobody was there, by their last `attempts`; the others wait."""
        for times, accounts in self._fixed.items():
            self._put(self._overdue(times, accounts, attempts))

    async def run(self) -> None:
        """Tick until cancelled."""
        self._scheduler.start()
        try:
            await asyncio.Event().wait()
        finally:
            self._scheduler.shutdown(wait=False)

    def _add(self, times: PollTimes, accounts: Sequence[Account]) -> None:
        """One job for each slot of accounts, spread over the interval."""
        slots = [accounts[start : start + SLOT] for start in range(0, len(accounts), SLOT)]
        for number, slot in enumerate(slots):
            self._scheduler.add_job(
                self._tick,
                PollTrigger(times, number / len(slots)),
                args=(times, slot),
                # Late is better than never: a busy or sleeping machine must not lose a poll.
                misfire_grace_time=None,
                # Once is enough: it must not make up for each one that it slept through.
                coalesce=True,
            )

    def _overdue(
        self, times: PollTimes, accounts: Sequence[Account], attempts: Mapping[Account, datetime | None]
    ) -> list[Account]:
        now = self._clock.now()
        # Whoever was asked from then on has missed nothing.
        since = times.latest(now) if times.every is None else now - times.every + datetime.resolution
        late = []
        for account in accounts:
            last = attempts.get(account)
            if last is not None and last <= now:
                self._last[account] = last
            if last is None or last > now or (since is not None and last < since):
                late.append(account)
                self._last[account] = now
        return late

    def _tick(self, times: PollTimes, accounts: Sequence[Account]) -> None:
        now, known = self._clock.now(), self._last
        recent = now - times.every / 2 if times.every is not None else now
        due = []
        for account in accounts:
            last = known.get(account)
            if last is None or not recent < last <= now:
                known[account] = now
                due.append(account)
        self._put(due)

    def _put(self, accounts: Sequence[Account]) -> None:
        self._queue.put(self._affordable(accounts), Purpose.SCHEDULED)


class PollTrigger(BaseTrigger):  # type: ignore[misc]
    """The ticks of some poll times, as APScheduler asks for them."""

    def __init__(self, times: PollTimes, phase: float = 0.0) -> None:
        self._times, self._phase = times, phase

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        # APScheduler asks for each tick since the last one, a million of them after a year of sleep: those
        # that were missed are left out here, for one poll makes up for all of them.
        start = now if previous is None else max(previous + datetime.resolution, now)
        return next(self._times.ticks(start, self._phase))
