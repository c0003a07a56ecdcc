"""How close a subject is to its level: from what the rule judges, and honest where that is not known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.contract.given import ETH, HOT
from watcher.domain.credits.allowance import CreditPlan
from watcher.domain.model import AccountState, Change
from watcher.domain.rules import (
    BudgetRule,
    ChangeRule,
    NoDataRule,
    RatioRule,
    RunwayRule,
    ThresholdRule,
    Total,
    Use,
)
from watcher.domain.rules.distance import Near

NOW = datetime(2026, 3, 16, 12, tzinfo=UTC)
D = Decimal


def threshold(**fields: Any) -> ThresholdRule:
    return ThresholdRule.model_validate({"id": "r", "type": "threshold", **fields})


def change(before: str | None, after: str, price: str | None = None, hours: float = 1) -> Change:
    at = NOW - timedelta(hours=hours)
    was = None if before is None else D(before)
    return Change(
        HOT, ETH, "ETH", was, D(after), at - timedelta(minutes=5), at, None, D(price) if price else None
    )


def share(near: Near) -> str | None:
    return None if near.distance is None else str(near.distance.normalize())


@pytest.mark.parametrize(
    ("fields", "amount", "price", "found"),
    [
        ({"below": "5"}, "6", None, "0.2"),
        ({"below": "5"}, "4", None, "-0.2"),
        ({"above": "-5"}, "-6", None, "-0.2"),
        ({"metric": "value_usd", "above": "100"}, "10", "5", "-0.5"),
        ({"metric": "price_usd", "below": "1"}, "10", "1.5", "0.5"),
        ({"metric": "value_usd", "above": "100"}, "10", None, None),
        ({"above": "0"}, "10", None, None),
        ({"any": [{"below": "1"}, {"above": "10"}]}, "9", None, "-0.1"),  # the nearer of both
        ({"all": [{"below": "10"}, {"metric": "value_usd", "below": "18"}]}, "12", "2", "0.333333333"),
        # nobody knows which is nearer
        ({"any": [{"below": "1"}, {"metric": "value_usd", "above": "9"}]}, "8", None, None),
    ],
)
def test_a_threshold_is_as_far_as_the_condition_that_decides(
    fields: dict[str, Any], amount: str, price: str | None, found: str | None
) -> None:
    near = threshold(**fields).near(D(amount), D(price) if price else None)
    assert share(near) == found
    assert bool(near.words) == (found is None)


def test_a_sum_that_is_not_known_has_no_distance_and_says_why() -> None:
    rule = threshold(metric="value_usd", below="100", per="wallet")
    assert share(rule.near_sums((Total(None, D(150)),))) == "0.5"
    assert rule.near_sums((Total(None, None, why_no_value="cold is too old"),)) == Near(
        None, "unknown: cold is too old"
    )


def test_a_ratio_is_measured_against_its_level() -> None:
    sides = {"of": {"match": {"tags": ["a"]}}, "to": {"match": {"tags": ["b"]}}}
    rule = RatioRule.model_validate({"id": "r", "type": "ratio", **sides, "below": "1.25"})
    assert share(rule.near_sums((Total(None, D(150)), Total(None, D(100))))) == "0.2"
    unknown = rule.near_sums((Total(None, D(150)), Total(None, None, why_no_value="never read")))
    assert unknown == Near(None, "unknown: b: never read")
    assert "b is 0" in rule.near_sums((Total(None, D(1)), Total(None, D(0)))).words


def test_a_runway_is_measured_by_what_is_left_and_what_went_out() -> None:
    rule = RunwayRule.model_validate({"id": "r", "type": "runway", "shorter_than": "5d", "trailing": "10d"})
    burnt = [change("30", "20", hours=100)]
    assert share(rule.near(D(10), burnt, NOW)) == "1"  # ten days, where five are asked for
    assert share(rule.near(D(0), burnt, NOW)) == "-1"
    assert rule.near(D(10), [], NOW) == Near(None, "nothing went out over the last 240 h")
    assert rule.near(D(10), [change(None, "10")], NOW).words.startswith("unknown: ")


@pytest.mark.parametrize(
    ("by", "direction", "moves", "found", "words"),
    [
        ("10%", "out", [("100", "95"), ("95", "93.1")], "-0.5", "the largest move in 7 d"),
        ("10%", "out", [("100", "80"), ("80", "79")], "1", "the largest move in 7 d"),
        ("10%", "out", [("80", "100")], "-1", "nothing moved out in 7 d"),
        ("10%", "in", [("0", "5")], None, "more than any share"),
        ("$50", "both", [("100", "90")], "-0.6", "the largest move in 7 d"),
        ("4", "both", [("1", "2")], "-0.75", "the largest move in 7 d"),
        (None, "both", [("1", "2")], None, "there is no level"),
    ],
)
def test_the_largest_recent_move_is_held_against_the_limit(
    by: str | None, direction: str, moves: list[tuple[str, str]], found: str | None, words: str
) -> None:
    rule = ChangeRule.model_validate({"id": "r", "type": "change", "by": by, "direction": direction})
    near = rule.near([change(before, after, "2") for before, after in moves], "in 7 d")
    assert share(near) == found
    assert words in near.words


def test_without_a_price_the_size_of_a_move_in_dollars_is_unknown() -> None:
    rule = ChangeRule.model_validate({"id": "r", "type": "change", "by": "$50"})
    assert rule.near([change("1", "2")], "in 7 d").words.startswith("unknown: without a price")


def test_a_silence_is_measured_by_the_age_of_the_last_reading() -> None:
    rule = NoDataRule.model_validate({"id": "r", "type": "no_data", "longer_than": "1h"})
    state = AccountState(HOT, {}, {"ethereum": NOW - timedelta(minutes=15)}, watched_since=NOW)
    assert share(rule.near(state, NOW)) == "-0.75"
    assert rule.near(AccountState(HOT), NOW) == Near(None, "unknown: never read")


def test_a_budget_is_as_far_as_the_nearer_of_its_conditions() -> None:
    rule = BudgetRule.model_validate(
        {"id": "r", "type": "budget", "source": "coinstats", "used": "80%", "runs_out_within": "3d"}
    )
    start = NOW.replace(day=1, hour=0)

    def use(spent: int, late: int) -> Use:
        return Use(CreditPlan(1000, "month"), spent, late, NOW - timedelta(days=1), NOW)

    assert (NOW - start).days == 15
    assert share(rule.near(use(400, 10))) == "-0.5"  # of 80 %
    soon = rule.near(use(760, 60))  # four days at this pace, where three are asked for; 95 % of what is borne
    assert (share(soon), soon.words) == ("-0.05", "what is used")
    dry = BudgetRule.model_validate(
        {"id": "r", "type": "budget", "source": "coinstats", "runs_out_within": "3d"}
    )
    assert share(dry.near(use(760, 60))) == "0.333333333"
    assert dry.near(use(1, 0)) == Near(None, "the credits last at the pace of late")
