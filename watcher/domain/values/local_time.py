"""Local time: the times in a text, as people of one zone read them.

Every text about what was seen has its times in one form, `2026-01-05 08:00:00 UTC`, which `formatting.moment`
alone writes. So one reader finds them all, wherever they stand: in a rule's own words, a reason, a fact. The
text that was decided stays as it is in the store, and each channel is shown its own. A name that looks like a
time is shown like one: that decides nothing, and whoever sends tokens writes their names anyway.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo

from watcher.domain.records import Record
from watcher.domain.values.formatting import MOMENT

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MOMENT = r"(?<![\w:.+-])[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} UTC(?!\w)"
_MOMENTS = re.compile(rf"(?P<start>{_MOMENT})(?P<joint> and | to )(?P<end>{_MOMENT})|{_MOMENT}")


def _date(at: datetime) -> str:
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}"


def _time(at: datetime) -> str:
    return at.strftime("%H:%M:%S")


def zone_name(at: datetime) -> str:
    """What people call the time of a zone at that moment: `CET`, or `UTC+05:45` where they have no word."""
    name = at.tzname() or ""
    return name if name.isalpha() else f"UTC{at.isoformat()[-6:]}"


class TimeStyle(Record, frozen=True):
    """Style of times, as one language writes them. `joint` takes {date} and {time}."""

    date: Callable[[datetime], str] = _date
    time: Callable[[datetime], str] = _time
    zone: Callable[[datetime], str] = zone_name
    joint: str = "{date}, {time}"

    def _at(self, at: datetime) -> str:
        return self.joint.format(date=self.date(at), time=self.time(at))

    def moment(self, at: datetime) -> str:
        """`5 Jan 2026, 09:00:00 CET`. The zone is always there: one night a year shows an hour twice."""
        return f"{self._at(at)} {self.zone(at)}"

    def span(self, start: datetime, joint: str, end: datetime) -> str:
        """Two moments; of one day and one name of the zone, with these said once."""
        if start.date() != end.date() or self.zone(start) != self.zone(end):
            return f"{self.moment(start)}{joint}{self.moment(end)}"
        return f"{self._at(start)}{joint}{self.time(end)} {self.zone(end)}"


PLAIN = TimeStyle()


def with_local_times(text: str, zone: tzinfo, style: TimeStyle = PLAIN) -> str:
    """The text with each of its times as a clock of this zone shows it."""

    def local(found: re.Match[str]) -> str:
        try:
            if found["start"]:
                return style.span(_in(found["start"], zone), found["joint"], _in(found["end"], zone))
            return style.moment(_in(found[0], zone))
        except (ValueError, OverflowError):  # no time, but what looks like one
            return found[0]

    return _MOMENTS.sub(local, text)


def _in(text: str, zone: tzinfo) -> datetime:
    return datetime.strptime(text, MOMENT).replace(tzinfo=UTC).astimezone(zone)
