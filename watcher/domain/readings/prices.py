"""Prices: which of an answer's are believed, and which are worth keeping.

A price belongs to an asset and not to an account, so its doubts are the asset's too: whichever account
is read next confirms or discards them. While a price is in doubt, or missing, nothing that is counted
in dollars is judged; a price of zero is no price, and never makes a holding worth nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from watcher.domain.decision import Snapshot
from watcher.domain.model import Asset, Miss, Outcome, PriceSuspicion, Quote, Reading
from watcher.domain.readings.plausibility import DUST
from watcher.domain.records import replace
from watcher.domain.values.decimals import ZERO, times
from watcher.domain.values.formatting import moment
from watcher.domain.values.formatting import price as show
from watcher.domain.values.ranges import Range

SAMPLE_EVERY = timedelta(minutes=5)
"""A price is kept at most so often, unless it moved by `MOVED`."""

PRICE_JUMP = Decimal(10)
"""A price that rises or falls so many times over from one answer to the next is odd.

Markets do this to small coins, and then a second answer says so half a minute later."""

_PRICE_FALL = Decimal("0.1")
"""One divided by `PRICE_JUMP`, exactly."""

PRICE_AGREES = Decimal(2)
"""A later price within this factor of the odd one confirms it."""

PRICE_SETTLES = timedelta(seconds=15)
"""Answers closer together than this may come out of one cache of prices; they confirm nothing."""


class Weighed:
    """What the prices of one request's answers amount to. Lives for one call of `decide`."""

    def __init__(self, past: Snapshot, now: datetime) -> None:
        self._past, self._now = past, now
        self.quotes: dict[Asset, Quote] = {}
        """Prices worth keeping."""
        self.doubts: dict[Asset, PriceSuspicion | None] = {}
        self._believed: dict[Asset, Decimal] = {}
        """Mostly the next account comes with the very same ones."""

    def believed(self, reading: Outcome) -> tuple[Outcome, bool]:
        """The reading with the prices that can be acted on, and whether to ask again soon for the others.

        A miss has none, and stays what it is.
        """
        if isinstance(reading, Miss):
            return reading, False
        known, believed, fresh = self._past.quotes, self._believed, self._now - SAMPLE_EVERY
        odd: list[Asset] = []
        soon = False
        for asset, price in reading.prices.items():
            if believed.get(asset) is price:
                continue
            last = known.get(asset)
            if last is None or not (
                (last.low < price < last.high and last.at > fresh) or last.price == price
            ):
                if reason := self._odd(asset, last, price):
                    odd.append(asset)
                    if last is not None:
                        soon = self._doubt(asset, price, reason, reading) or soon
                    continue
                self.quotes[asset] = Quote(price, self._now)
            believed[asset] = price
        if len(reading.prices) != len(reading.amounts):
            soon = self._missing(reading) or soon
        if self._past.doubts:
            self._clear(reading, odd)
        if odd:
            left = {asset: price for asset, price in reading.prices.items() if asset not in odd}
            reading = reading._replace(prices=left)
        return reading, soon

    def _odd(self, asset: Asset, last: Quote | None, price: Decimal) -> str:
        """Why a price is not believed; empty if it is."""
        if last is None:
            return "" if price else "a price of zero"
        reason = odd_price(last.price, price)
        return "" if reason and self._agrees(asset, price) else reason

    def _agrees(self, asset: Asset, price: Decimal) -> bool:
        """Whether an odd price says again, later, what another answer said; no price ever does."""
        doubt = self._past.doubts.get(asset)
        if doubt is None or not doubt.price or not price or self._now - doubt.since < PRICE_SETTLES:
            return False
        low, high = sorted((doubt.price, price))
        return high < times(low, PRICE_AGREES)

    def _missing(self, reading: Reading) -> bool:
        """Assets that had a price and come without one."""
        soon = False
        known = self._past.quotes
        for asset in reading.amounts.keys() - reading.prices.keys():
            if asset in known and reading.amounts[asset]:
                soon = self._doubt(asset, None, "no price in the answer", reading) or soon
        return soon

    def _doubt(self, asset: Asset, price: Decimal | None, reason: str, reading: Reading) -> bool:
        """Hold a price; whether this account should be read again soon for its sake.

        A thousand accounts may hold the asset: the first one that meets the odd price asks, for all.
        """
        first, now = self._past.doubts.get(asset), self._now
        if first is not None and (first.price == price or not (first.price or price)):
            if first.since > now:  # the clock was set back
                self.doubts[asset] = replace(first, since=now)
            elif not first.settled and not price and now - first.since >= PRICE_SETTLES:
                self.doubts[asset] = replace(first, settled=True)
            return False
        if asset in self.doubts and first is None:
            return False
        self.doubts[asset] = PriceSuspicion(price, now, reason)
        held, last = reading.amounts.get(asset), self._past.quotes.get(asset)
        state = self._past.accounts.get(reading.account)
        if state is not None and asset in state.quarantined:
            return False
        return first is None and held is not None and last is not None and times(held, last.price) >= DUST

    def _clear(self, reading: Reading, odd: list[Asset]) -> None:
        """Doubts that an ordinary price has ended."""
        for asset in self._past.doubts.keys() & reading.prices.keys():
            if asset not in odd and asset not in self.doubts:
                self.doubts[asset] = None


def odd_price(last: Decimal, price: Decimal) -> str:
    """Why a price is too odd to act on after the last one that was believed; empty if it is not."""
    if not price:
        return f"a price of zero after {show(last)}"
    if -1 < price.adjusted() - last.adjusted() < 1:
        return ""
    if times(last, PRICE_JUMP) <= price:
        return f"a price of {show(price)} after {show(last)}: at least {PRICE_JUMP} times as high"
    if times(price, PRICE_JUMP) <= last:
        return f"a price of {show(price)} after {show(last)}: at most a {PRICE_JUMP}th"
    return ""


def assumed(name: str, last: Quote | None, doubt: PriceSuspicion | None) -> Range:
    """What the price of an asset that has none now may be: the last one that was believed, divided and
    multiplied by `PRICE_JUMP`; anything, if there never was one."""
    if last is None:
        return Range(ZERO, None, f"{name} never had a price")
    words = f"{name} at its last price {show(last.price)} divided and multiplied by {PRICE_JUMP}"
    if doubt is None:
        words += ", no price in this answer"
    elif doubt.price is None:
        words += f", no price since {moment(doubt.since)}"
    else:
        words += f", in doubt since {moment(doubt.since)} ({doubt.reason})"
    return Range(times(last.price, _PRICE_FALL), times(last.price, PRICE_JUMP), words)
