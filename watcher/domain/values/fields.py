"""Fields that people write in more than one kind of file: durations, time zones, one word or several.

They stand on the lowest floor, since rules, sources, channels and the configuration all take them.
"""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from watcher.domain.values.durations import parse_duration
from watcher.domain.values.errors import InputError
from watcher.domain.values.spelling import closest

_PERCENTAGE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,4})?)\s*%")


def duration_of(value: object) -> object:
    """Duration that a text says; anything else is left to pydantic.

    InputError for a bare number: it could be seconds, minutes or hours.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise InputError("is a bare number", f"write its unit too, as in {value}s")
    return parse_duration(value) if isinstance(value, str) else value


def words_of(value: object) -> object:
    """List of words, of which one alone needs no brackets."""
    return (value,) if isinstance(value, str) else value


def zone_named(name: str) -> ZoneInfo:
    """Time zone of an IANA name. InputError names the one that was probably meant."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        # Of short names only UTC: who writes CEST does not mean EST.
        close = closest(name, [zone for zone in available_timezones() if "/" in zone or zone == "UTC"])
        remedy = f"did you mean '{close}'?" if close else "write its IANA name, as in Europe/Zurich"
        raise InputError(f"'{name[:60]}' is no time zone", remedy) from None


def percentage(value: object) -> Decimal | None:
    """Share (0 to 1) that a percentage says, as in `10%`, or that is one already; None if it is neither."""
    found = _PERCENTAGE.fullmatch(value) if isinstance(value, str) else None
    share = Decimal(found[1]) / 100 if found else value
    return share if isinstance(share, Decimal) and 0 <= share <= 1 else None


def _share(value: object) -> Decimal:
    share = percentage(value)
    if share is None:
        raise InputError("must be a percentage from 0% to 100%, in quotes or not: 40%")
    return share


Duration = Annotated[timedelta, BeforeValidator(duration_of)]
"""Whole number and its unit: `30s`, `5m`, `2h`, `7d`."""

Words = Annotated[tuple[str, ...], BeforeValidator(words_of)]
"""One word, or a list of them."""

PERCENTAGE = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?\s*%$", "examples": ["10%"]}
Share = Annotated[Decimal, BeforeValidator(_share), WithJsonSchema(PERCENTAGE)]
"""Percentage from `0%` to `100%`, kept as 0 to 1."""

Zone = Annotated[str, AfterValidator(lambda name: zone_named(name).key)]
"""IANA name of a time zone, as in `Europe/Zurich`."""
