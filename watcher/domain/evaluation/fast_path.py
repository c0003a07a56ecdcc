"""Fast path: one comparison in place of many rules, and one look at an account in place of many assets.

Of twenty thresholds only the outermost can be crossed first. Nearly every answer says of nearly every
account that none was: that is found by comparing all amounts and all values at once, where all assets have
the same levels, and else by looking only at the assets that have some. A path that finds something says no
more than that: which rule is met, and on what, is then found asset by asset.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from watcher.domain.decision import Revision
from watcher.domain.model import AccountState, Asset, Quarantined
from watcher.domain.readings.diff import Difference, same_assets
from watcher.domain.rules import ClockRule, LevelRule
from watcher.domain.rules.base import Bound, Unmet
from watcher.domain.values.decimals import ZERO, times


class LevelBand(NamedTuple):
    """Within this no rule is met: an amount from `low` to `high`, a value from `least` to `most`."""

    low: Decimal | None
    high: Decimal | None
    least: Decimal | None
    most: Decimal | None


def band_of(rules: Sequence[tuple[LevelRule, Unmet]]) -> LevelBand | None:
    """What these rules come to; None if that cannot be said by levels alone."""
    bounds = [rule.bound() for rule, _ in rules]
    known = [bound for bound in bounds if bound is not None]
    if len(known) < len(bounds):
        return None
    amounts = _outermost([bound for bound in known if bound.metric == "amount"])
    return LevelBand(*amounts, *_outermost([bound for bound in known if bound.metric != "amount"]))


def calm_check(rules: Sequence[tuple[LevelRule, Unmet]]) -> Unmet:
    """Whether none of these rules, none of which fires, has anything to say about an amount and a price."""
    checks: list[Unmet] = []
    amounts: list[Bound] = []
    values: list[Bound] = []
    for rule, unmet in rules:
        bound = rule.bound()
        if bound is None:
            checks.append(unmet)
        else:
            (amounts if bound.metric == "amount" else values).append(bound)
    if amounts:
        checks.append(_amount_within(*_outermost(amounts)))
    if values:
        checks.append(_value_within(*_outermost(values)))
    while len(checks) > 1:
        checks.append(_both(checks.pop(), checks.pop()))
    return checks[0] if checks else lambda _amount, _price: True


def _outermost(bounds: Sequence[Bound]) -> tuple[Decimal | None, Decimal | None]:
    """The least and the most at which none of the rules is met."""
    low = max((bound.level for bound in bounds if bound.below), default=None)
    return low, min((bound.level for bound in bounds if not bound.below), default=None)


def _amount_within(low: Decimal | None, high: Decimal | None) -> Unmet:
    if low is None:
        return lambda amount, _price: high is None or amount <= high
    if high is None:
        return lambda amount, _price: amount >= low
    return lambda amount, _price: low <= amount <= high


def _value_within(low: Decimal | None, high: Decimal | None) -> Unmet:
    """Without a price nothing can be said of a value, but that nothing is worth nothing."""

    def within(amount: Decimal, price: Decimal | None) -> bool:
        if price is None and amount:
            return True
        value = times(amount, price) if price is not None else ZERO
        return (low is None or value >= low) and (high is None or value <= high)

    return within


def _both(one: Unmet, other: Unmet) -> Unmet:
    return lambda amount, price: one(amount, price) and other(amount, price)


def patience(rules: Sequence[ClockRule]) -> timedelta | None:
    """How long after a reading none of these rules can have anything to say; None: nobody knows."""
    waits = [rule.patience() for rule in rules]
    known = [wait for wait in waits if wait is not None]
    return min(known) if known and len(known) == len(waits) else None


Chosen = tuple[Asset, Unmet, LevelBand | None]
"""An asset, and the levels of all rules that select it: as one question, and as a band if they are one."""


class FastPath:
    """Where to look in one account. A cache: it holds for these assets under these names, or not at all."""

    __slots__ = ("amounts", "band", "calm", "largest", "names", "shut", "smallest", "watched")

    def __init__(self, state: AccountState, names: Revision, chosen: Sequence[Chosen]) -> None:
        """`chosen`: the assets that level rules select, with the ways to say that none of them is met."""
        self.names = names
        self.amounts: Mapping[Asset, Decimal] = state.amounts
        self.shut: Mapping[Asset, Quarantined] = state.quarantined
        self.calm = False
        """Whether these very amounts were found to be within the band."""
        self.smallest = self.largest = ZERO
        """Of these amounts, once they were found to be."""
        bands = {band for _, _, band in chosen}
        alike = len(chosen) == len(state.amounts) and len(bands) == 1
        self.band: LevelBand | None = bands.pop() if alike else None
        """The levels, if they are the same for every asset; then `watched` is empty."""
        self.watched: tuple[tuple[Asset, Unmet], ...] = ()
        if self.band is None:
            self.watched = tuple((asset, calm) for asset, calm, _ in chosen)

    def holds(
        self, state: AccountState, names: Revision, before: AccountState | None, moved: Sequence[Difference]
    ) -> bool:
        """Whether it was made for what this account holds now. Amounts may be others than they were: where
        they were those of `before`, only what moved is looked at."""
        if self.names != names or self.shut is not state.quarantined:
            return False
        if self.amounts is not state.amounts:
            if not same_assets(self.amounts, state.amounts):
                return False
            follows = before is not None and before.amounts is self.amounts
            self.amounts, self.calm = state.amounts, self.calm and follows and self._stays_calm(moved)
        return True

    def _stays_calm(self, moved: Sequence[Difference]) -> bool:
        """Whether all are within the band for certain; not where the smallest or the largest moved away."""
        for _, before, after, _ in moved:
            if before is None or not self.smallest < before < self.largest:
                return False
            self.smallest, self.largest = min(self.smallest, after), max(self.largest, after)
        band = self.band
        return band is not None and within((self.smallest, self.largest), band.low, band.high)

    def quiet(self, prices: Mapping[Asset, Decimal]) -> bool:
        """Whether no rule, none of which fires here, is met."""
        amounts, band = self.amounts, self.band
        if band is None:
            return all(calm(amounts[asset], prices.get(asset)) for asset, calm in self.watched)
        if not self.calm:
            self.smallest, self.largest = min(amounts.values()), max(amounts.values())
            self.calm = within((self.smallest, self.largest), band.low, band.high)
        if not self.calm:
            return False
        if (band.least is None and band.most is None) or self._surely(band, prices):
            return True
        if list(prices) == list(amounts):
            values = list(map(times, amounts.values(), prices.values()))
        else:  # of what has no price, and is held, the value is not known
            values = [
                times(held, prices.get(asset, ZERO))
                for asset, held in amounts.items()
                if not held or asset in prices
            ]
        return within(values, band.least, band.most)

    def _surely(self, band: LevelBand, prices: Mapping[Asset, Decimal]) -> bool:
        """Whether even the smallest amount at the lowest price is worth enough, and the largest at the
        highest not too much: most wallets need no look at what each asset is worth."""
        if not prices:
            return False
        if band.least is not None and times(self.smallest, min(prices.values())) < band.least:
            return False
        return band.most is None or times(self.largest, max(prices.values())) <= band.most


def within(numbers: Collection[Decimal], low: Decimal | None, high: Decimal | None) -> bool:
    """Whether none is strictly below the one or strictly above the other."""
    if not numbers:
        return True
    return (low is None or low <= min(numbers)) and (high is None or max(numbers) <= high)
