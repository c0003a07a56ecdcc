"""Durations and times as people write them: `30s`, `5m`, `2h`, `7d`; `2026-01-05T08:00:00Z`."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from watcher.domain.values.errors import InputError

_WRITTEN = re.compile(r"([0-9]{1,12})(s|m|h|d)")
_LOOSE = re.compile(
    r"([0-9]{1,9}(?:\.[0-9]{1,3})?)\s*"
    r"(?:(?=[smhdw])(s|m|h|d|w)(?:ec(?:ond)?s?|in(?:ute)?s?|(?:ou)?rs?|ays?|eeks?)?)(?![a-z])"
)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST = timedelta(days=36500)
_YEARS = range(1970, 3000)
"""Far enough from the ends of the calendar to count days from."""


@lru_cache(maxsize=256)
def parse_duration(text: str) -> timedelta:
    """Read a whole number and its unit (`s`, `m`, `h` or `d`); ValueError says what was expected."""
    found = _WRITTEN.fullmatch(text.strip())
    if found is None:
        how = _meant(text) or "a whole number and s, m, h or d, as in 30s or 5m"
        raise InputError(f"{text[:40]!r} is not a duration", f"write {how}")
    seconds = int(found[1]) * _SECONDS[found[2]]
    if seconds > _LONGEST.total_seconds():
        raise InputError(f"{text[:40]!r} is longer than 100 years")
    return timedelta(seconds=seconds)


def _meant(text: str) -> str:
    """The duration that was probably meant: `5 min`, `1h30m`, `2 weeks`; empty if nobody can tell."""
    parts = _LOOSE.findall(text[:40].lower())
    if not parts or _LOOSE.sub("", text.lower()).strip(" ,") not in ("", "and"):
        return ""
    seconds = sum(float(number) * _SECONDS[{"w": "d"}.get(unit, unit)] * (7 if unit == "w" else 1)
                  for number, unit in parts)  # fmt: skip
    whole = seconds == int(seconds) and 0 < seconds <= _LONGEST.total_seconds()
    return format_duration(timedelta(seconds=seconds)) if whole else ""


def parse_moment(text: str) -> datetime:
    """Read a time with its zone, to the millisecond; ValueError says what was expected."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"'{text[:40]}' is no time", "write 2026-01-05T08:00:00Z") from None
    if at.tzinfo is None:
        raise InputError(f"'{text[:40]}' has no zone", "write 2026-01-05T08:00:00Z")
    if at.year not in _YEARS:
        raise InputError(f"'{text[:40]}' is not in the years {_YEARS[0]} to {_YEARS[-1]}", "correct it")
    return at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000)


def format_duration(duration: timedelta) -> str:
    """Write a duration in its largest exact unit; what is not whole seconds is cut to milliseconds."""
    milliseconds = duration // timedelta(milliseconds=1)
    sign, milliseconds = ("-", -milliseconds) if milliseconds < 0 else ("", milliseconds)
    seconds, rest = divmod(milliseconds, 1000)
    if rest:
        return f"{sign}{seconds}.{rest:03d}".rstrip("0") + "s"
    if seconds == 0:
        return "0s"
    for unit in ("d", "h", "m"):
        if seconds % _SECONDS[unit] == 0:
            return f"{sign}{seconds // _SECONDS[unit]}{unit}"
    return f"{sign}{seconds}s"


def span(seconds: float) -> str:
    """A length of time for people: at most three digits, the unit that suits."""
    if seconds == math.inf:
        return "never"
    if seconds >= 3600 and seconds < 3600 * 72:
        return f"{seconds / 3600:.3g} h"
    if seconds >= 3600 * 72:
        return f"{seconds / 86400:.3g} d"
    if seconds >= 60:
        return f"{seconds / 60:.3g} min"
    return format_duration(timedelta(milliseconds=round(seconds * 1000)))
