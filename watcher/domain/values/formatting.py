"""Formatting: how amounts, money and times look to people. Nothing shown rounds across a threshold."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_DOWN, Context, Decimal

from watcher.domain.records import Record

PLACES = 8
MOMENT = "%Y-%m-%d %H:%M:%S UTC"
"""The one form of a time in a text; whoever reads times in texts looks for it."""
MINUS = "\N{MINUS SIGN}"
_CONTEXT = Context(prec=1000, rounding=ROUND_DOWN)


def plain(value: Decimal) -> str:
    """Every digit, no exponent, no trailing zeros: the canonical text of an amount."""
    if not value:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def amount(value: Decimal, places: int = PLACES) -> str:
    """Grouped digits, cut (never rounded) after `places` significant decimals and marked `…`."""
    return _signed(value, _cut(value.copy_abs(), places))


def money(value: Decimal) -> str:
    """Dollars, cut to cents; a value under a cent keeps two significant digits."""
    return _signed(value, f"${_worth(value.copy_abs(), 2)}")


class NumberStyle(Record, frozen=True):
    """Style of numbers, as one language writes them. `sizes`: digits of the group before the point, and of
    those before it (India: 3 and 2)."""

    group: str = ","
    point: str = "."
    sizes: tuple[int, int] = (3, 3)

    def written(self, text: str) -> str:
        """Digits as they stand in a message, grouped in English, in this style."""
        whole, point, fraction = text.replace(",", "").partition(".")
        last, rest = self.sizes
        head, groups = whole[:-last], [whole[-last:]]
        while head:
            head, groups = head[:-rest], [head[-rest:], *groups]
        return self.group.join(groups) + (self.point if point else "") + fraction


ENGLISH = NumberStyle()


def in_currency(value: Decimal, code: str, digits: int, style: NumberStyle = ENGLISH) -> str:
    """An amount of a currency, cut to its smallest unit as `money` is: `CHF 31,605.40`.

    With the code and not its sign: half of the world calls its own money `$`.
    """
    return _signed(value, f"{code} {style.written(_worth(value.copy_abs(), digits))}")


def price(value: Decimal) -> str:
    """Dollars for one unit, with all the digits that matter: a stable coin at 0.9998 is not at 0.99."""
    text = money(value)
    exact = exactly(value)
    return exact if len(exact) > len(text) and len(exact) < 16 else text


def percent(part: Decimal, whole: Decimal) -> str:
    """`part` of `whole` in percent, cut to two decimals; `whole` is not zero."""
    share = _CONTEXT.divide(part.scaleb(2, _CONTEXT), whole).quantize(Decimal("0.01"), context=_CONTEXT)
    return _signed(share, f"{_grouped(plain(share.copy_abs()))}\N{NARROW NO-BREAK SPACE}%")


def about(part: Decimal, whole: Decimal, digits: int = 3) -> str:
    """`part ÷ whole`, cut to so many digits that matter; whole numbers keep all of theirs."""
    share = _CONTEXT.divide(part, whole)
    places = max(digits - 1 - share.adjusted(), 0)
    return full(share.quantize(Decimal(1).scaleb(-places), context=_CONTEXT))


def signed(text: str, value: Decimal) -> str:
    """A leading plus for what grew; a minus is there already."""
    return f"+{text}" if value > 0 else text


def full(value: Decimal) -> str:
    """Grouped digits, all of them."""
    return _signed(value, _grouped(plain(value.copy_abs())))


def exactly(value: Decimal) -> str:
    """Dollars and cents, and every digit beyond the cents if there are any."""
    size = value.copy_abs()
    if size.quantize(Decimal("0.01"), context=_CONTEXT) == size:
        return money(value)
    return _signed(value, f"${_grouped(plain(size))}")


def amount_against(value: Decimal, level: Decimal, symbol: str) -> str:
    """An amount beside a level: as many digits as it takes to tell the two apart."""
    text = amount(value)
    if _same(text, amount(level)):
        text = full(value)
    return f"{text} {symbol}".rstrip()


def money_against(value: Decimal, level: Decimal) -> str:
    """Dollars beside a level: as many digits as it takes to tell the two apart."""
    text = money(value)
    return exactly(value) if _same(text, money(level)) else text


def quotient_against(part: Decimal, whole: Decimal, level: Decimal) -> str:
    """`part` ÷ `whole` beside a level: cut, with as many digits as it takes to tell the two apart.

    `whole` is not zero.
    """
    if part == _CONTEXT.multiply(level, whole):
        return full(level)
    for places in (4, PLACES, 32, 128):
        cut = _CONTEXT.divide(part, whole).quantize(Decimal(1).scaleb(-places), context=_CONTEXT)
        if cut != level.quantize(Decimal(1).scaleb(-places), context=_CONTEXT):
            break
    exact = _CONTEXT.multiply(cut, whole) == part
    return full(cut) + ("" if exact else "…")


def counted(count: int, word: str, words: str = "") -> str:
    """`1 account`, `2 accounts`. `words`: the plural, where it takes more than an s."""
    return f"{count:,} {word if count == 1 else words or word + 's'}"


def moment(at: datetime | None) -> str:
    """A UTC time to the second, as in every message."""
    return at.astimezone(UTC).strftime(MOMENT) if at else "never"


def _worth(size: Decimal, places: int) -> str:
    """Money without its sign: cut to `places`, and two digits that matter of what is less than that."""
    smallest = Decimal(1).scaleb(-places)
    if size and size < smallest:
        return _cut(size, 2)
    return f"{size.quantize(smallest, context=_CONTEXT):,}"


def _same(one: str, other: str) -> bool:
    """Whether two texts show the same number, as far as they show it."""
    return _bare(one) == _bare(other)


def _bare(text: str) -> str:
    text = text.rstrip("…")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _cut(size: Decimal, places: int) -> str:
    """Digits of a non-negative number; leading zeros after the point are not counted in `places`."""
    text = plain(size)
    whole, _, fraction = text.partition(".")
    if not fraction:
        return _grouped(text)
    zeros = len(fraction) - len(fraction.lstrip("0")) if whole == "0" else 0
    keep = zeros + places
    if len(fraction) <= keep:
        return _grouped(text)
    return _grouped(f"{whole}.{fraction[:keep]}") + "…"


def _grouped(text: str) -> str:
    whole, point, fraction = text.partition(".")
    return f"{int(whole):,}{point}{fraction}"


def _signed(value: Decimal, text: str) -> str:
    return f"{MINUS}{text}" if value < 0 else text


def iso(at: datetime) -> str:
    """ISO 8601 with Z, to the millisecond: for scripts and logs."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
