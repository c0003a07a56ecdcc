"""Wall clock: from what it shows to the moment when it shows it.

No arithmetic is done on times that have a zone: whole days are counted on the calendar, the rest in UTC.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo

_SECOND = timedelta(seconds=1)


def moment_of(day: date, at: time, zone: tzinfo) -> datetime:
    """The first moment (UTC) at which a clock of this zone shows that time of that day.

    Where clocks are put forward over it: the moment right after the gap.
    """
    wall = datetime.combine(day, at)
    late = wall.replace(tzinfo=zone).astimezone(UTC)
    if late.astimezone(zone).replace(tzinfo=None) == wall:
        return late
    # In the gap the offset from before it leads past its end, and the one from after it to before it.
    early = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    after = late.astimezone(zone).utcoffset()
    while late - early > _SECOND:
        middle = early + (late - early) // _SECOND // 2 * _SECOND
        if middle.astimezone(zone).utcoffset() == after:
            late = middle
        else:
            early = middle
    return late


def moments_of(day: date, at: time, zone: tzinfo) -> list[datetime]:
    """All moments (UTC) at which a clock of this zone shows that time of that day: none, one or two."""
    wall = datetime.combine(day, at)
    found = {wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return sorted(each for each in found if each.astimezone(zone).replace(tzinfo=None) == wall)
