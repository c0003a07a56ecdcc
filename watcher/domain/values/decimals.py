"""Decimals: arithmetic on amounts that never rounds.

Python's decimal operators, unary minus and `abs()` included, round to 28 digits by default; amounts
have more. Comparisons are exact as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal, Inexact, InvalidOperation

from watcher.domain.values.errors import InputError

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
        raise InputError(f"'{text[:40]}' has digits or signs that are not ASCII", "write 0 to 9")
    try:
        return Decimal(text)
    except InvalidOperation:
        raise InputError(f"'{text[:40]}' is no number") from None


_GROUPS = re.compile(r"[0-9]{1,3}([,'\N{RIGHT SINGLE QUOTATION MARK}\s][0-9]{3})+(\.[0-9]+)?")
_SCALED = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kKmM]?)")
_SCALES = {"": 1, "k": 1_000, "m": 1_000_000}


def count_in(text: str) -> int:
    """A whole number as people write it: 20000, 20_000, 20,000, 20k or 2M. ValueError if it is none."""
    found = whole_number(meant(text).replace("_", ""), most_digits=30)
    if found is None:
        raise InputError("must be a whole number", "write it as in 20000, 20k or 2M")
    if found and text.lstrip().startswith("0"):
        what = "must be a whole number without a zero in front: some would read it as octal"
        raise InputError(what, f"write {found}")
    return found


def whole_number(text: str, most_digits: int) -> int | None:
    """Whole number in so many ASCII digits at most; None if the text is anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= most_digits else None


def meant(text: str) -> str:
    """A number without what separates its thousands, with `k` and `M` written out; else the text itself."""
    text = text.strip()
    if _GROUPS.fullmatch(text):
        return re.sub(r"[^0-9.]", "", text)
    scaled = _SCALED.fullmatch(text.replace("_", ""))
    if scaled and scaled[2] and len(text) <= 30:
        return f"{times(Decimal(scaled[1]), Decimal(_SCALES[scaled[2].lower()])).normalize(_EXACT):f}"
    return text


def correction(text: str) -> str:
    """How a number should have been written that is none as it stands; empty if nobody can tell."""
    number, unit = re.fullmatch(r"(.*?)\s*(\$|USD|usd|dollars?)?", text.strip(), re.DOTALL).groups()  # type: ignore[union-attr]
    sign = "$" if unit or number.startswith("$") else ""
    number = meant(number.removeprefix("$").strip())
    if re.fullmatch(r"[0-9]+,[0-9]+", number):
        number = number.replace(",", ".")
    return f"{sign}{number}" if re.fullmatch(r"[0-9]+(\.[0-9]+)?", number) else ""


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
