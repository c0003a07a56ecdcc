"""`threshold`: an amount, a value or a price that is below or above a level."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator

from watcher.domain.display import amount_against, exactly, full, money_against
from watcher.domain.duration import format_duration
from watcher.domain.exact import ZERO, times
from watcher.domain.rules._base import Duration, Exact, LevelRule, Unmet
from watcher.domain.verdict import Answer, Verdict, met, not_met


class ThresholdRule(LevelRule):
    """Fires when the metric is strictly below `below` (or above `above`).

    Once firing it resolves only strictly beyond the clear level; without one, as soon as the
    condition no longer holds. `for` and `reads` count readings: it fires with the first reading
    that is at least `for` later than the first one that met it, and the `reads`-th that did.
    """

    type: Literal["threshold"] = "threshold"
    metric: Literal["amount", "value_usd", "price_usd"] = "amount"
    per: Literal["asset"] = "asset"
    below: Exact | None = None
    above: Exact | None = None
    clear_above: Exact | None = None
    clear_below: Exact | None = None
    for_: Annotated[Duration, Field(alias="for")] = timedelta(0)
    reads: Annotated[int, Field(ge=1, le=100)] = 1

    @model_validator(mode="after")
    def _band_is_possible(self) -> ThresholdRule:
        if (self.below is None) == (self.above is None):
            raise ValueError("exactly one of below and above is needed; use two rules for a range")
        if self.below is not None and self.clear_below is not None:
            raise ValueError("clear_below goes with above; a rule with below clears with clear_above")
        if self.above is not None and self.clear_above is not None:
            raise ValueError("clear_above goes with below; a rule with above clears with clear_below")
        if self.below is not None and self.clear_above is not None and self.clear_above < self.below:
            raise ValueError(
                f"clear_above ({self.clear_above}) is under below ({self.below}): the alert would "
                "resolve while it still fires; raise clear_above"
            )
        if self.above is not None and self.clear_below is not None and self.clear_below > self.above:
            raise ValueError(
                f"clear_below ({self.clear_below}) is over above ({self.above}): the alert would "
                "resolve while it still fires; lower clear_below"
            )
        return self

    def terms(self) -> tuple[timedelta, int]:
        return self.for_, self.reads

    def value(self, amount: Decimal, price: Decimal | None) -> Decimal | None:
        if self.metric == "amount":
            return amount
        if self.metric == "value_usd" and not amount:
            return ZERO
        if self.metric == "price_usd" or price is None:
            return price
        return times(amount, price)

    def unmet(self) -> Unmet:
        below, above = self.below, self.above
        if self.metric == "amount":
            if below is not None:
                return lambda amount, _price: amount >= below
            if above is not None:
                return lambda amount, _price: amount <= above
        if self.metric == "value_usd":
            if below is not None:
                return lambda amount, price: price is not None and times(amount, price) >= below
            if above is not None:
                return lambda amount, price: price is not None and times(amount, price) <= above
        return super().unmet()

    def answer(self, value: Decimal, *, firing: bool) -> Answer:
        """MET or NOT_MET; a firing alert holds until the value is beyond the clear level."""
        if self.below is not None:
            holds = value < self.below
            if firing and not holds and self.clear_above is not None:
                holds = value <= self.clear_above
        else:
            assert self.above is not None  # noqa: S101 - the validator's promise
            holds = value > self.above
            if firing and not holds and self.clear_below is not None:
                holds = value >= self.clear_below
        return Answer.MET if holds else Answer.NOT_MET

    def judge(self, value: Decimal, symbol: str, *, firing: bool) -> Verdict:
        """The answer with its because, in words that never round across the level."""
        answer = self.answer(value, firing=firing)
        level, side, clear, beyond = self._band()
        crossed = value < level if side == "below" else value > level
        if crossed:
            return met(self._compare(value, f"is {side}", level, symbol))
        if answer is Answer.MET and clear is not None:
            return met(self._compare(value, f"is not yet {beyond}", clear, symbol))
        if firing and clear is not None:
            return not_met(self._compare(value, f"is {beyond}", clear, symbol))
        return not_met(self._compare(value, f"is not {side}", level, symbol))

    def _band(self) -> tuple[Decimal, str, Decimal | None, str]:
        """The level and its side, the clear level and the side beyond it."""
        if self.below is not None:
            return self.below, "below", self.clear_above, "above"
        assert self.above is not None  # noqa: S101 - the validator's promise, for mypy
        return self.above, "above", self.clear_below, "below"

    def _compare(self, value: Decimal, words: str, level: Decimal, symbol: str) -> str:
        return f"{self._show(value, level, symbol)} {words} {self._show_level(level, symbol)}"

    def _show(self, value: Decimal, level: Decimal, symbol: str) -> str:
        if self.metric == "amount":
            return amount_against(value, level, symbol)
        return money_against(value, level)

    def _show_level(self, level: Decimal, symbol: str) -> str:
        """A level is shown as it was written, however many digits it has."""
        return f"{full(level)} {symbol}".rstrip() if self.metric == "amount" else exactly(level)

    def describe(self) -> str:
        level, side, _, _ = self._band()
        text = f"{self.metric} {side} {self._show_level(level, '')}"
        return text + (f" for {format_duration(self.for_)}" if self.for_ else "")
