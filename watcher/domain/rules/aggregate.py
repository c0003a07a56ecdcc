"""Aggregate rules: what rules over sums have in common, their selections and what comes of summing them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Literal, NamedTuple

from watcher.domain.model import Wallet
from watcher.domain.rules.base import StateRule, left_open
from watcher.domain.rules.distance import Near
from watcher.domain.rules.match import Match
from watcher.domain.values.ranges import Range, exactly_so
from watcher.domain.values.verdict import Answer, Verdict

Per = Literal["account", "wallet", "tag", "all"]


class Side(NamedTuple):
    """A selection that is summed into subjects: one for each account, wallet or tag, or one of all."""

    match: Match
    per: Per = "all"
    max_age: timedelta | None = None
    """An older reading makes its sum unknown; None: see `watcher.domain.aggregates.contributions.limit`."""
    amounts: bool = False
    """Whether the sum of amounts is wanted."""
    valued: bool = False
    """Whether the sum of values is wanted too; it is dearer."""
    skip_unpriced: bool = False
    """What has no price counts for nothing in a value; else the value is then unknown."""


class Total(NamedTuple):
    """A selection, summed. What is not known is None, and the reason is said."""

    amount: Decimal | None
    value: Decimal | None
    why_no_amount: str = ""
    why_no_value: str = ""
    symbol: str = ""
    """The one symbol of all that was summed; empty if there are several."""
    accounts: int = 0
    value_between: Range | None = None
    """What the value may be, where something that is summed has no price now."""

    def between(self, metric: str) -> Range | None:
        """What is compared; of what is known, both ends are the same."""
        if metric == "value_usd" and self.value_between is not None:
            return self.value_between
        value = self.of(metric)
        return None if value is None else exactly_so(value)

    def of(self, metric: str) -> Decimal | None:
        return self.amount if metric == "amount" else self.value

    def why_not(self, metric: str) -> str:
        return self.why_no_amount if metric == "amount" else self.why_no_value


class SumRule(StateRule):
    """A state rule over sums; one subject has a total for each of its sides."""

    def sides(self) -> tuple[Side, ...]:
        """What is summed; empty if this rule sums nothing."""
        raise NotImplementedError(left_open(type(self), SumRule.sides))

    def doubts(self, wallets: Sequence[Wallet]) -> list[tuple[str, str, str]]:
        found = []
        for side in self.sides():
            match = side.match
            if side.amounts and not match.exact_assets:
                found.append(
                    (
                        "match",
                        "amounts are added, and the selection may be of different assets",
                        "name the assets; while several symbols are held, the sum is unknown",
                    )
                )
            slow = [each for each in wallets if match.wallet(each) and each.promise]
            if side.max_age and any(each.promise and each.promise > side.max_age for each in slow):
                name = max(slow, key=lambda each: each.promise or timedelta(0)).name
                found.append(
                    (
                        "max_age",
                        f"'{name}' is read more seldom than max_age: the sum will mostly be unknown",
                        "raise max_age, or read the wallet more often",
                    )
                )
        return found

    def subject_name(self) -> str:
        """What people call the one subject of a rule that sums everything it selects."""
        raise NotImplementedError(left_open(type(self), SumRule.subject_name))

    def answer_sums(self, totals: tuple[Total, ...], *, firing: bool) -> Answer:
        """The answer without its reason: fast, for the many readings in which nothing happens."""
        raise NotImplementedError(left_open(type(self), SumRule.answer_sums))

    def judge_sums(self, totals: tuple[Total, ...], *, firing: bool) -> Verdict:
        """The same answer with its reason: UNKNOWN if a total that it needs is not known."""
        raise NotImplementedError(left_open(type(self), SumRule.judge_sums))

    def near_sums(self, totals: tuple[Total, ...]) -> Near:
        """How far the sums are from the level."""
        raise NotImplementedError(left_open(type(self), SumRule.near_sums))
