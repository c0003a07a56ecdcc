"""What the rows of one CoinStats group say: amounts, prices and symbols by asset.

The straight way first; whatever is odd takes the careful one. The straight way is most of what a poll costs,
hence whole columns at once, and no number is read that came in the same digits the last time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

import msgspec
from msgspec.structs import astuple

from watcher.domain.model import EMPTY, Asset
from watcher.sources._coinstats_names import Known, Last, Names, is_token, tidy
from watcher.sources._coinstats_wire import Row, number, numbers

_TINY = Decimal("1e-60")
_HUGE = Decimal("1e60")
_ZERO = Decimal(0)

_MOST_DIGITS = 200
"""Of one number. A token of 77 decimals needs 154; nothing that is held needs more."""

_LEFT_OUT = "a row that does not say which asset it is was left out"


class Part(NamedTuple):
    """What one group says, before it is known to whom it belongs."""

    amounts: dict[Asset, Decimal]
    prices: dict[Asset, Decimal]
    symbols: dict[Asset, str]
    text: bytes = b""
    """All amounts as they were written, in the order of `amounts`; empty if not all of them could be used."""
    unclear: Mapping[Asset, str] = EMPTY
    notes: tuple[str, ...] = ()
    complete: bool = True


def read_rows(rows: Sequence[Row | None], chain: str, names: Names, last: Last | None = None) -> Part:
    """The rows of one group.

    `last`: the same account in the answer before; the very same mapping of amounts is given again where
    nothing moved, so that whoever compares two answers sees it at once.
    """
    if not rows:
        return Part({}, {}, {})
    return _read_straight(rows, chain, names, last) or _read_carefully(rows, chain, names)


def _read_straight(rows: Sequence[Row | None], chain: str, names: Names, last: Last | None) -> Part | None:
    """None if anything is odd: an asset seen for the first time, a row that is null, an amount that is no
    number or zero, an asset twice."""
    by_contract, by_coin = names.of(chain)
    try:
        contracts, coins, symbols, amounts, prices, _ = zip(*map(astuple, rows), strict=True)  # type: ignore[arg-type]
        known: list[Known] = list(map(by_contract.get, contracts))  # type: ignore[arg-type]
        place = -1
        for _ in range(contracts.count(None)):
            place = contracts.index(None, place + 1)
            known[place] = by_coin[coins[place]]
        assets = [each.asset for each in known]
    except (KeyError, AttributeError, TypeError):
        return None
    text = b",".join(amounts)
    if last is not None and text == last.text and list(last.amounts) == assets:
        held = last.amounts
    else:
        held = _amounts(text, assets, last)
        if len(held) != len(rows):
            return None
    for each, quoted in zip(known, prices, strict=True):
        if each.quoted != quoted:
            each.quoted, each.price = quoted.copy(), _price(quoted)
    values = [each.price for each in known]
    if all(values):
        priced: dict[Asset, Decimal] = dict(zip(assets, values, strict=True))  # type: ignore[arg-type]
    else:
        priced = {asset: price for asset, price in zip(assets, values, strict=True) if price is not None}
    called = [each.symbol for each in known]
    if all(symbols) and list(symbols) == called:
        return Part(held, priced, dict(zip(assets, called, strict=True)), text)
    return Part(held, priced, _named(known, symbols), text)


def _amounts(text: bytes, assets: list[Asset], last: Last | None) -> dict[Asset, Decimal]:
    """The amounts by asset; too few of them if one is odd. What did not move is the same object again."""
    try:
        read = numbers(text)
        if not (min(read) > _TINY and max(read) < _HUGE) or len(text) > len(read) * _MOST_DIGITS:
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
    price = number(quoted)
    return None if not price or amount_problem(price) else price


def _named(known: Sequence[Known], symbols: Sequence[str | None]) -> dict[Asset, str]:
    """The symbols that can be shown."""
    found = {}
    for each, symbol in zip(known, symbols, strict=True):
        if symbol and (symbol := symbol if symbol == each.symbol else tidy(symbol)):
            found[each.asset] = each.symbol = symbol
    return found


def _read_carefully(rows: Sequence[Row | None], chain: str, names: Names) -> Part:
    unclear: dict[Asset, str] = {}
    found: dict[int, tuple[Asset, Row]] = {}
    without: dict[int, Row] = {}
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
    part = Part({}, {}, {}, b"", unclear, () if complete else (_LEFT_OUT,), complete)
    seen: set[Asset] = set()
    identified = [found[place] for place in sorted(found)]
    for asset, row in identified:
        _take(part, unclear, asset, row, seen)
    if len(part.amounts) == len(rows):
        return part._replace(text=b",".join(row.amount for _, row in identified))
    return part


def _take(part: Part, unclear: dict[Asset, str], asset: Asset, row: Row, seen: set[Asset]) -> None:
    amount, price = number(row.amount), _price(row.price)
    problem = "it came twice" if asset in seen else amount_problem(amount)
    seen.add(asset)
    if problem:
        part.amounts.pop(asset, None)
        unclear[asset] = problem
    elif asset not in unclear and amount is not None:
        part.amounts[asset] = amount or _ZERO
    if price is not None:
        part.prices[asset] = price
    if row.symbol and (symbol := tidy(row.symbol)):
        part.symbols[asset] = symbol


def amount_problem(amount: Decimal | None) -> str:
    """Why nobody should act on this amount; empty if it is sound."""
    if amount is None:
        return "its amount is not a number"
    if not amount.is_finite():
        return "its amount is not a finite number"
    if abs(amount.adjusted()) > 60 or len(amount.as_tuple().digits) > _MOST_DIGITS:
        return "its amount is beyond all measure"
    if amount < 0:
        return "its amount is negative"
    return ""
