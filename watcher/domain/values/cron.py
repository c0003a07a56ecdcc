"""Cron expressions of five fields and their ticks: what is accepted means the same everywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo

from watcher.domain.records import Record
from watcher.domain.values.errors import InputError
from watcher.domain.values.wallclock import moment_of, moments_of

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 6))
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_ITEM = re.compile(r"(\*|[0-9]{1,2}|[a-z]{3})(?:-([0-9]{1,2}|[a-z]{3}))?(?:/([0-9]{1,2}))?")


_DAY = timedelta(days=1)
_MIDNIGHT = time()


class Crontab(Record, frozen=True):
    """A line that was read. `steps`: it has steps in the hour or the minute, and names no times of day."""

    times: tuple[time, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    steps: bool

    def ticks(self, zone: tzinfo, start: datetime) -> Iterator[datetime]:
        """The ticks from `start` on in UTC, each later than the one before.

        A time of day that is named ticks once on every day of the zone: right after the gap where clocks
        are put forward over it, the first time where they show it twice. Steps (`*`, `*/30`) tick
        whenever a clock shows them. A day that a zone leaves out has none.
        """
        day, waiting = start.astimezone(zone).date() - _DAY, set[datetime]()
        while True:
            if self._chosen(day):
                waiting.update(self._of(day, zone))
            day += _DAY
            if waiting:
                # Where clocks go back over midnight, a day begins before the last one has ended.
                begins = moment_of(day, _MIDNIGHT, zone)
                due = {each for each in waiting if each < begins}
                yield from sorted(each for each in due if each >= start)
                waiting -= due

    def _chosen(self, day: date) -> bool:
        return day.day in self.days and day.month in self.months and day.weekday() in self.weekdays

    def _of(self, day: date, zone: tzinfo) -> Iterator[datetime]:
        first = datetime.combine(day, _MIDNIGHT, zone)
        last = datetime.combine(day + _DAY, _MIDNIGHT, zone).replace(fold=1)
        if first.utcoffset() == last.utcoffset():
            begins = first.astimezone(UTC)
            for at in self.times:
                yield begins + timedelta(hours=at.hour, minutes=at.minute)
        elif moment_of(day, _MIDNIGHT, zone).astimezone(zone).date() == day:
            for at in self.times:
                yield from moments_of(day, at, zone) if self.steps else (moment_of(day, at, zone),)


@lru_cache(maxsize=10_000)
def tick_after(line: str, timezone: str, moment: datetime, count: int = 1) -> datetime:
    """The first tick after a moment, or the one that is the `count`th."""
    ticks = read_cron(line).ticks(ZoneInfo(timezone), moment.astimezone(UTC) + datetime.resolution)
    return next(islice(ticks, count - 1, None))


def check_cron(text: str) -> str:
    """Give the expression back with single spaces; ValueError says what is wrong with it."""
    read_cron(text)
    return " ".join(text.lower().split())


def read_cron(text: str) -> Crontab:
    """The line; ValueError says what is wrong with it.

    Weekdays are names only: crontab counts them from Sunday and others from Monday. A day of the
    month together with a weekday is refused too: crontab means "or", others "and".
    """
    words = text.lower().split()
    if len(words) != len(_FIELDS):
        raise InputError(
            f"a cron expression has 5 fields (minute hour day month weekday), this has {len(words)}",
            'as in "*/10 9-17 * * mon-fri"',
        )
    minutes, hours, days, months, weekdays = (
        _field(word, *field) for word, field in zip(words, _FIELDS, strict=True)
    )
    if len(days) < 31 and len(weekdays) < 7:
        raise InputError("a day of the month and a weekday cannot both be chosen", "put * for one of them")
    if not any(min(days) <= _LONGEST_MONTHS[month - 1] for month in months):
        raise InputError(f"the day {min(days)} never comes in the months chosen", "choose an earlier day")
    return Crontab(
        tuple(time(hour, minute) for hour in sorted(hours) for minute in sorted(minutes)),
        frozenset(days),
        frozenset(months),
        frozenset(weekdays),
        any(sign in word for word in words[:2] for sign in "*/"),
    )


def _field(text: str, name: str, low: int, high: int) -> set[int]:
    values: set[int] = set()
    for item in text.split(","):
        found = _ITEM.fullmatch(item)
        if found is None:
            raise InputError(f"'{item}' is no cron {name}", "write *, */5, 3, 1-5, or several with commas")
        first, last, step = found.groups()
        if first == "*":
            if last is not None:
                raise InputError(f"'{item}' is no cron {name}", "a range needs a number on both sides")
            start, end = low, high
        else:
            start = _number(first, name, low, high)
            end = _number(last, name, low, high) if last else (high if step else start)
        if start > end:
            raise InputError(f"the {name} range '{item}' runs backwards", "write it as two, with a comma")
        if step is not None and (first.isalpha() or not 1 <= int(step) <= max(end - start, 1)):
            raise InputError(
                f"the step of the {name} '{item}' does not fit its range", "choose a smaller one"
            )
        values.update(range(start, end + 1, int(step or 1)))
    return values


def _number(word: str, name: str, low: int, high: int) -> int:
    if name == "weekday":
        if word in _WEEKDAYS:
            return _WEEKDAYS.index(word)
        raise InputError(f"the weekday '{word}' is not a name", "write mon, tue, wed, thu, fri, sat or sun")
    if name == "month" and word in _MONTHS:
        return _MONTHS.index(word) + 1
    if not word.isdigit() or not low <= int(word) <= high:
        raise InputError(
            f"the {name} '{word}' is not between {low} and {high}", "check the order of the fields"
        )
    return int(word)
