"""Ticks, with APScheduler as the clock.

Where APScheduler alone would not do what is wanted here, the reason stands beside the line that sees to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from apscheduler.executors.debug import DebugExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from watcher.ports.clock import Clock
from watcher.service.poll_times import PollTimes

APART = timedelta(seconds=0.5)
"""No two ticks are so close together; what is known of another clock is not that far off."""

Timed: TypeAlias = tuple[PollTimes, float, Callable[[], None]]
"""What is done at poll times, each at this share of the interval."""


class Ticks:
    """Ticks, called on the loop that runs them."""

    def __init__(self, slots: Iterable[Timed], clock: Clock) -> None:
        # A tick is done on the loop, at once: in a task of its own it would be cut off by the end, and lost.
        self._scheduler = AsyncIOScheduler(timezone=UTC, executors={"default": DebugExecutor()})
        for number, (times, phase, tick) in enumerate(slots):
            self._scheduler.add_job(
                tick,
                PollTrigger(times, phase, clock),
                # Those of one moment tick in their order here; by themselves they have random names.
                id=f"{number:08d}",
                # Late is better than never: a busy or sleeping machine must not lose a poll.
                misfire_grace_time=None,
                # Once is enough: it must not make up for each one that it slept through.
                coalesce=True,
            )

    async def run(self) -> None:
        """Tick until cancelled."""
        self._scheduler.start()
        try:
            await asyncio.Event().wait()
        finally:
            self._scheduler.shutdown(wait=False)


class PollTrigger(BaseTrigger):  # type: ignore[misc]
    """The ticks of some poll times, as APScheduler asks for them."""

    def __init__(self, times: PollTimes, phase: float = 0.0, clock: Clock | None = None) -> None:
        """`clock`: by which they come; None: by APScheduler's own."""
        self._times, self._phase, self._clock = times, phase, clock

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        # APScheduler has the machine's time; where members share another one, it is as far ahead of that.
        ahead = self._ahead(now)
        # APScheduler asks for each tick since the last one, a million of them after a year of sleep: those
        # that were missed are left out here, for one poll makes up for all of them.
        after = datetime.resolution if not ahead else APART
        start = now - ahead if previous is None else max(previous - ahead + after, now - ahead)
        return next(self._times.ticks(start, self._phase)) + ahead

    def _ahead(self, now: datetime) -> timedelta:
        ahead = (now - self._clock.now()).total_seconds() if self._clock is not None else 0.0
        return timedelta(seconds=round(ahead, 1))
