"""Periods of whole days that reports are about: when the report of one is due, and what it spans."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import takewhile
from typing import NamedTuple
from zoneinfo import ZoneInfo

from watcher.domain.values.cron import read_cron, tick_after
from watcher.domain.values.wallclock import moment_of

_DAY = timedelta(days=1)
_MIDNIGHT = time()
_LOOKS = tuple(timedelta(days=days) for days in (3, 16, 70, 800, 6000))
"""How far back two ticks are looked for: of a line for each day, week, month, year, and leap day."""


class Period(NamedTuple):
    """Whole days of a zone, from the beginning of the first up to the beginning of the one after the last.
    `due`: when its report is to be made."""

    since: datetime
    until: datetime
    due: datetime


def period_due(line: str, timezone: str, now: datetime) -> Period:
    """The period whose report was due last: the days since the tick before, up to the day of the tick.

    `line`: a cron line that ticks once a day at most.
    """
    zone, found = ZoneInfo(timezone), list[datetime]()
    for back in _LOOKS:
        ticks = read_cron(line).ticks(zone, now.astimezone(UTC) - back)
        found = list(takewhile(lambda tick: tick <= now, ticks))[-2:]
        if len(found) == 2:
            break
    before, due = found
    since, until = (moment_of(at.astimezone(zone).date(), _MIDNIGHT, zone) for at in (before, due))
    return Period(since, until, due)


def next_due(line: str, timezone: str, now: datetime) -> datetime:
    """When the next report is to be made."""
    return tick_after(line, timezone, now)


def times_a_day(line: str) -> int:
    """How often a line ticks on a day that it chooses."""
    return len(read_cron(line).times)


def days_of(since: datetime, until: datetime, timezone: str) -> tuple[date, date] | None:
    """The first and the last day of a time that consists of whole days of a zone; None if it does not."""
    zone = ZoneInfo(timezone)
    first, end = (at.astimezone(zone).date() for at in (since, until))
    whole = all(moment_of(day, _MIDNIGHT, zone) == at for day, at in ((first, since), (end, until)))
    return (first, end - _DAY) if whole and first < end else None


def month_before(now: datetime, timezone: str) -> tuple[datetime, datetime]:
    """The last whole month of a zone, from its beginning up to its end."""
    zone = ZoneInfo(timezone)
    this = now.astimezone(zone).date().replace(day=1)
    before = (this - _DAY).replace(day=1)
    return moment_of(before, _MIDNIGHT, zone), moment_of(this, _MIDNIGHT, zone)


def beginning_of(day: date, timezone: str) -> datetime:
    """When a day of a zone begins."""
    return moment_of(day, _MIDNIGHT, ZoneInfo(timezone))
