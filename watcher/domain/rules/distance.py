"""Distance: how close a subject is to what its rule waits for: for people to look at, never to judge by."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal
from typing import NamedTuple

from watcher.domain.values.decimals import minus, size

_ROUGH = Context(prec=9)
"""Enough to say how far a value is from a level."""


class Near(NamedTuple):
    """`distance`: value ÷ level − 1, roughly; None: it is not known, or there is none.

    `words`: what was measured, if that is not plain; or why there is no distance.
    """

    distance: Decimal | None
    words: str = ""


def near(value: Decimal, level: Decimal, words: str = "") -> Near:
    """How far a value is from a level, as a share of the level."""
    if not level:
        return Near(None, "no share can be told of a level of 0")
    return Near(_ROUGH.divide(minus(value, level), size(level)), words)


def unsure(why: str) -> Near:
    """A distance that cannot be known."""
    return Near(None, f"unknown: {why}")


def joint(found: Sequence[tuple[Near, bool]], *, every: bool) -> Near:
    """Of several conditions the one that matters; beside each whether it is met below its level.

    Where all must be met it is the one farthest from that, else the nearest.
    """
    for each, _ in found:
        if each.distance is None:
            return each  # it might be the one
    gaps = [((each.distance or Decimal(0)) * (1 if below else -1), each) for each, below in found]
    return (max if every else min)(gaps, key=lambda pair: pair[0])[1]
