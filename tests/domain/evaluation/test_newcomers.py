"""What anybody may have sent decides nothing by its claimed worth, until somebody asked for it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.domain.given import ETH, HOT, SOL, SWEEP, WALLETS, Stored, World, reading
from watcher.domain.evaluation.quarantine import BELIEVED_AFTER
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Account, Asset
from watcher.domain.readings.asset_policies import AssetEntry, Policies
from watcher.domain.rules import AssetRule, ChangeRule, RatioRule, Rule, ThresholdRule
from watcher.reports.day_change import Holdings, Worth, believed

SCAM = Asset("ethereum", "0x" + "5" * 40)
REAL = Asset("ethereum", "0x" + "a" * 40)
NAMES = {ETH: "ETH", SCAM: "SCAM", REAL: "USDC", SOL: "SOL"}
N: list[str] = []
DAY = timedelta(days=1)


@pytest.fixture(params=[(0, World), (1000, Stored)], ids=["kept", "made each time"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type[World]:
    few, made = request.param
    monkeypatch.setattr("watcher.domain.aggregates.total.FEW", few)
    found: type[World] = made
    return found


def world(kind: type[World], *rules: Rule, policies: Policies | None = None) -> World:
    there = kind(*rules, wallets={HOT: WALLETS[HOT]})
    there.rules = Rules(rules, there.wallets, ("ops",), policies or Policies())
    return there


def total(**fields: Any) -> ThresholdRule:
    return ThresholdRule.model_validate({"id": "total", "metric": "value_usd", "per": "wallet", **fields})


def holds(eth: str, scam: str | None = None, price: str | None = "10000000", symbol: str = "SCAM") -> Any:
    amounts, prices = {ETH: eth}, {ETH: "2000"}
    if scam is not None:
        amounts[SCAM] = scam
        if price is not None:
            prices[SCAM] = price
    return reading(HOT, amounts, prices, symbols={**NAMES, SCAM: symbol})


def test_a_claimed_worth_neither_resolves_nor_fires_nor_mutes_a_sum(kind: type[World]) -> None:
    there = world(kind, total(below="5000"), total(id="much", above="1000000"))
    assert there.see(holds("3")) == N
    assert there.see(holds("3", "1")) == N, "ten million that nobody asked for"
    assert there.see(holds("2", "1")) == ["total firing"]
    assert there.fact("Value") == "$4,000.00"
    assert there.fact("Left out") == "SCAM, $10,000,000.00 claimed, nobody asked for it"
    assert there.see(holds("2", "1")) == N
    assert there.see(holds("2", "1", None)) == N, "nor does it mute the rule when its price is gone"
    assert there.see(holds("3", "1", None)) == ["total resolved"]


def test_a_ratio_is_as_fine_as_without_it(kind: type[World]) -> None:
    sides = {"of": {"match": {"wallets": ["hot"]}}, "to": {"match": {"wallets": ["hot"], "assets": ["ETH"]}}}
    there = world(kind, RatioRule.model_validate({"id": "cover", **sides, "above": "1.5"}))
    there.see(holds("3"))
    assert there.see(holds("3", "1")) == N


def test_a_rule_over_the_worth_or_price_of_each_asset_is_quiet_about_it(kind: type[World]) -> None:
    there = world(
        kind,
        total(per="asset", above="1000000"),
        total(id="price", per="asset", metric="price_usd", above="9999"),
    )
    there.see(holds("3"))
    assert there.see(holds("3", "1")) == N
    assert there.see(holds("3", "2")) == N


def test_what_came_is_told_all_the_same_and_so_is_what_goes(kind: type[World]) -> None:
    new = AssetRule.model_validate({"id": "new", "event": "appears", "min_value_usd": "10"})
    there = world(kind, new, ChangeRule(id="out", direction="out", by="$5000"))
    there.see(holds("3"))
    assert there.see(holds("3", "1")) == ["new event"]
    assert there.see(holds("3", "0.5")) == ["out event"]


@pytest.mark.parametrize(
    ("fields", "policies"),
    [
        ({"match": {"assets": ["ETH", SCAM.token]}}, None),
        ({"match": {"assets": ["ETH", "SCAM"]}}, None),
        ({}, Policies([AssetEntry.model_validate({"match": {"assets": [SCAM.token]}, "allow": True})])),
        ({}, Policies([AssetEntry.model_validate({"floor_usd": "0"})])),
    ],
    ids=["its contract", "its symbol", "allowed", "nothing waits"],
)
def test_what_is_asked_for_counts(
    kind: type[World], fields: dict[str, Any], policies: Policies | None
) -> None:
    there = world(kind, total(above="1000000", **fields), policies=policies)
    there.see(holds("3"))
    assert there.see(holds("3", "1")) == ["total firing"]


def test_a_second_one_of_a_name_is_not_the_one_that_was_asked_for(kind: type[World]) -> None:
    there = world(kind, total(below="5000", match={"assets": ["USDC"]}))
    both = {REAL: "4000", SCAM: "9000000"}
    names = {**NAMES, SCAM: "USDC"}
    there.see(reading(HOT, {REAL: "4000"}, {REAL: "1"}, symbols=names))
    assert [each.message.rule for each in there.told] == ["total"]
    assert there.see(reading(HOT, both, {REAL: "1", SCAM: "1"}, symbols=names)) == N


def test_what_was_there_and_priced_at_first_sight_counts(kind: type[World]) -> None:
    there = world(kind, total(above="1000000"))
    assert there.see(holds("3", "1")) == ["total firing"]


def test_what_was_there_without_a_price_is_not_worth_what_is_claimed_later(kind: type[World]) -> None:
    there = world(kind, total(above="1000000"))
    there.see(holds("3", "1", None))
    assert there.see(holds("3", "1")) == N
    assert SCAM in there.states[HOT].newcomers


def test_what_was_held_and_priced_for_long_enough_counts(kind: type[World]) -> None:
    there = world(kind, total(above="1000000"))
    there.see(holds("3"))
    assert there.see(holds("3", "1")) == N
    assert there.see(holds("3", "1"), after=BELIEVED_AFTER - timedelta(minutes=1)) == N
    assert there.see(holds("3", "1", None), after=timedelta(minutes=2)) == N, "it has no price now"
    assert there.see(holds("3", "1")) == ["total firing"]


def test_what_went_and_comes_again_begins_anew(kind: type[World]) -> None:
    there = world(kind, total(above="1000000"))
    there.see(holds("3"))
    there.see(holds("3", "1"))
    there.see(holds("3", "0"), after=20 * DAY)
    there.see(holds("3", "0"))
    assert there.see(holds("3", "1")) == N
    assert there.see(holds("3", "1"), after=20 * DAY) == N
    assert there.see(holds("3", "1"), after=10 * DAY) == ["total firing"]


def test_what_is_in_doubt_of_it_blinds_no_sum(kind: type[World]) -> None:
    there = world(kind, total(below="5000"))
    there.see(holds("3"))
    there.see(holds("3", "1"))
    assert there.see(holds("2", "1e9")) == ["total firing"]


def test_coins_of_a_chain_are_never_left_out() -> None:
    there = World(total(above="1000000"), wallets={SWEEP: WALLETS[SWEEP]})
    there.rules = Rules([total(above="1000000")], there.wallets, ("ops",), Policies())
    there.see(reading(SWEEP, {ETH: "1"}, {ETH: "2000"}, complete=["ethereum", "solana"]))
    told = there.see(reading(SWEEP, {ETH: "1", SOL: "9000"}, {ETH: "2000", SOL: "200"}, symbols=NAMES))
    assert told == ["total firing"]


BASE = Account("coinstats", "base-wallet", HOT.address)
BASE_SCAM, BASE_USDC = Asset("base-wallet", SCAM.token), Asset("base-wallet", REAL.token)


def test_a_contract_that_bears_the_name_of_a_coin_is_not_the_coin_on_any_chain() -> None:
    low = {"below": "0.5", "match": {"assets": ["ETH"]}}
    rules = (
        total(below="5000"),
        total(id="worth", below="5000", match={"assets": ["ETH"]}),
        total(id="few", metric="amount", **low),
        ThresholdRule.model_validate({"id": "each", **low}),
    )
    there = World(*rules, wallets={HOT: WALLETS[HOT], BASE: WALLETS[HOT]})
    there.rules = Rules(rules, there.wallets, ("ops",), Policies())
    names = {**NAMES, BASE_SCAM: "ETH", BASE_USDC: "USDC"}
    base = {BASE_USDC: "5", BASE_SCAM: "0.4"}
    there.see(holds("3"), reading(BASE, {BASE_USDC: "5"}, {BASE_USDC: "1"}, symbols=names))
    prices = {BASE_USDC: "1", BASE_SCAM: "9000000"}
    assert there.see(reading(BASE, base, prices, symbols=names)) == N, "nor is there an alert on its amount"
    there.see(holds("0"))
    assert sorted(there.see(holds("0"))) == ["each firing", "few firing", "total firing", "worth firing"]


@pytest.mark.parametrize("price", [None, "10000000"])
def test_nor_is_it_if_it_was_there_at_first_sight_beside_the_coin(
    kind: type[World], price: str | None
) -> None:
    there = world(
        kind,
        total(below="5000", match={"assets": ["ETH"]}),
        total(id="few", metric="amount", below="0.5", match={"assets": ["ETH"]}),
        total(id="all", below="5000"),
    )
    assert there.see(holds("3", "9000", price, "ETH")) == N
    there.see(holds("0", "9000", price, "ETH"))
    assert sorted(there.see(holds("0", "9000", price, "ETH"))) == ["all firing", "few firing", "total firing"]


def test_a_message_says_of_what_came_that_its_worth_is_only_claimed(kind: type[World]) -> None:
    there = world(kind, ChangeRule(id="moved", by="$5000"))
    there.see(holds("3"))
    assert there.see(holds("3", "1")) == ["moved event"]
    words = "$10,000,000.00 is only claimed: anybody can send it, and it counts in no value"
    assert there.fact("Value") == words
    assert there.fact("Because").endswith("at least $5,000.00, as is claimed")
    numbers = there.told[-1].message.particulars
    assert str(numbers.after) == "1"
    assert [numbers.price_after, numbers.value_after, numbers.gravity] == [None] * 3


def test_nor_does_an_alert_on_its_amount_have_a_price_in_its_numbers(kind: type[World]) -> None:
    there = world(kind, total(id="many", metric="amount", per="asset", above="10"))
    there.see(holds("3"))
    assert there.see(holds("3", "50")) == ["many firing"]
    assert "is only claimed" in there.fact("Value")
    numbers = there.told[-1].message.particulars
    assert [numbers.price_after, numbers.value_after] == [None, None]


def test_a_total_leaves_out_what_is_only_claimed_and_says_how_much(kind: type[World]) -> None:
    there = world(kind, total(below="1"))
    there.see(holds("3"))
    there.see(holds("3", "1"))
    held = Holdings([HOT]).totals(there.past())
    assert held.worth(there.past()) == Worth(Decimal(6000), 0, Decimal(10_000_000))
    assert believed([HOT], there.past()) == 6000
    there.see(holds("3", "1", None))
    assert Holdings([HOT]).totals(there.past()).worth(there.past()).value == 6000
