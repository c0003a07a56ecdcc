"""Durations as people write them: `30s`, `5m`, `2h`, `7d`."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from functools import lru_cache

_WRITTEN = re.compile(r"([0-9]{1,12})(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST = timedelta(days=36500)


@lru_cache(maxsize=256)
def parse_duration(text: str) -> timedelta:
    """Read a whole number and its unit (`s`, `m`, `h` or `d`); ValueError says what was expected."""
    found = _WRITTEN.fullmatch(text.strip())
    if found is None:
        raise ValueError(
            f"{text[:40]!r} is not a duration; write a whole number and s, m, h or d, as in 30s or 5m"
        )
    seconds = int(found[1]) * _SECONDS[found[2]]
    if seconds > _LONGEST.total_seconds():
        raise ValueError(f"{text[:40]!r} is longer than 100 years")
    return timedelta(seconds=seconds)


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
