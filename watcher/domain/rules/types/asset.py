"""`asset`: something that was not held appears, or something held disappears."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from watcher.domain.model import Change
from watcher.domain.rules.base import EventRule, Exact, Untold
from watcher.domain.values.decimals import ZERO, times
from watcher.domain.values.formatting import amount, exactly, money_against
from watcher.domain.values.verdict import Answer, Verdict, met, not_met, unknown


class AssetRule(EventRule):
    """Tells once when an asset's amount leaves zero (`appears`) or reaches it (`disappears`).

    With `min_value_usd`, only what is worth at least that; an asset without a price is then not
    told, since most unpriced newcomers are spam.
    """

    type: Literal["asset"] = "asset"
    event: Literal["appears", "disappears"]
    """What is told: an amount that leaves zero, or one that reaches it."""
    min_value_usd: Exact | None = None
    """Least worth in US dollars, as in `"10"`; an asset without a price is then not told."""

    def answer(self, change: Change) -> Answer:
        return self.judge(change).answer if self._held(change) else Answer.NOT_MET

    def untold(self) -> Untold:
        if self.event == "appears":
            return lambda change: bool(change.before)
        return lambda change: bool(change.after)

    def judge(self, change: Change) -> Verdict:
        held = self._held(change)
        if held is None:
            return not_met("it was held before and after" if change.after else f"no asset {self.event}")
        what = f"{amount(held)} {change.symbol}".rstrip()
        what += " appeared" if self.event == "appears" else " is gone"
        if self.min_value_usd is None:
            return met(what)
        if change.price is None:
            return unknown(f"{what}, but it has no price to compare with {exactly(self.min_value_usd)}")
        worth = times(held, change.price)
        text = f"{what}, worth {money_against(worth, self.min_value_usd)}"
        return met(text) if worth >= self.min_value_usd else not_met(text)

    def _held(self, change: Change) -> Decimal | None:
        """How much appeared or is gone; None if that is not what happened."""
        before = change.before or ZERO
        if self.event == "appears":
            return change.after if before == 0 and change.after > 0 else None
        return before if before > 0 and change.after == 0 else None

    def describe(self) -> str:
        floor = f" worth at least {exactly(self.min_value_usd)}" if self.min_value_usd is not None else ""
        return f"an asset{floor} {self.event}"
