"""`threshold`: an amount, a value or a price that is below or above a level; of one asset or summed."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, model_validator

from watcher.domain.rules.aggregate import Side, SumRule, Total
from watcher.domain.rules.base import Bound, Exact, LevelRule, Unmet
from watcher.domain.rules.conditions import (
    Condition,
    Join,
    Metric,
    check_band,
    join_answers,
    join_near,
    join_verdicts,
    sides,
)
from watcher.domain.rules.distance import Near
from watcher.domain.values.durations import format_duration
from watcher.domain.values.errors import InputError
from watcher.domain.values.fields import Duration
from watcher.domain.values.ranges import Range
from watcher.domain.values.verdict import Answer, Verdict, unknown


class ThresholdRule(LevelRule, SumRule):
    """Fires when the metric is strictly below `below` (or above `above`).

    Once firing it resolves only strictly beyond the clear level; without one, as soon as the
    condition no longer holds. `for` and `reads` count readings: it fires with the first reading
    that is at least `for` later than the first one that met it, and the `reads`-th that did.

    `all` or `any` join several conditions on the same subject; one that is unknown counts only if
    it could turn the answer. While the alert fires, each condition holds until beyond its own clear
    level.

    `per` sums what is selected: into one subject for each account, wallet or tag, or into one of
    all. A sum is judged when one of its accounts was read (that is one of the `reads`), and is
    UNKNOWN while a part of it is unknown, in doubt, or older than `max_age`. What has no price now is
    judged at both ends of what it may be: the last price divided and multiplied by ten.
    """

    type: Literal["threshold"] = "threshold"
    metric: Metric = "amount"
    """What is compared: units of the asset, their worth, or the price of one."""
    per: Literal["asset", "account", "wallet", "tag", "all"] = "asset"
    """What is summed into one subject: nothing (each asset by itself), or all of an account, a wallet, a
    tag, or everything."""
    below: Exact | None = None
    """Level; met while the metric is strictly under it."""
    above: Exact | None = None
    """Level; met while the metric is strictly over it."""
    clear_above: Exact | None = None
    """With `below`: what fires ends only strictly over this."""
    clear_below: Exact | None = None
    """With `above`: what fires ends only strictly under this."""
    all_: Annotated[tuple[Condition, ...] | None, Field(alias="all", min_length=2)] = None
    """Two conditions or more, in place of one: all must be met."""
    any_: Annotated[tuple[Condition, ...] | None, Field(alias="any", min_length=2)] = None
    """Two conditions or more, in place of one: one of them is enough."""
    for_: Annotated[Duration, Field(alias="for")] = timedelta(0)
    """How long readings must meet the condition before it fires."""
    reads: Annotated[int, Field(ge=1, le=100)] = 1
    """How many readings must meet the condition before it fires."""
    max_age: Duration | None = None
    """How old the reading of a part may be before the sum is unknown; left out: three times what its wallet
    promises, and at least a day."""
    unpriced: Literal["unknown", "ignore"] = "unknown"
    """Whether what has an amount and no price makes a value unknown, or counts for nothing."""

    @model_validator(mode="after")
    def _conditions_are_sound(self) -> ThresholdRule:
        if self.all_ is None and self.any_ is None:
            check_band(self)
            return self
        if self.all_ is not None and self.any_ is not None:
            raise InputError("all and any cannot both be there", "use two rules", ("all",))
        name = "all" if self.all_ is not None else "any"
        alone = {"metric", "below", "above", "clear_above", "clear_below"} & self.model_fields_set
        if alone:
            raise InputError(
                f"{name} holds the conditions", f"move {', '.join(sorted(alone))} into one of them", (name,)
            )
        return self

    @model_validator(mode="after")
    def _sums_make_sense(self) -> ThresholdRule:
        metrics = {each.metric for each in self.conditions}
        if self.per == "asset":
            for name in ("max_age", "unpriced"):
                if name in self.model_fields_set:
                    remedy = "leave it out, or say what is summed with per"
                    raise InputError(f"{name} is for sums", remedy, (name,))
            return self
        if "price_usd" in metrics:
            raise InputError("price_usd cannot be summed", "use amount or value_usd, or per: asset")
        if "amount" in metrics and not self.match.assets:
            raise InputError(
                "amounts of different assets cannot be added",
                "name the asset in match.assets, or use value_usd",
                ("per",),
            )
        if self.max_age is not None and self.max_age <= timedelta(0):
            raise InputError("max_age must be positive", place=("max_age",))
        return self

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """One condition, or those that are joined."""
        several = self.all_ if self.all_ is not None else self.any_
        if several is not None:
            return several
        return (
            Condition(
                metric=self.metric,
                below=self.below,
                above=self.above,
                clear_above=self.clear_above,
                clear_below=self.clear_below,
            ),
        )

    @cached_property
    def priced(self) -> bool:
        return any(each.metric != "amount" for each in self.conditions)

    @property
    def join(self) -> Join:
        return "any" if self.any_ is not None else "all"

    def terms(self) -> tuple[timedelta, int]:
        return self.for_, self.reads

    def unmet(self) -> Unmet:
        return self.conditions[0].unmet() if len(self.conditions) == 1 else super().unmet()

    def bound(self) -> Bound | None:
        condition = self.conditions[0]
        if len(self.conditions) > 1 or condition.metric == "price_usd":
            return None
        level, side, _, _ = sides(condition)
        return Bound(condition.metric, side == "below", level)

    def answer(self, amount: Decimal, price: Decimal | None, *, firing: bool) -> Answer:
        answers = [each.answer(each.value(amount, price), firing=firing) for each in self.conditions]
        return answers[0] if len(answers) == 1 else join_answers(self.join, answers)

    def judge(self, amount: Decimal, price: Decimal | None, symbol: str, *, firing: bool) -> Verdict:
        """The answer with its because, in words that never round across the level."""
        verdicts = []
        for each in self.conditions:
            value = each.value(amount, price)
            if value is None:
                verdicts.append(unknown(_unpriced(each)))
            else:
                verdicts.append(each.judge(value, symbol, firing=firing))
        return join_verdicts(self.join, verdicts)

    def judge_unpriced(self, amount: Decimal, price: Range | None, symbol: str, *, firing: bool) -> Verdict:
        verdicts = [
            each.judge_between(each.between(amount, price), symbol, _unpriced(each), firing=firing)
            for each in self.conditions
        ]
        return join_verdicts(self.join, verdicts)

    def near(self, amount: Decimal, price: Decimal | None) -> Near:
        found = [each.near(each.value(amount, price), _unpriced(each)) for each in self.conditions]
        return join_near(self.join, self.conditions, found)

    def sides(self) -> tuple[Side, ...]:
        if self.per == "asset":
            return ()
        metrics = {each.metric for each in self.conditions}
        amounts, valued = "amount" in metrics, "value_usd" in metrics
        return (Side(self.match, self.per, self.max_age, amounts, valued, self.unpriced == "ignore"),)

    def subject_name(self) -> str:
        return self.match.describe()

    def answer_sums(self, totals: tuple[Total, ...], *, firing: bool) -> Answer:
        (total,) = totals
        if len(self.conditions) == 1:
            only = self.conditions[0]
            return only.answer_between(total.between(only.metric), firing=firing)
        answers = [each.answer_between(total.between(each.metric), firing=firing) for each in self.conditions]
        return join_answers(self.join, answers)

    def judge_sums(self, totals: tuple[Total, ...], *, firing: bool) -> Verdict:
        (total,) = totals
        verdicts = [
            each.judge_between(
                total.between(each.metric), total.symbol, total.why_not(each.metric), firing=firing
            )
            for each in self.conditions
        ]
        return join_verdicts(self.join, verdicts)

    def near_sums(self, totals: tuple[Total, ...]) -> Near:
        (total,) = totals
        found = [each.near(total.of(each.metric), total.why_not(each.metric)) for each in self.conditions]
        return join_near(self.join, self.conditions, found)

    def describe(self) -> str:
        text = f" {'and' if self.join == 'all' else 'or'} ".join(each.describe() for each in self.conditions)
        if self.per != "asset":
            text = f"sum of {text}" if self.per == "all" else f"sum per {self.per} of {text}"
        return text + (f" for {format_duration(self.for_)}" if self.for_ else "")


def _unpriced(condition: Condition) -> str:
    return f"{condition.metric} is not known without a price"
