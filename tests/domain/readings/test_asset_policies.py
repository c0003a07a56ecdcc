"""Interest of a rebasing token is kept, marked, and no transfer."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.domain.given import ETH, HOT, START, USDC, WALLETS, World, reading
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Change
from watcher.domain.readings.asset_policies import AssetEntry, Policies, is_drift
from watcher.domain.rules import ChangeRule, Rule, ThresholdRule

N: list[str] = []
DAY = timedelta(days=1)


def change(before: str | None, after: str, passed: timedelta) -> Change:
    number = Decimal(before) if before is not None else None
    return Change(HOT, ETH, "ETH", number, Decimal(after), START, START + passed)


@pytest.mark.parametrize(
    ("before", "after", "passed", "interest"),
    [
        ("1000", "1001", DAY, True),
        ("1000", "1001.000000000000000001", DAY, False),
        ("1000", "999", DAY, True),  # slashed
        ("1000", "1001", timedelta(minutes=5), True),  # a day's interest comes in one step
        ("1000", "1003", 3 * DAY, True),
        ("1000", "1003.1", 3 * DAY, False),
        ("1000", "1001", -DAY, True),  # the clock was set back
        ("1000", "0", 5000 * DAY, False),
        ("0", "0.001", DAY, False),
        (None, "1000", DAY, False),
    ],
)
def test_what_is_interest(before: str | None, after: str, passed: timedelta, interest: bool) -> None:
    assert is_drift(change(before, after, passed), Decimal("0.001")) is interest
    assert not is_drift(change(before, after, passed), None)


def world(*entries: dict[str, Any]) -> World:
    rules: tuple[Rule, ...] = (
        ChangeRule(id="moved"),
        ThresholdRule.model_validate({"id": "many", "above": "1000.5", "match": {"assets": ["ETH"]}}),
    )
    made = World(*rules)
    policies = Policies([AssetEntry.model_validate(entry) for entry in entries])
    made.rules = Rules(rules, WALLETS, ("ops",), policies)
    made.see(reading(HOT, {ETH: "1000", USDC: "1000"}))
    return made


def test_interest_is_kept_and_marked_and_no_change_is_told() -> None:
    made = world({"match": {"assets": ["ETH"]}, "rebasing": True})
    assert made.see(reading(HOT, {ETH: "1000.1", USDC: "1000"}), after=DAY) == N
    assert [(each.after, each.drift) for each in made.last.changes] == [(Decimal("1000.1"), True)]
    assert made.see(reading(HOT, {ETH: "1000.1", USDC: "1000.1"}), after=DAY) == ["moved event"]
    assert made.see(reading(HOT, {ETH: "1000.6", USDC: "1000.1"}), after=DAY) == ["many firing"]
    assert made.see(reading(HOT, {ETH: "900.6", USDC: "1000.1"}), after=DAY) == [
        "moved event",
        "many resolved",
    ]


def test_the_share_can_be_chosen() -> None:
    made = world({"match": {"assets": ["ETH"]}, "rebasing": "5%"}, {"rebasing": False})
    assert "moved event" not in made.see(reading(HOT, {ETH: "1049", USDC: "1000"}), after=DAY)
    assert "moved event" in made.see(reading(HOT, {ETH: "1200", USDC: "1000"}), after=DAY)
