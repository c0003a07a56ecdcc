"""Every change of a clock that tzdata knows of, once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

SECOND, WEEK = timedelta(seconds=1), timedelta(days=7)
SINCE, UNTIL = datetime(2024, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)

# A day that was left out, clocks put back over midnight, and put forward over it.
OLD = (("Pacific/Apia", 2011, 12), ("America/St_Johns", 2010, 11), ("America/Toronto", 1919, 3))


@dataclass(frozen=True, slots=True)
class Change:
    """From the moment `at` on clocks of the zone show another time."""

    zone: ZoneInfo
    at: datetime
    before: timedelta
    after: timedelta

    def __str__(self) -> str:
        return f"{self.zone.key} {self.at:%Y-%m-%d}"


@cache
def changes() -> tuple[Change, ...]:
    """All from 2024 to 2030 and some odd ones; of zones with the same changes only one."""
    alike: dict[tuple[tuple[datetime, timedelta], ...], list[Change]] = {}
    for name in sorted(available_timezones()):
        found = list(_of(ZoneInfo(name), SINCE, UNTIL))
        alike[tuple((each.at, each.after) for each in found)] = found
    old = [
        each
        for name, year, month in OLD
        for each in _of(
            ZoneInfo(name), datetime(year, month, 1, tzinfo=UTC), datetime(year, month, 28, tzinfo=UTC) + WEEK
        )
    ]
    return (*(each for found in alike.values() for each in found), *old)


def _of(zone: ZoneInfo, since: datetime, until: datetime) -> Iterator[Change]:
    at, before = since, since.astimezone(zone).utcoffset()
    while at < until:
        later = at + WEEK
        after = later.astimezone(zone).utcoffset()
        if after != before and before is not None and after is not None:
            low, high = at, later
            while high - low > SECOND:
                middle = low + (high - low) // SECOND // 2 * SECOND
                low, high = (middle, high) if middle.astimezone(zone).utcoffset() == before else (low, middle)
            yield Change(zone, high, before, after)
        at, before = later, after
