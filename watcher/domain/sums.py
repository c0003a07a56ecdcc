"""Sums over accounts, exact, and unknown while any part of them is.

A poll sees some fifty accounts while a sum may span ten thousand. A sum of many accounts is
therefore kept: the amount of each asset, and what each account put into it. Everything is exact, so
a kept sum equals one made from scratch. A sum of few accounts is made from scratch each time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from watcher.domain.alerting import Subject
from watcher.domain.exact import ZERO, minus, plus, times
from watcher.domain.model import Account, AccountState, Asset
from watcher.domain.parts import Part, Selection, View
from watcher.domain.rules import SumRule, Total

FEW = 16
"""A sum of so few accounts is not kept."""

Price = Callable[[Asset], Decimal | None]


class Tally:
    """Amounts and values that are added up, and can be taken out again."""

    def __init__(self) -> None:
        self.amounts: dict[Asset, Decimal] = {}
        """Asset → its amount in all parts, where that is not zero."""
        self.amount = ZERO
        self.known = 0
        """Parts in which something that is selected was ever named."""
        self._value = ZERO
        self._worth: dict[Asset, tuple[Decimal, Decimal]] = {}
        """Asset → the price and the value that are in `_value`."""

    def add(self, part: Part) -> None:
        self.known += part.known
        for asset, amount in part.amounts.items():
            self._move(asset, amount)

    def remove(self, part: Part) -> None:
        self.known -= part.known
        for asset, amount in part.amounts.items():
            self._move(asset, amount.copy_negate())

    def _move(self, asset: Asset, amount: Decimal) -> None:
        before = self.amounts.get(asset)
        after = amount if before is None else plus(before, amount)
        self.amount = plus(self.amount, amount)
        if after:
            self.amounts[asset] = after
        else:
            self.amounts.pop(asset, None)
        self._forget(asset)

    def value(self, price_of: Price) -> tuple[Decimal, list[Asset]]:
        """What everything with a price is worth, and what has none."""
        unpriced = []
        worth = self._worth
        for asset, amount in self.amounts.items():
            price, known = price_of(asset), worth.get(asset)
            if known is not None and (known[0] is price or known[0] == price):
                continue
            self._forget(asset)
            if price is None:
                unpriced.append(asset)
                continue
            product = times(amount, price)
            worth[asset] = price, product
            self._value = plus(self._value, product)
        return self._value, unpriced

    def _forget(self, asset: Asset) -> None:
        known = self._worth.pop(asset, None)
        if known is not None:
            self._value = minus(self._value, known[1])


class Sum:
    """One selection summed into one subject."""

    def __init__(self, selection: Selection, accounts: tuple[Account, ...]) -> None:
        self.selection = selection
        self.accounts = accounts
        self.kept = len(accounts) > FEW
        self.concerns: list[Summed] = []
        """Whose totals this is one of."""
        self.parts: dict[Account, Part] = {}
        self.tally = Tally()
        self._troubled: dict[Account, str] = {}
        self._fresh_until: datetime | None = None
        """No part is too old before this; None if that has to be found out."""
        self._oldest = 0
        """Where in `accounts` to begin to look for a part that is too old."""

    def put(self, account: Account, part: Part, state: AccountState | None) -> None:
        """Take in what an account adds, in place of what it added before."""
        old = self.parts.get(account)
        if old is not None:
            self.tally.remove(old)
        self.parts[account] = part
        self.tally.add(part)
        self._troubled.pop(account, None)
        if part.trouble:
            self._troubled[account] = part.trouble
        self.again(account, part, state)

    def again(self, account: Account, part: Part, state: AccountState | None) -> None:
        """A part was read at another time than was known. The clock may have been set back."""
        if self._fresh_until is not None and state is not None:
            self._fresh_until = min(self._fresh_until, self._expires(account, part, state))

    def clear(self) -> None:
        self.parts.clear()
        self.tally = Tally()
        self._troubled.clear()
        self._fresh_until, self._oldest = None, 0

    def unknown(self, view: View) -> str:
        """Why the sum is not known; empty if every part of it is."""
        if not self.accounts:
            return "no account is selected"
        if not self.kept:
            for account in self.accounts:
                if trouble := view.part(self.selection, account).trouble:
                    return trouble
        elif self._troubled:
            first, *others = self._troubled.values()
            return first + (f" (and {len(others)} more)" if others else "")
        return self._too_old(view)

    def _too_old(self, view: View) -> str:
        if self._fresh_until is not None and view.now <= self._fresh_until:
            return ""
        until: datetime | None = None
        number = len(self.accounts)
        for step in range(number):
            place = (self._oldest + step) % number
            account = self.accounts[place]
            part, state = self.part(account, view), view.state(account)
            if state is None:
                continue
            expires = self._expires(account, part, state)
            if expires < view.now:
                self._oldest = place
                return self.selection.too_old(account, part, state, view.now, view.symbols)
            until = expires if until is None else min(until, expires)
        if self.kept:
            self._fresh_until = until
        return ""

    def _expires(self, account: Account, part: Part, state: AccountState) -> datetime:
        return part.read_at(state) + self.selection.limits[account]

    def part(self, account: Account, view: View) -> Part:
        return self.parts[account] if self.kept else view.part(self.selection, account)

    def total(self, view: View) -> Total:
        """What the sum comes to now."""
        total = view.totals.get(id(self))
        if total is None:
            total = view.totals[id(self)] = self._total(view)
        return total

    def _total(self, view: View) -> Total:
        why, number = self.unknown(view), len(self.accounts)
        if why:
            return Total(None, None, why, why, accounts=number)
        tally = self.tally
        if not self.kept:
            tally = Tally()
            for account in self.accounts:
                tally.add(view.part(self.selection, account))
        if not tally.known and (why := self.selection.never_seen()):
            return Total(None, None, why, why, accounts=number)
        match = self.selection.side.match
        symbols: set[str] = set()
        if self.selection.side.amounts:
            symbols = {view.symbol(asset) for asset in tally.amounts}
        amount: Decimal | None = tally.amount
        why_no_amount = ""
        if len(symbols) > 1 and not match.exact_assets:
            some = ", ".join(sorted(symbols)[:3])
            amount, why_no_amount = None, f"amounts of different assets ({some}) cannot be added"
        value, why_no_value = self._value(tally, view)
        symbol = symbols.pop() if len(symbols) == 1 else self.selection.only_name() if not symbols else ""
        return Total(amount, value, why_no_amount, why_no_value, symbol, number)

    def _value(self, tally: Tally, view: View) -> tuple[Decimal | None, str]:
        if not self.selection.side.valued:
            return None, "not asked for"
        value, unpriced = tally.value(view.price)
        if not unpriced or self.selection.side.skip_unpriced:
            return value, ""
        asset, *others = unpriced
        name = f"{view.symbol(asset)} on {asset.chain}"
        doubt = view.doubt(asset)
        why = (
            f"the price of {name} is in doubt ({doubt.reason})" if doubt else f"there is no price for {name}"
        )
        return None, why + (f" (and {len(others)} more)" if others else "")


class Summed(NamedTuple):
    """A rule over sums on one subject: one sum for each side of the rule."""

    rule: SumRule
    subject: Subject
    sums: tuple[Sum, ...]
    tags: tuple[str, ...] = ()
