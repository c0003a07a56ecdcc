"""Five-field cron expressions, checked strictly: what is accepted means the same everywhere."""

from __future__ import annotations

import re

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 6))
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_ITEM = re.compile(r"(\*|[0-9]{1,2}|[a-z]{3})(?:-([0-9]{1,2}|[a-z]{3}))?(?:/([0-9]{1,2}))?")


def check_cron(text: str) -> str:
    """Give the expression back with single spaces; ValueError says what is wrong with it.

    Weekdays are names only: crontab counts them from Sunday and others from Monday. A day of the
    month together with a weekday is refused too: crontab means "or", others "and".
    """
    words = text.lower().split()
    if len(words) != len(_FIELDS):
        raise ValueError(
            f"a cron expression has 5 fields (minute hour day month weekday), this has {len(words)}; "
            'as in "*/10 9-17 * * mon-fri"'
        )
    _, _, days, months, weekdays = (_field(word, *field) for word, field in zip(words, _FIELDS, strict=True))
    if len(days) < 31 and len(weekdays) < 7:
        raise ValueError("a day of the month and a weekday cannot both be chosen; put * for one of them")
    if not any(min(days) <= _LONGEST_MONTHS[month - 1] for month in months):
        raise ValueError(f"the day {min(days)} never comes in the months chosen; choose an earlier day")
    return " ".join(words)


def _field(text: str, name: str, low: int, high: int) -> set[int]:
    values: set[int] = set()
    for item in text.split(","):
        found = _ITEM.fullmatch(item)
        if found is None:
            raise ValueError(f"'{item}' is no cron {name}; write *, */5, 3, 1-5, or several with commas")
        first, last, step = found.groups()
        if first == "*":
            if last is not None:
                raise ValueError(f"'{item}' is no cron {name}; a range needs a number on both sides")
            start, end = low, high
        else:
            start = _number(first, name, low, high)
            end = _number(last, name, low, high) if last else (high if step else start)
        if start > end:
            raise ValueError(f"the {name} range '{item}' runs backwards; write it as two, with a comma")
        if step is not None and (first.isalpha() or not 1 <= int(step) <= max(end - start, 1)):
            raise ValueError(f"the step of the {name} '{item}' does not fit its range; choose a smaller one")
        values.update(range(start, end + 1, int(step or 1)))
    return values


def _number(word: str, name: str, low: int, high: int) -> int:
    if name == "weekday":
        if word in _WEEKDAYS:
            return _WEEKDAYS.index(word)
        raise ValueError(f"the weekday '{word}' is not a name; write mon, tue, wed, thu, fri, sat or sun")
    if name == "month" and word in _MONTHS:
        return _MONTHS.index(word) + 1
    if not word.isdigit() or not low <= int(word) <= high:
        raise ValueError(
            f"the {name} '{word}' is not between {low} and {high}; check the order of the fields"
        )
    return int(word)
