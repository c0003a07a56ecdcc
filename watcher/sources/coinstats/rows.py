"""Rows of one CoinStats group: amounts, prices and symbols by asset.

Most answers say of most accounts what the last one said: they are compared with it, and no number is read
that came in the same digits. Whatever else comes is read with care.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from watcher.domain.model import Account, Asset, Reading
from watcher.domain.values.text import named
from watcher.sources.coinstats.names import KnownAsset, LastAnswer, RowNames, complete, is_token
from watcher.sources.coinstats.wire import BalanceRow, number, numbers

_TINY = Decimal("1e-60")
_HUGE = Decimal("1e60")
_ZERO = Decimal(0)

_MOST_DIGITS = 200
"""Of one number. A token of 77 decimals needs 154; nothing that is held needs more."""

Prices = dict[Asset, Decimal]

_LEFT_OUT = "a row that does not say which asset it is was left out"


def read_again(rows: Sequence[Any], last: LastAnswer) -> tuple[LastAnswer, Prices] | None:
    """The rows of one group, if they are about the same assets as the last time, in the same order and under
    the same names, and all amounts can be acted on: most answers about most accounts. None if they are not.

    The very same mapping of amounts is given again where nothing moved, so that whoever compares two answers
    sees it at once.
    """
    if len(rows) != len(last.known):
        return None
    prices: Prices = {}
    try:
        for row, known in zip(rows, last.known, strict=True):
            contract = row.contract_address
            if contract != known.contract or row.symbol != known.symbol:
                return None
            if contract is None and row.coin_id != known.coin:
                return None
            if row.price != known.quoted:
                known.quoted = row.price.copy()
                known.price = _price(known.quoted)
            if (price := known.price) is not None:
                prices[known.asset] = price
        text = b",".join([row.amount for row in rows])
    except AttributeError:
        return None  # a row that is null
    mark = hash(text)
    if mark == last.mark:
        return last, prices
    amounts = _moved(text, last.amounts)
    return None if amounts is None else (last._replace(mark=mark, amounts=amounts), prices)


def _moved(text: bytes, before: dict[Asset, Decimal]) -> dict[Asset, Decimal] | None:
    """These amounts in place of those before; what did not move is the same object. None if one is odd."""
    try:
        read = numbers(text)
        if len(read) != len(before) or not (min(read) > _TINY and max(read) < _HUGE):
            return None
    except (msgspec.DecodeError, InvalidOperation):
        return None
    if max(map(len, text.split(b","))) > _MOST_DIGITS:
        return None
    moved = {a: new for (a, old), new in zip(before.items(), read, strict=True) if old != new}
    return {**before, **moved} if moved else before


def _price(quoted: msgspec.Raw) -> Decimal | None:
    """A price that can be acted on."""
    if len(memoryview(quoted)) > _MOST_DIGITS:
        return None
    price = number(quoted)
    try:
        return price if price is not None and _TINY < price < _HUGE else None
    except InvalidOperation:
        return None  # NaN


def read_rows(
    rows: Sequence[BalanceRow | None], account: Account, chain: str, names: RowNames
) -> tuple[Reading, LastAnswer | None]:
    """The rows of one group, one by one; and what the next ones can be compared with, if all amounts can be
    used."""
    unclear: dict[Asset, str] = {}
    found: dict[int, tuple[KnownAsset, BalanceRow]] = {}
    without: dict[int, BalanceRow] = {}
    natives: set[Asset] = set()
    for place, row in enumerate(rows):
        known = None if row is None else names.contract(chain, row.contract_address, row.coin_id)
        if row is not None and known is not None:
            found[place] = known, row
        elif row is not None and is_token(row.coin_id):
            without[place] = row
    whole = len(found) + len(without) == len(rows)
    present = {known.asset for known, _ in found.values()}
    for place, row in without.items():
        coin_id = row.coin_id or ""
        lost = names.lost_contracts(chain, coin_id, present)
        unclear.update(dict.fromkeys(lost, "its contract is missing in the answer"))
        if not lost:
            known = names.coin(chain, coin_id)
            found[place] = known, row
            natives.add(known.asset)
    identified = [found[place] for place in sorted(found)]
    amounts, prices, symbols = _take(identified, unclear)
    last = None
    if len(amounts) == len(rows):
        mark = hash(b",".join(row.amount for _, row in identified))
        last = LastAnswer(tuple(known for known, _ in identified), mark, amounts, frozenset(natives))
    for known, row in identified:
        names.note(known, row.symbol)
    chains, notes = (complete(chain), ()) if whole else (frozenset[str](), (_LEFT_OUT,))
    found_out = amounts, prices, symbols, chains, unclear, notes
    return Reading(account, *found_out, natives=frozenset(natives)), last


def _take(
    identified: Sequence[tuple[KnownAsset, BalanceRow]], unclear: dict[Asset, str]
) -> tuple[dict[Asset, Decimal], dict[Asset, Decimal], dict[Asset, str]]:
    """Amounts, prices and symbols of these rows; what nobody should act on goes to `unclear`."""
    amounts: dict[Asset, Decimal] = {}
    prices: dict[Asset, Decimal] = {}
    symbols: dict[Asset, str] = {}
    seen: set[Asset] = set()
    for known, row in identified:
        asset = known.asset
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
