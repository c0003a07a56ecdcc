"""Conditions: a metric on one side of a level, with its band; and several of them joined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, model_validator

from watcher.domain.rules.base import Exact, Unmet
from watcher.domain.rules.distance import Near, joint, near, unsure
from watcher.domain.values.decimals import ZERO, times
from watcher.domain.values.errors import InputError
from watcher.domain.values.formatting import amount, amount_against, exactly, full, money, money_against
from watcher.domain.values.ranges import Range, exactly_so
from watcher.domain.values.verdict import Answer, Verdict, met, not_met, unknown

Metric = Literal["amount", "value_usd", "price_usd"]


class Levels(Protocol):
    """What has a level and perhaps another one beyond which it clears."""

    @property
    def below(self) -> Decimal | None: ...
    @property
    def above(self) -> Decimal | None: ...
    @property
    def clear_above(self) -> Decimal | None: ...
    @property
    def clear_below(self) -> Decimal | None: ...


def check_band(band: Levels) -> None:
    """ValueError unless there is one level, and a clear level that fits it."""
    if (band.below is None) == (band.above is None):
        raise InputError("exactly one of below and above is needed", "use two rules for a range")
    if band.below is not None and band.clear_below is not None:
        raise InputError(
            "clear_below goes with above", "a rule with below clears with clear_above", ("clear_below",)
        )
    if band.above is not None and band.clear_above is not None:
        raise InputError(
            "clear_above goes with below", "a rule with above clears with clear_below", ("clear_above",)
        )
    if band.below is not None and band.clear_above is not None and band.clear_above < band.below:
        raise InputError(
            f"clear_above ({band.clear_above}) is under below ({band.below}): the alert would "
            "resolve while it still fires",
            "raise clear_above",
            ("clear_above",),
        )
    if band.above is not None and band.clear_below is not None and band.clear_below > band.above:
        raise InputError(
            f"clear_below ({band.clear_below}) is over above ({band.above}): the alert would "
            "resolve while it still fires",
            "lower clear_below",
            ("clear_below",),
        )


def sides(band: Levels) -> tuple[Decimal, str, Decimal | None, str]:
    """The level and its side, the clear level and the side beyond it."""
    if band.below is not None:
        return band.below, "below", band.clear_above, "above"
    assert band.above is not None  # noqa: S101 - what `check_band` promises
    return band.above, "above", band.clear_below, "below"


def judged(band: Levels, against: Callable[[Decimal], int], compare: Callable[[str, Decimal], str], *,
           firing: bool) -> Verdict:  # fmt: skip
    """The verdict on a quantity.

    `against`: −1, 0 or 1 as the quantity is under, at or over a level. `compare`: in words.
    A firing alert holds until the quantity is strictly beyond the clear level.
    """
    level, side, clear, beyond = sides(band)
    sign = -1 if side == "below" else 1
    if against(level) == sign:
        return met(compare(f"is {side}", level))
    if firing and clear is not None:
        if against(clear) != -sign:
            return met(compare(f"is not yet {beyond}", clear))
        return not_met(compare(f"is {beyond}", clear))
    return not_met(compare(f"is not {side}", level))


class Condition(BaseModel):
    """The metric is strictly below or above a level; once firing, until strictly beyond the clear level."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: Metric = "amount"
    """What is compared: units of the asset, their worth, or the price of one."""
    below: Exact | None = None
    """Level; met while the metric is strictly under it."""
    above: Exact | None = None
    """Level; met while the metric is strictly over it."""
    clear_above: Exact | None = None
    """With `below`: what fires ends only strictly over this."""
    clear_below: Exact | None = None
    """With `above`: what fires ends only strictly under this."""

    @model_validator(mode="after")
    def _band_is_possible(self) -> Condition:
        check_band(self)
        return self

    def value(self, amount: Decimal, price: Decimal | None) -> Decimal | None:
        """What is compared; None if it cannot be known."""
        if self.metric == "amount":
            return amount
        if self.metric == "value_usd" and not amount:
            return ZERO
        if self.metric == "price_usd" or price is None:
            return price
        return times(amount, price)

    def between(self, amount: Decimal, price: Range | None) -> Range | None:
        """What is compared, where of the price only the ends may be known."""
        if self.metric == "amount" or (self.metric == "value_usd" and not amount):
            return exactly_so(amount)
        if price is None or self.metric == "price_usd":
            return price
        ends = times(amount, price.low), None if price.high is None else times(amount, price.high)
        return Range(ends[0], ends[1], price.assumed)

    def unmet(self) -> Unmet:
        """Whether a rule that does not fire has nothing to say, as one quick call."""
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
        return lambda amount, price: self.answer(self.value(amount, price), firing=False) is not Answer.MET

    def answer(self, value: Decimal | None, *, firing: bool) -> Answer:
        """UNKNOWN without a value."""
        if value is None:
            return Answer.UNKNOWN
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

    def answer_between(self, found: Range | None, *, firing: bool) -> Answer:
        """What it is at both ends; UNKNOWN where they differ, or nothing is known at all."""
        if found is None:
            return Answer.UNKNOWN
        low = self.answer(found.low, firing=firing)
        if found.known:
            return low
        high = Answer.MET if self.above is not None else Answer.NOT_MET  # beyond every level
        if found.high is not None:
            high = self.answer(found.high, firing=firing)
        return low if low is high else Answer.UNKNOWN

    def judge_between(self, found: Range | None, symbol: str, why: str, *, firing: bool) -> Verdict:
        """`answer_between` with its because: the end that decides, and what was assumed. `why` it is not
        known, where it is not."""
        answer = self.answer_between(found, firing=firing)
        if found is None or (found.known and answer is Answer.UNKNOWN):
            return unknown(why)
        if found.known:
            return self.judge(found.low, symbol, firing=firing)
        if answer is Answer.UNKNOWN:
            top = "any amount" if found.high is None else self._shown(found.high, symbol)
            return unknown(f"{why}: from {self._shown(found.low, symbol)} to {top} is possible")
        upper = (self.below is not None) is (answer is Answer.MET)
        end = found.high if upper and found.high is not None else found.low
        words = self.judge(end, symbol, firing=firing).because
        return Verdict(answer, f"at {'most' if upper else 'least'} {words}; {found.assumed}")

    def _shown(self, value: Decimal, symbol: str) -> str:
        return amount(value) + f" {symbol}".rstrip() if self.metric == "amount" else money(value)

    def judge(self, value: Decimal, symbol: str, *, firing: bool) -> Verdict:
        """The answer with its because, in words that never round across the level."""

        def compare(words: str, level: Decimal) -> str:
            return f"{self._show(value, level, symbol)} {words} {self.show_level(level, symbol)}"

        def against(level: Decimal) -> int:
            return (value > level) - (value < level)

        return judged(self, against, compare, firing=firing)

    def near(self, value: Decimal | None, why: str) -> Near:
        """How far the value is from the level; `why` it is not known, if it is None."""
        return near(value, sides(self)[0]) if value is not None else unsure(why)

    def _show(self, value: Decimal, level: Decimal, symbol: str) -> str:
        if self.metric == "amount":
            return amount_against(value, level, symbol)
        return money_against(value, level)

    def show_level(self, level: Decimal, symbol: str) -> str:
        """A level is shown as it was written, however many digits it has."""
        return f"{full(level)} {symbol}".rstrip() if self.metric == "amount" else exactly(level)

    def describe(self) -> str:
        level, side, _, _ = sides(self)
        return f"{self.metric} {side} {self.show_level(level, '')}"


Join = Literal["all", "any"]


def join_answers(join: Join, answers: Sequence[Answer]) -> Answer:
    """Kleene's logic: UNKNOWN only if the unknown ones could turn the answer."""
    decisive, otherwise = (Answer.NOT_MET, Answer.MET) if join == "all" else (Answer.MET, Answer.NOT_MET)
    if decisive in answers:
        return decisive
    return Answer.UNKNOWN if Answer.UNKNOWN in answers else otherwise


def join_verdicts(join: Join, verdicts: Sequence[Verdict]) -> Verdict:
    """The joint verdict; its because names the parts that made it so."""
    answer = join_answers(join, [each.answer for each in verdicts])
    return Verdict(answer, " and ".join(each.because for each in verdicts if each.answer is answer))


def join_near(join: Join, conditions: Sequence[Condition], found: Sequence[Near]) -> Near:
    """The distance of the condition that decides."""
    met_below = (each.below is not None for each in conditions)
    return joint(list(zip(found, met_below, strict=True)), every=join == "all")
