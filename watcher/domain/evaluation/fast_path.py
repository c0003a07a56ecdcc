"""One glance at an account: whether any level rule has anything to say about what it holds.

Nearly every answer says of nearly every account that nothing crossed a level. That is found by looking at
all amounts and all values at once, where all assets have the same levels, and else by looking only at the
assets that have some. A glance that finds something says no more than that: who is concerned, and whether,
is then found asset by asset.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal

from watcher.domain.decision import Revision, Snapshot
from watcher.domain.evaluation.level_bands import LevelBand
from watcher.domain.evaluation.rule_index import Concerned, Rules
from watcher.domain.model import AccountState, Asset, Quarantined, Reading
from watcher.domain.values.decimals import ZERO, times

Look = tuple[Asset, Callable[[Decimal, Decimal | None], bool]]


class FastPath:
    """Where to look in one account. A cache: it holds for these assets under these names, or not at all."""

    __slots__ = ("amounts", "band", "calm", "largest", "names", "shut", "smallest", "watched")

    def __init__(
        self, state: AccountState, concerned: Concerned, past: Snapshot, names: Revision | None
    ) -> None:
        self.names = names
        self.amounts: Mapping[Asset, Decimal] = state.amounts
        self.shut: Mapping[Asset, Quarantined] = state.quarantined
        self.calm = False
        """Whether these very amounts were found to be within the band."""
        self.smallest = self.largest = ZERO
        """Of these amounts, once they were found to be."""
        self.band: LevelBand | None = None
        """The levels, if they are the same for every asset; then `watched` is empty."""
        self.watched: tuple[Look, ...] = ()
        symbols = past.symbols
        chosen = [
            (asset, concerned.pick(asset, symbols.get(asset, "")))
            for asset in state.amounts
            if asset not in state.quarantined
        ]
        chosen = [pair for pair in chosen if pair[1].levels]
        bands = {choice.band for _, choice in chosen}
        if len(chosen) == len(state.amounts) and len(bands) == 1:
            self.band = bands.pop()
        if self.band is None:
            self.watched = tuple((asset, choice.calm) for asset, choice in chosen)

    def holds(self, state: AccountState, names: Revision | None) -> bool:
        """Whether it was made for what this account holds now; the amounts may be others."""
        if self.names != names or self.shut is not state.quarantined:
            return False
        if self.amounts is not state.amounts:
            if list(self.amounts) != list(state.amounts):
                return False
            self.amounts, self.calm = state.amounts, False
        return True

    def quiet(self, prices: Mapping[Asset, Decimal]) -> bool:
        """Whether no rule, none of which fires here, is met."""
        amounts, band = self.amounts, self.band
        if band is None:
            return all(calm(amounts[asset], prices.get(asset)) for asset, calm in self.watched)
        if not self.calm:
            self.calm = within(amounts.values(), band.low, band.high)
            self.smallest = min(amounts.values(), default=ZERO)
            self.largest = max(amounts.values(), default=ZERO)
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


def nothing_to_say(
    rules: Rules, concerned: Concerned, state: AccountState, reading: Reading, past: Snapshot
) -> bool:
    """Whether no level rule is met by what was read; none of them may have a live alert here.

    The reading must have no name that `past` does not have. False says nothing.
    """
    names = past.names
    if names is None:
        return False
    glance = rules.glances.get(state.account)
    if glance is None or not glance.holds(state, names):
        glance = rules.glances[state.account] = FastPath(state, concerned, past, names)
    return glance.quiet(reading.prices)
