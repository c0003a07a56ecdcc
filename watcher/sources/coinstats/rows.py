"""Rows of one CoinStats group: amounts, prices and symbols by asset.

The straight way first; whatever is odd takes the careful one. The straight way is most of what a poll costs,
hence whole columns at once, and no number is read that came in the same digits the last time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from hashlib import blake2b
from typing import NamedTuple

import msgspec
from msgspec.structs import astuple

from watcher.domain.model import EMPTY, Asset
from watcher.domain.values.text import named
from watcher.sources.coinstats.names import KnownAsset, LastAnswer, RowNames, is_token
from watcher.sources.coinstats.wire import BalanceRow, number, numbers

_TINY = Decimal("1e-60")
_HUGE = Decimal("1e60")
_ZERO = Decimal(0)

_MOST_DIGITS = 200
"""Of one number. A token of 77 decimals needs 154; nothing that is held needs more."""

_LEFT_OUT = "a row that does not say which asset it is was left out"


class GroupContent(NamedTuple):
    """Content of one group, before it is known to whom it belongs."""

    amounts: dict[Asset, Decimal]
    prices: dict[Asset, Decimal]
    symbols: Mapping[Asset, str]
    """Of more assets than these, perhaps."""
    last: LastAnswer | None = None
    """To be kept for the next answer; None if not all amounts could be used."""
    unclear: Mapping[Asset, str] = EMPTY
    notes: tuple[str, ...] = ()
    complete: bool = True
    natives: frozenset[Asset] = frozenset()
    """Those that came without a contract."""


def read_rows(
    rows: Sequence[BalanceRow | None], chain: str, names: RowNames, last: LastAnswer | None = None
) -> GroupContent:
    """The rows of one group.

    `last`: the same account in the answer before; the very same mapping of amounts is given again where
    nothing moved, so that whoever compares two answers sees it at once.
    """
    if not rows:
        return GroupContent({}, {}, {})
    return _read_straight(rows, chain, names, last) or _read_carefully(rows, chain, names)


def _read_straight(
    rows: Sequence[BalanceRow | None], chain: str, names: RowNames, last: LastAnswer | None
) -> GroupContent | None:
    """None if anything is odd: an asset seen for the first time, a row that is null, an amount that is no
    number or zero, an asset twice."""
    try:
        contracts, coins, symbols, amounts, prices, _ = zip(*map(astuple, rows), strict=True)  # type: ignore[arg-type]
    except TypeError:
        return None
    known = names.find(chain, contracts, coins)
    if known is None:
        return None
    text, assets = b",".join(amounts), [each.asset for each in known]
    mark = _mark(text)
    if last is None or mark != last.mark or list(last.amounts) != assets:
        held = _amounts(text, assets, last)
        if len(held) != len(rows):
            return None
        last = LastAnswer(mark, held)
    quotes = [each.quote for each in known]  # another thread may be at the same asset
    for place, written in enumerate(prices):
        if quotes[place][0] != written:
            known[place].quote = quotes[place] = (written.copy(), _price(written))
    values = [price for _, price in quotes]
    if all(values):
        priced: dict[Asset, Decimal] = dict(zip(last.amounts, values, strict=True))  # type: ignore[arg-type]
    else:
        pairs = zip(last.amounts, values, strict=True)
        priced = {asset: price for asset, price in pairs if price is not None}
    called = names.called(chain)
    if list(symbols) != [each.symbol for each in known]:
        called = _named(known, symbols, chain, names)
    return GroupContent(last.amounts, priced, called, last, natives=_natives(contracts, assets))


def _natives(contracts: Sequence[str | None], assets: Sequence[Asset]) -> frozenset[Asset]:
    found, place = [], -1
    for _ in range(contracts.count(None)):
        place = contracts.index(None, place + 1)
        found.append(assets[place])
    return frozenset(found)


def _mark(text: bytes) -> bytes:
    """128 bits of BLAKE2b: that two texts share one has never been seen, and never will be."""
    return blake2b(text, digest_size=16).digest()


def _amounts(text: bytes, assets: list[Asset], last: LastAnswer | None) -> dict[Asset, Decimal]:
    """The amounts by asset; too few of them if one is odd. What did not move is the same object again."""
    try:
        read = numbers(text)
        if not (min(read) > _TINY and max(read) < _HUGE) or max(map(len, text.split(b","))) > _MOST_DIGITS:
            return {}
    except (msgspec.DecodeError, InvalidOperation):
        return {}
    if last is not None and list(last.amounts) == assets:
        before = list(last.amounts.values())
        if read == before:
            return last.amounts
        read = [old if old == new else new for old, new in zip(before, read, strict=True)]
    return dict(zip(assets, read, strict=True))


def _price(quoted: msgspec.Raw) -> Decimal | None:
    """A price that can be acted on."""
    if len(memoryview(quoted)) > _MOST_DIGITS:
        return None
    price = number(quoted)
    try:
        return price if price is not None and _TINY < price < _HUGE else None
    except InvalidOperation:
        return None  # NaN


def _named(
    known: Sequence[KnownAsset], symbols: Sequence[str | None], chain: str, names: RowNames
) -> dict[Asset, str]:
    """The symbols that can be shown."""
    found = {}
    for each, symbol in zip(known, symbols, strict=True):
        if symbol and (symbol := symbol if symbol == each.symbol else named(symbol)):
            found[each.asset] = symbol
            if symbol != each.symbol:
                names.note(chain, each, symbol)
    return found


def _read_carefully(rows: Sequence[BalanceRow | None], chain: str, names: RowNames) -> GroupContent:
    unclear: dict[Asset, str] = {}
    found: dict[int, tuple[Asset, BalanceRow]] = {}
    without: dict[int, BalanceRow] = {}
    natives: set[Asset] = set()
    for place, row in enumerate(rows):
        asset = None if row is None else names.contract(chain, row.contract_address, row.coin_id)
        if row is not None and asset is not None:
            found[place] = asset, row
        elif row is not None and is_token(row.coin_id):
            without[place] = row
    complete = len(found) + len(without) == len(rows)
    present = {asset for asset, _ in found.values()}
    for place, row in without.items():
        coin_id = row.coin_id or ""
        lost = names.lost_contracts(chain, coin_id, present)
        unclear.update(dict.fromkeys(lost, "its contract is missing in the answer"))
        if not lost:
            found[place] = names.coin(chain, coin_id), row
            natives.add(found[place][0])
    identified = [found[place] for place in sorted(found)]
    amounts, prices, symbols = _take(identified, unclear)
    last = None
    if len(amounts) == len(rows):
        last = LastAnswer(_mark(b",".join(row.amount for _, row in identified)), amounts)
    notes = () if complete else (_LEFT_OUT,)
    return GroupContent(amounts, prices, symbols, last, unclear, notes, complete, frozenset(natives))


def _take(
    identified: Sequence[tuple[Asset, BalanceRow]], unclear: dict[Asset, str]
) -> tuple[dict[Asset, Decimal], dict[Asset, Decimal], dict[Asset, str]]:
    """Amounts, prices and symbols of these rows; what nobody should act on goes to `unclear`."""
    amounts: dict[Asset, Decimal] = {}
    prices: dict[Asset, Decimal] = {}
    symbols: dict[Asset, str] = {}
    seen: set[Asset] = set()
    for asset, row in identified:
        amount, price = number(row.amount), _price(row.price)
        problem = "it came twice" if asset in seen else amount_problem(amount)
        seen.add(asset)
        if problem:
            amounts.pop(asset, None)
            unclear[asset] = problem
        elif asset not in unclear and amount is not None:
            amounts[asset] = amount or _ZERO
        if price is not None:
            prices[asset] = price
        if row.symbol and (symbol := named(row.symbol)):
            symbols[asset] = symbol
    return amounts, prices, symbols


def amount_problem(amount: Decimal | None) -> str:
    """Reason why nobody should act on this amount; empty if it is sound."""
    if amount is None:
        return "its amount is not a number"
    if not amount.is_finite():
        return "its amount is not a finite number"
    if abs(amount.adjusted()) > 60 or len(amount.as_tuple().digits) > _MOST_DIGITS:
        return "its amount is beyond all measure"
    if amount < 0:
        return "its amount is negative"
    return ""
