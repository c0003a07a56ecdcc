"""Poll times: when an account is polled that has a fixed interval or a cron line."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from watcher.domain.records import Record
from watcher.domain.values.cron import read_cron

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

AHEAD = timedelta(days=28)
"""How far a cron line is looked through to find how often it ticks."""


class PollTimes(Record, frozen=True):
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
