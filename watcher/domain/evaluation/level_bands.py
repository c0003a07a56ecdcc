"""Many rules answered by one comparison: of twenty thresholds only the outermost can be crossed first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from watcher.domain.rules import Bound, ClockRule, LevelRule, Unmet
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
