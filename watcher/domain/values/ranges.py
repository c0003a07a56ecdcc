"""Ranges: quantities of which only the ends are known: what a rule says at both of them is its answer."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple


class Range(NamedTuple):
    """From `low` to `high`, both included; `high` None: there is no upper end."""

    low: Decimal
    high: Decimal | None
    assumed: str = ""
    """What was assumed, in words; empty if the quantity is known: then both ends are the same."""

    @property
    def known(self) -> bool:
        return not self.assumed


def exactly_so(value: Decimal) -> Range:
    """A quantity that is known."""
    return Range(value, value)
