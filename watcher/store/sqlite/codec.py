"""Decimals and times to columns and back: each conversion in one function."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

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
