"""Decimals and times to columns and back: each conversion in one function."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from watcher.domain.messages.message import NOTHING, Particulars

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def canonical(amount: Decimal) -> str:
    """Every digit, no exponent, no trailing zeros, no minus zero: equal numbers, equal text."""
    if not amount:
        return "0"
    text = str(amount)
    if "E" in text:
        text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if text[-1] == "0" and "." in text else text


def optional(amount: Decimal | None) -> str | None:
    return None if amount is None else canonical(amount)


def number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


@lru_cache(maxsize=1024)
def to_ms(at: datetime) -> int:
    """Whole milliseconds since the epoch."""
    return (at - _EPOCH) // _MILLISECOND


def ms(at: datetime | None) -> int | None:
    return None if at is None else to_ms(at)


def from_ms(value: int) -> datetime:
    return _EPOCH + value * _MILLISECOND


def time(value: int | None) -> datetime | None:
    return None if value is None else from_ms(value)


def storable(text: str) -> str:
    """Text from outside as SQLite can keep it: half a surrogate pair becomes a question mark."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def particulars_text(particulars: Particulars) -> str:
    """The fields that are known, as JSON; empty if none is."""
    known = {each: getattr(particulars, each) for each in Particulars.__struct_fields__}
    written = {name: _written(value) for name, value in known.items() if value not in ("", None, ())}
    return storable(json.dumps(written, ensure_ascii=False)) if written else ""


def particulars_of(text: str) -> Particulars:
    return (
        Particulars(**{name: _read(name, value) for name, value in json.loads(text).items()})
        if text
        else NOTHING
    )


def _written(value: Any) -> Any:
    if isinstance(value, Decimal):
        return canonical(value)
    return to_ms(value) if isinstance(value, datetime) else value


def _read(name: str, value: Any) -> Any:
    if isinstance(value, int):
        return from_ms(value)
    if isinstance(value, list):
        return tuple(value)
    return Decimal(value) if name in _NUMBERS else value


_NUMBERS = frozenset({"before", "after", "price_before", "price_after", "sum_usd", "gravity"})
