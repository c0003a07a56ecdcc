"""`ratio`: one sum held against another, as reserves against what was issued on them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from watcher.domain.rules.aggregate import Side, SumRule, Total
from watcher.domain.rules.base import Exact
from watcher.domain.rules.conditions import check_band, judged, sides
from watcher.domain.rules.distance import Near, near, unsure
from watcher.domain.rules.match import Match
from watcher.domain.values.decimals import times
from watcher.domain.values.durations import format_duration
from watcher.domain.values.errors import InputError
from watcher.domain.values.fields import Duration
from watcher.domain.values.formatting import amount, exactly, full, money, quotient_against
from watcher.domain.values.verdict import Answer, Verdict, unknown

End = tuple[Decimal | None, Decimal | None]
"""Both sides of a ratio at one end of what it may be; None: without limit."""


class Selected(BaseModel):
    """One side of a ratio: what is summed, and how it is measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    match: Match
    """What is summed on this side."""
    metric: Literal["amount", "value_usd"] = "value_usd"
    """What is summed: units of one asset, or their worth in US dollars."""
    name: Annotated[str, Field(max_length=50)] = ""
    """What people read of this side; left out: the tags, wallets or assets that are selected."""

    @property
    def label(self) -> str:
        names = self.match.tags or self.match.wallets or self.match.assets or self.match.sources
        return self.name or "+".join(names) or "everything"


class RatioRule(SumRule):
    """Fires when the sum `of` is strictly below (or above) a multiple of the sum `to`.

    Nothing is divided: `of < below × to` is compared exactly. UNKNOWN while either side is, and
    while `to` is zero. Hysteresis, `for` and `reads` work as for `threshold`; a reading of either
    side is one of the `reads`.
    """

    type: Literal["ratio"] = "ratio"
    of: Selected
    """The sum that is held against the other, as reserves."""
    to: Selected
    """The other sum, as what was issued."""
    below: Exact | None = None
    """Ratio; met while `of` is strictly under that multiple of `to`."""
    above: Exact | None = None
    """Ratio; met while `of` is strictly over that multiple of `to`."""
    clear_above: Exact | None = None
    """With `below`: what fires ends only strictly over this ratio."""
    clear_below: Exact | None = None
    """With `above`: what fires ends only strictly under this ratio."""
    for_: Annotated[Duration, Field(alias="for")] = timedelta(0)
    """How long readings must meet the condition before it fires."""
    reads: Annotated[int, Field(ge=1, le=100)] = 1
    """How many readings must meet the condition before it fires; those of either side count."""
    max_age: Duration | None = None
    """How old the reading of a part may be before its side is unknown; left out: three times what its wallet
    promises, and at least a day."""
    unpriced: Literal["unknown", "ignore"] = "unknown"
    """Whether what has an amount and no price makes a value unknown, or counts for nothing."""

    @model_validator(mode="after")
    def _is_possible(self) -> RatioRule:
        if "match" in self.model_fields_set:
            raise InputError("a ratio has two selections", "write one in of, the other in to", ("match",))
        check_band(self)
        if self.max_age is not None and self.max_age <= timedelta(0):
            raise InputError("max_age must be positive", place=("max_age",))
        return self

    def terms(self) -> tuple[timedelta, int]:
        return self.for_, self.reads

    def sides(self) -> tuple[Side, ...]:
        skip = self.unpriced == "ignore"
        return tuple(
            Side(each.match, "all", self.max_age, each.metric == "amount", each.metric == "value_usd", skip)
            for each in (self.of, self.to)
        )

    def subject_name(self) -> str:
        return f"{self.of.label} ÷ {self.to.label}"

    def answer_sums(self, totals: tuple[Total, ...], *, firing: bool) -> Answer:
        ends = self._ends(totals)
        if ends is None:
            return Answer.UNKNOWN
        low, high = (self._answer(*end, firing=firing) for end in ends)
        return low if low is high else Answer.UNKNOWN

    def _ends(self, totals: tuple[Total, ...]) -> tuple[End, End] | None:
        """Both sides where the ratio is lowest and where it is highest; of what is known these are the
        same. None if a side is not known at all, or there is nothing to compare with."""
        part, whole = totals[0].between(self.of.metric), totals[1].between(self.to.metric)
        if part is None or whole is None or whole.high == 0:
            return None
        return (part.low, whole.high), (part.high, whole.low)

    def _answer(self, part: Decimal | None, whole: Decimal | None, *, firing: bool) -> Answer:
        """At one end. Without an end above, or nothing to divide by, the ratio is beyond every level."""
        level, side, clear, _ = sides(self)
        sign = -1 if side == "below" else 1

        def against(level: Decimal) -> int:
            if part is None or not whole:  # without a limit: of the whole, next to nothing
                return -1 if whole is None and part is not None else 1
            return _sign(part, times(level, whole))

        holds = against(level) == sign
        if firing and not holds and clear is not None:
            holds = against(clear) != -sign
        return Answer.MET if holds else Answer.NOT_MET

    def judge_sums(self, totals: tuple[Total, ...], *, firing: bool) -> Verdict:
        ends, answer = self._ends(totals), self.answer_sums(totals, firing=firing)
        if ends is None or answer is Answer.UNKNOWN:
            return unknown(self._why_not(totals))
        upper = (self.below is not None) is (answer is Answer.MET)
        part, whole = ends[upper]
        of, to = totals
        assumed = "; ".join(
            each.assumed
            for each in (of.between(self.of.metric), to.between(self.to.metric))
            if each is not None and each.assumed
        )
        if part is None or not whole:
            return Verdict(answer, assumed)

        def against(level: Decimal) -> int:
            return _sign(part, times(level, whole))

        def compare(words: str, level: Decimal) -> str:
            shown = self._both(part, of.symbol, whole, to.symbol, level)
            return f"{shown} = {quotient_against(part, whole, level)} {words} {full(level)}"

        found = judged(self, against, compare, firing=firing)
        if not assumed:
            return found
        return Verdict(answer, f"at {'most' if upper else 'least'} {found.because}; {assumed}")

    def near_sums(self, totals: tuple[Total, ...]) -> Near:
        part, whole = totals[0].of(self.of.metric), totals[1].of(self.to.metric)
        if part is None or not whole:
            return unsure(self._why_not(totals))
        return near(part, times(sides(self)[0], whole))

    def _why_not(self, totals: tuple[Total, ...]) -> str:
        """Why the two cannot be compared."""
        for side, found in zip((self.of, self.to), totals, strict=True):
            if found.of(side.metric) is None:
                return f"{side.label}: {found.why_not(side.metric)}"
        return f"{self.to.label} is 0: there is nothing to compare with"

    def _both(self, part: Decimal, of: str, whole: Decimal, to: str, level: Decimal) -> str:
        """Both sides, cut as usual; with every digit where the cut ones would lie across the level."""
        left, right = _short(self.of.metric, part), _short(self.to.metric, whole)
        if _sign(_number(left), times(level, _number(right))) != _sign(part, times(level, whole)):
            left, right = _exact(self.of.metric, part), _exact(self.to.metric, whole)
        first = f"{self.of.label} {left} {of if self.of.metric == 'amount' else ''}".rstrip()
        second = f"{self.to.label} {right} {to if self.to.metric == 'amount' else ''}".rstrip()
        return f"{first} ÷ {second}"

    def describe(self) -> str:
        level, side, _, _ = sides(self)
        text = f"{self.of.label} ({self.of.metric}) ÷ {self.to.label} ({self.to.metric}) {side} {full(level)}"
        return text + (f" for {format_duration(self.for_)}" if self.for_ else "")


def _short(metric: str, value: Decimal) -> str:
    return amount(value) if metric == "amount" else money(value)


def _exact(metric: str, value: Decimal) -> str:
    return full(value) if metric == "amount" else exactly(value)


def _number(shown: str) -> Decimal:
    return Decimal(shown.strip("$…").replace(",", ""))


def _sign(one: Decimal, other: Decimal) -> int:
    return (one > other) - (one < other)
