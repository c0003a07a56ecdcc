"""Arithmetic on amounts that never rounds.

Python's decimal operators, unary minus and `abs()` included, round to 28 digits by default; amounts
have more. Comparisons are exact as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_DOWN, Context, Decimal, Inexact

_EXACT = Context(prec=1000, rounding=ROUND_DOWN, traps=[Inexact])

ZERO = Decimal(0)


plus = _EXACT.add
minus = _EXACT.subtract
times = _EXACT.multiply
shifted = _EXACT.scaleb


def total(numbers: Iterable[Decimal]) -> Decimal:
    result = ZERO
    for number in numbers:
        result = _EXACT.add(result, number)
    return result


def size(number: Decimal) -> Decimal:
    """The number without its sign."""
    return number.copy_abs()
