"""Template filters: what templates can do with texts. They are amount, money, percent and ago.

Each takes a number as it stands in a variable (`0.5`, `$1,234.50`, `−3`) or a time (`2026-01-05 08:00:00
UTC`), and gives back text. A text that is empty (not known) stays empty.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from watcher.domain.values import formatting
from watcher.domain.values.durations import span

_NUMBER = re.compile(r"([-+−]?)\$?([0-9][0-9,_]*(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,3})?)…?")

Number = str | int | Decimal

FILTERS: Mapping[str, str] = {
    "amount": "grouped digits, cut after 8 decimals or as many as said: {{ amount | amount(2) }}",
    "money": "dollars and cents: {{ before | money }}",
    "percent": "a share in percent: {{ after | percent(before) }}",
    "ago": "how long before the message a time was: {{ since | ago }}",
}
"""Name → what it does, with an example."""


def amount(value: Number, places: int = formatting.PLACES) -> str:
    """Grouped digits, cut (never rounded) after so many decimals."""
    number = _number(value)
    if not 0 <= places <= 100:
        raise ValueError("amount shows between 0 and 100 decimals")
    return "" if number is None else formatting.amount(number, places)


def money(value: Number) -> str:
    """Dollars, cut to cents."""
    number = _number(value)
    return "" if number is None else formatting.money(number)


def percent(value: Number, whole: Number) -> str:
    """`value` in percent of `whole`; empty if there is no whole."""
    part, all_of_it = _number(value), _number(whole)
    return formatting.percent(part, all_of_it) if part is not None and all_of_it else ""


def ago(value: str, at: str) -> str:
    """How long before `at` a time was."""
    if not value or not at:
        return ""
    try:
        then, now = (datetime.strptime(text, formatting.MOMENT).replace(tzinfo=UTC) for text in (value, at))
    except (TypeError, ValueError):
        raise ValueError(f"'{str(value)[:40]}' is not a time; ago is for since and at") from None
    return f"{span(max(0.0, (now - then).total_seconds()))} ago"


def _number(value: Number) -> Decimal | None:
    if isinstance(value, int | Decimal):
        return Decimal(value)
    if not value:
        return None
    found = _NUMBER.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"'{str(value)[:40]}' is not a number")
    sign = "-" if found[1] in ("-", formatting.MINUS) else ""
    return Decimal(sign + found[2].replace(",", "").replace("_", ""))
