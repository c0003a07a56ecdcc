"""Totals: sums over accounts, exact, and unknown while any part of them is.

A poll sees some hundred accounts while a sum may span ten thousand. A sum of many accounts is
therefore kept: the amount of each asset, and what each account put into it. Everything is exact, so
a kept sum equals one made from scratch. A sum of few accounts is made from scratch each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from watcher.domain.aggregates.contributions import Contribution, Selection, View
from watcher.domain.alerts.lifecycle import Subject, short_id
from watcher.domain.decision import SumKey
from watcher.domain.model import EMPTY, Account, AccountState, Asset
from watcher.domain.readings.plausibility import CONFIRM_AFTER
from watcher.domain.readings.unknowns import (
    NOT_YET,
    ONE_ASSET,
    READ_IT,
    RIGHT_NAME,
    SEE_WHAT_WAITS,
    Unknown,
    in_doubt_since,
    price_it,
)
from watcher.domain.records import Record
from watcher.domain.rules import SumRule, Total
from watcher.domain.values.decimals import ZERO, minus, plus, times
from watcher.domain.values.decimals import total as sum_of
from watcher.domain.values.formatting import money
from watcher.domain.values.ranges import Range

NOTHING = Contribution(EMPTY)

LEFT_OUT = 3
"""So many assets are named that a sum leaves out."""

FEW = 16
"""A sum of so few accounts is not kept."""

Price = Callable[[Asset], Decimal | None]


class RunningTotal:
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

    def replace(self, old: Contribution, new: Contribution) -> None:
        """Take out what an account added, and put in what it adds."""
        self.known += new.known - old.known
        before, now = old.amounts, new.amounts
        for asset, amount in now.items():
            was = before.get(asset)
            if was is None:
                self._move(asset, amount)
            elif was is not amount and was != amount:
                self._move(asset, minus(amount, was))
        for asset in before.keys() - now.keys():
            self._move(asset, before[asset].copy_negate())

    def _move(self, asset: Asset, amount: Decimal) -> None:
        before = self.amounts.get(asset)
        after = amount if before is None else plus(before, amount)
        self.amount = plus(self.amount, amount)
        if after:
            self.amounts[asset] = after
        else:
            self.amounts.pop(asset, None)
        self._forget(asset)

    def value(self, price_of: Price) -> tuple[Decimal, dict[Asset, Decimal]]:
        """What everything with a price is worth, and how much there is of what has none."""
        unpriced = {}
        worth = self._worth
        for asset, amount in self.amounts.items():
            price, known = price_of(asset), worth.get(asset)
            if known is not None and (known[0] is price or known[0] == price):
                continue
            self._forget(asset)
            if price is None:
                unpriced[asset] = amount
                continue
            product = times(amount, price)
            worth[asset] = price, product
            self._value = plus(self._value, product)
        return self._value, unpriced

    def _forget(self, asset: Asset) -> None:
        known = self._worth.pop(asset, None)
        if known is not None:
            self._value = minus(self._value, known[1])


NO_TOTAL = RunningTotal()
NO_TROUBLE: dict[int, Account] = {}
"""Those of all sums that are not kept: they stay empty."""


class Sum:
    """One selection summed into one subject."""

    __slots__ = (
        "_fresh_until", "_oldest", "_troubled", "accounts", "calm", "concerns", "kept", "running",
        "selection", "version",
    )  # fmt: skip

    def __init__(self, selection: Selection, accounts: tuple[Account, ...]) -> None:
        self.selection = selection
        self.accounts = accounts
        self.kept = len(accounts) > FEW
        self.concerns: list[Summed] = []
        """Whose totals this is one of."""
        self.version = 0
        """Counts how often what is summed may have changed."""
        self.calm = -1
        """`version` and what its prices count, when no rule had a reason for an alert."""
        self.running = RunningTotal() if self.kept else NO_TOTAL
        self._troubled: dict[int, Account] = {} if self.kept else NO_TROUBLE
        """The accounts whose part is not known, by their place in the selection."""
        self._fresh_until: datetime | None = None
        """No part before `_oldest` is too old before this; None if that has to be found out."""
        self._oldest = 0
        """Where in `accounts` the first part is that was too old when that was last found out."""

    def put(
        self, account: Account, old: Contribution | None, part: Contribution, state: AccountState | None
    ) -> None:
        """Take in what an account adds, in place of what it added before; for a sum that is kept."""
        self.version += 1
        self.running.replace(old or NOTHING, part)
        place = self.selection.places[account]
        if part.trouble:
            self._troubled[place] = account
        else:
            self._troubled.pop(place, None)
        self.again(account, part, state)

    def again(self, account: Account, part: Contribution, state: AccountState | None) -> None:
        """A part was read at another time than was known. The clock may have been set back."""
        if self._fresh_until is not None and state is not None and not part.trouble:
            self._fresh_until = min(self._fresh_until, self._expires(account, part, state))

    def renew(self) -> None:
        """Something that is summed has changed; for a sum that is made each time."""
        self.version += 1
        self._fresh_until = None

    def settle(self) -> None:
        """After a judgement: whether there is nothing to say until something changes."""
        stamp = self.version + self.selection.repriced
        if all(len(each.sums) == 1 and each.calm == stamp for each in self.concerns):
            self.calm = stamp

    def clear(self) -> None:
        self.renew()
        self._oldest = 0
        if self.kept:
            self.running = RunningTotal()
            self._troubled.clear()

    def part(self, account: Account, view: View) -> Contribution:
        """What an account adds, in a view that was looked at last."""
        parts = self.selection.parts
        part = parts.get(account)
        if part is None:
            part = parts[account] = self.selection.part(account, view.state(account), view.symbols)
        return part

    def total(self, view: View) -> Total:
        """What the sum comes to now."""
        total = view.totals.get(id(self))
        if total is None:
            total = view.totals[id(self)] = self._total(view)
        return total

    def _total(self, view: View) -> Total:
        number = len(self.accounts)
        parts = () if self.kept else tuple(self.part(account, view) for account in self.accounts)
        why = self._unknown(parts, view)
        if not why and not (self.running.known if self.kept else any(part.known for part in parts)):
            why = self.selection.never_seen()
        if why:
            return Total(None, None, why, why, accounts=number)
        side, symbol = self.selection.side, ""
        amount, why_no_amount = None, "not asked for"
        if side.amounts:
            assets = (
                self.running.amounts if self.kept else {asset for part in parts for asset in part.amounts}
            )
            symbol, why_no_amount = self._symbol(assets, view)
            if not why_no_amount:
                amount = self.running.amount if self.kept else sum_of(part.amount for part in parts)
        value, why_no_value, between = None, "not asked for", None
        if side.valued:
            value, unpriced = self.running.value(view.price) if self.kept else _value(parts, view.price)
            if unpriced and not side.skip_unpriced:
                between = _between(value, unpriced, view)
                value, why_no_value = None, _unpriced(unpriced, view)
        return Total(amount, value, why_no_amount, why_no_value, symbol, number, between)

    def left_out(self, view: View) -> str:
        """What anybody may have sent, and is therefore in no sum; empty if there is nothing."""
        found: dict[Asset, Decimal] = {}
        for account in self.accounts:
            state = view.state(account)
            for asset in state.newcomers if state is not None else ():
                held = state.amounts.get(asset) if state is not None else None
                if held and self.selection.chooses(asset, view.symbols.get(asset, "")):
                    found[asset] = plus(found.get(asset, ZERO), held)
        words = []
        for asset in sorted(found):
            price = view.price(asset)
            worth = f"{money(times(found[asset], price))} claimed" if price is not None else "no price"
            words.append(f"{view.symbol(asset)}, {worth}")
        some = "; ".join(words[:LEFT_OUT]) + (
            f" (and {len(words) - LEFT_OUT} more)" if words[LEFT_OUT:] else ""
        )
        return f"{some}, nobody asked for it" if words else ""

    def unread(self, account: Account, view: View, why: str) -> Unknown | None:
        """That an account of it was never read, or too long ago; None if that is not so."""
        part, state = self.part(account, view), view.state(account)
        if state is None or not state.seen or any(chain not in state.seen for chain in part.chains):
            return Unknown(why, READ_IT, state.watched_since if state is not None else None, account)
        expires = self._expires(account, part, state)
        return Unknown(why, READ_IT, expires, account) if expires < view.now else None

    def trouble(self, view: View, why: str) -> Unknown | None:
        """Why nothing can be said of it, where that lies with this sum; None if it does not."""
        account = self._first_troubled(view)
        if account is not None:
            state = view.state(account)
            starts = [in_doubt_since(state, asset) for asset in state.stale] if state is not None else []
            since = min((at for at in starts if at is not None), default=None)
            return self.unread(account, view, why) or Unknown(why, SEE_WHAT_WAITS, since)
        if self._too_old(view):
            return self.unread(self.accounts[self._oldest], view, why)
        _, unpriced = self.running.value(view.price) if self.kept else self._unkept(view)
        for asset in sorted(unpriced) if self.selection.side.valued else ():
            doubt = view.doubt(asset)
            began = doubt is not None and view.now - doubt.since < CONFIRM_AFTER
            symbol = view.symbols.get(asset, "")
            remedy = price_it(asset, symbol, self.selection.units.get(asset.chain, ""))
            return Unknown(why, remedy, view.now if began else None)
        unseen, unlike = self.selection.never_seen(), self.total(view).why_no_amount
        if unseen and unseen in why:
            return Unknown(why, RIGHT_NAME)
        return Unknown(why, ONE_ASSET) if unlike and unlike in why else None

    def _unkept(self, view: View) -> tuple[Decimal, dict[Asset, Decimal]]:
        return _value([self.part(account, view) for account in self.accounts], view.price)

    def _unknown(self, parts: Sequence[Contribution], view: View) -> str:
        """Why the sum is not known; empty if every part of it is."""
        if not self.accounts:
            return "no account is selected"
        first = self._first_troubled(view)
        if first is None:
            return self._too_old(view)
        number = len(self._troubled) if self.kept else sum(1 for part in parts if part.trouble)
        return self.part(first, view).trouble + (f" (and {number - 1} more)" if number > 1 else "")

    def _first_troubled(self, view: View) -> Account | None:
        """The account whose part is not known, the first as configured if there are several: what is said,
        and when, must not depend on which was read last."""
        if self.kept:
            return self._troubled[min(self._troubled)] if self._troubled else None
        return next((account for account in self.accounts if self.part(account, view).trouble), None)

    def _too_old(self, view: View) -> str:
        """Why a part is too old, the first as configured if there are several; empty if none is."""
        until, begin = self._fresh_until, self._oldest
        if until is None or view.now > until:
            until, begin = None, 0
        why, place = "", len(self.accounts)
        for at in range(begin, place):
            account = self.accounts[at]
            part, state = self.part(account, view), view.state(account)
            if state is None:
                continue
            expires = self._expires(account, part, state)
            if expires < view.now:
                why, place = self.selection.too_old(account, part, state, view.now, view.symbols), at
                break
            until = expires if until is None else min(until, expires)
        self._fresh_until, self._oldest = until, place
        return why

    def _expires(self, account: Account, part: Contribution, state: AccountState) -> datetime:
        return part.read_at(state) + self.selection.limits[account]

    def _symbol(self, assets: Iterable[Asset], view: View) -> tuple[str, str]:
        """The one symbol of what is summed, and why amounts cannot be added if there are several."""
        symbols = {view.symbol(asset) for asset in assets}
        if len(symbols) > 1 and not self.selection.side.match.exact_assets:
            some = ", ".join(sorted(symbols)[:3])
            return "", f"amounts of different assets ({some}) cannot be added"
        if not symbols:
            return self.selection.only_name(), ""
        return (symbols.pop() if len(symbols) == 1 else ""), ""


def _value(parts: Iterable[Contribution], price_of: Price) -> tuple[Decimal, dict[Asset, Decimal]]:
    """What everything with a price is worth, and how much there is of what has none."""
    value, unpriced = ZERO, dict[Asset, Decimal]()
    for part in parts:
        for asset, amount in part.amounts.items():
            price = price_of(asset)
            if price is None:
                unpriced[asset] = plus(unpriced.get(asset, ZERO), amount)
            else:
                value = plus(value, times(amount, price))
    return value, unpriced


def _between(value: Decimal, unpriced: Mapping[Asset, Decimal], view: View) -> Range:
    """What a sum may come to: what is priced, and the rest at what its prices may be."""
    low, high, words = value, value, list[str]()
    end = True
    for asset, amount in sorted(unpriced.items()):
        price = view.price_between(asset)
        low = plus(low, times(amount, price.low))
        high = plus(high, times(amount, price.high)) if price.high is not None else high
        end = end and price.high is not None
        words.append(price.assumed)
    others = f" (and {len(words) - 1} more)" if len(words) > 1 else ""
    return Range(low, high if end else None, words[0] + others)


def _unpriced(assets: Iterable[Asset], view: View) -> str:
    asset, *others = sorted(assets)
    name, doubt = f"{view.symbol(asset)} on {asset.chain}", view.doubt(asset)
    why = f"the price of {name} is in doubt ({doubt.reason})" if doubt else f"there is no price for {name}"
    return why + (f" (and {len(others)} more)" if others else "")


class Summed(Record, eq=False):
    """A rule over sums on one subject: one sum for each side of the rule."""

    rule: SumRule
    subject: Subject
    sums: tuple[Sum, ...]
    calm: int = -1
    """The `stamp` under which this was found not to be met: it need not be judged again under it."""
    _members: str = ""

    def __post_init__(self) -> None:
        for each in self.sums:
            each.concerns.append(self)

    @property
    def key(self) -> SumKey:
        return SumKey(self.rule.id, self.subject.key)

    @property
    def several(self) -> bool:
        """Whether it takes more than one account to know it."""
        return len({account for each in self.sums for account in each.accounts[:2]}) > 1

    def over(self, sums: tuple[Sum, ...]) -> Summed:
        """The same, over other objects for the same sums."""
        return Summed(self.rule, self.subject, sums, _members=self.members)

    @property
    def members(self) -> str:
        """The same for the same accounts: a sum over others is another one, whatever it comes to."""
        if not self._members:
            accounts = (account for each in self.sums for account in ("", *sorted(each.accounts)))
            self._members = short_id(*("/".join(account) for account in accounts))
        return self._members

    def stamp(self) -> int:
        """Another number whenever the sums, or prices in them, may have changed."""
        if len(self.sums) == 1:
            only = self.sums[0]
            return only.version + only.selection.repriced
        return sum([each.version + each.selection.repriced for each in self.sums])

    def trouble(self, view: View, why: str) -> Unknown:
        """Why the rule cannot be judged, as far as one of its sums says."""
        found = (each.trouble(view, why) for each in self.sums)
        return next((each for each in found if each is not None), Unknown(why, NOT_YET))
