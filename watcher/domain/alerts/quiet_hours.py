"""Quiet hours of a channel: in which part of the day, in its own time zone, people are left alone."""

from __future__ import annotations

from datetime import datetime, time, timedelta, tzinfo

from watcher.domain.records import Record
from watcher.domain.values.wallclock import moment_of

EVERY_DAY = frozenset(range(7))
_DAY = timedelta(days=1)


class QuietPeriod(Record, frozen=True):
    """From `start` to `end` by the clock of `zone`; if `end` is not after `start`, it is on the next day.

    `days` are those on which a window begins, Monday is 0. Where clocks are put forward over the start
    or the end, it is the moment right after the gap; put back, the first of both.
    """

    start: time
    end: time
    zone: tzinfo
    days: frozenset[int] = EVERY_DAY

    def until(self, now: datetime) -> datetime | None:
        """When the window that it is now ends (UTC); None outside of all of them."""
        ends = [end for begin, end in self._around(now, 1) if begin <= now < end]
        return max(ends, default=None)

    def last_end(self, now: datetime) -> datetime | None:
        """When the last window of these days ended; None if there was none."""
        return max((end for _, end in self._around(now, 8) if end <= now), default=None)

    def _around(self, now: datetime, days: int) -> list[tuple[datetime, datetime]]:
        """The windows that began today or on so many days before, in UTC."""
        today = now.astimezone(self.zone).date()
        found = []
        for back in range(days + 1):
            day = today - back * _DAY
            if day.weekday() in self.days:
                last = day if self.end > self.start else day + _DAY
                found.append((moment_of(day, self.start, self.zone), moment_of(last, self.end, self.zone)))
        return found
