"""`asset`: something that was not held appears, or something held disappears."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from watcher.domain.display import amount, money
from watcher.domain.exact import times
from watcher.domain.model import Change
from watcher.domain.rules._base import EventRule, Exact
from watcher.domain.verdict import Verdict, met, not_met, unknown


class AssetRule(EventRule):
    """Tells once when an asset's amount leaves zero (`appears`) or reaches it (`disappears`).

    With `min_value_usd`, only what is worth at least that; an asset without a price is then not
    told, since most unpriced newcomers are spam.
    """

    type: Literal["asset"] = "asset"
    event: Literal["appears", "disappears"]
    min_value_usd: Exact | None = None

    def judge(self, change: Change) -> Verdict:
        before = change.before or Decimal(0)
        appeared = before == 0 and change.after > 0
        disappeared = before > 0 and change.after == 0
        if not (appeared if self.event == "appears" else disappeared):
            return not_met("it was held before and after" if change.after else "it did not appear")
        held = change.after if appeared else before
        what = f"{amount(held)} {change.symbol} {'appeared' if appeared else 'is gone'}"
        if self.min_value_usd is None:
            return met(what)
        price = change.price_after or change.price_before
        if price is None:
            return unknown(f"{what}, but it has no price to compare with {money(self.min_value_usd)}")
        worth = times(held, price)
        text = f"{what}, worth {money(worth)}"
        return met(text) if worth >= self.min_value_usd else not_met(text)

    def describe(self) -> str:
        floor = f" worth at least {money(self.min_value_usd)}" if self.min_value_usd is not None else ""
        return f"an asset{floor} {self.event}"
