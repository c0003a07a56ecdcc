"""Arithmetic on amounts that never rounds.

Python's decimal operators, unary minus and `abs()` included, round to 28 digits by default; amounts
have more. Comparisons are exact as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal, Inexact, InvalidOperation

_EXACT = Context(prec=1000, rounding=ROUND_DOWN, traps=[Inexact])

ZERO = Decimal(0)

_PLACES = 40
"""Digits after the point when a quotient does not end."""


plus = _EXACT.add
minus = _EXACT.subtract
times = _EXACT.multiply
shifted = _EXACT.scaleb


def total(numbers: Iterable[Decimal]) -> Decimal:
    result = ZERO
    for number in numbers:
        result = _EXACT.add(result, number)
    return result


def number_in(text: str) -> Decimal:
    """The number that a person wrote, or ValueError. Its digits are those of ASCII: a full-width or an
    Arabic one is mostly a slip of an input method, and looks like another in half of all fonts."""
    text = text.replace("_", "").strip(" \t\n")
    if not text.isascii():
        raise ValueError(f"'{text[:40]}' has digits or signs that are not ASCII; write 0 to 9")
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(f"'{text[:40]}' is no number") from None


def size(number: Decimal) -> Decimal:
    """The number without its sign."""
    return number.copy_abs()


def units(sparks: int, factor: int) -> Decimal:
    """Natural units of so many sparks: exact if the quotient ends, else rounded to 40 places.

    Amounts are whole sparks, and a factor need not be a power of ten (TEOS docs).
    """
    numerator, denominator = Decimal(sparks), Decimal(factor)
    # A quotient that ends has at most log2(factor) places, which is less than four times its digits.
    room = len(str(sparks)) + 4 * len(str(factor)) + 5
    try:
        return Context(prec=room, traps=[Inexact]).divide(numerator, denominator)
    except Inexact:
        exact = Context(prec=room + _PLACES, rounding=ROUND_HALF_EVEN)
        scaled, rest = divmod(sparks * 10**_PLACES, factor)
        rounded = scaled + (2 * rest > factor or (2 * rest == factor and scaled % 2 == 1))
        return Decimal(rounded).scaleb(-_PLACES, context=exact)
