"""Threshold rules, reading by reading."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.domain.given import ETH, HOT, MINUTE, SOL, SWEEP, USDC, World, failed, reading
from watcher.domain.model import Reading
from watcher.domain.rules import ThresholdRule

F, R = ["low firing"], ["low resolved"]
N: list[str] = []


def low(**fields: Any) -> ThresholdRule:
    fields = {"below": "0.5", "match": {"assets": ["ETH"]}, **fields}
    return ThresholdRule(id="low", **fields)


def high(**fields: Any) -> ThresholdRule:
    return low(below=None, above="10", **fields)


@pytest.mark.parametrize(
    ("rule", "amounts", "told"),
    [
        pytest.param(low(), ["1", "0.4"], [N, F], id="from above to below"),
        pytest.param(low(), ["0.4"], [F], id="below at first sight"),
        pytest.param(low(), ["0"], [F], id="an explicit zero at first sight"),
        pytest.param(low(), ["0.4", "0.3", "0.1"], [F, N, N], id="below and further below"),
        pytest.param(low(), ["1", "0.5"], [N, N], id="equal is not below"),
        pytest.param(low(), ["0.4", "0.5"], [F, R], id="below to equal"),
        pytest.param(low(), ["1", "0.4", "1", "0.4", "1"], [N, F, R, F, R], id="across and back"),
        pytest.param(low(clear_above="0.8"), ["0.4", "0.6", "0.8", "0.81"], [F, N, N, R], id="clear level"),
        pytest.param(low(clear_above="0.8"), ["0.4", "0.6", "0.4", "0.9"], [F, N, N, R], id="in the band"),
        pytest.param(low(clear_above="0.8"), ["1", "0.6"], [N, N], id="the band alone fires nothing"),
        pytest.param(low(clear_above="0.5"), ["0.4", "0.5", "0.50000001"], [F, N, R], id="clear is strict"),
        pytest.param(high(), ["10", "10.1", "10"], [N, F, R], id="above is strict"),
        pytest.param(high(clear_below="8"), ["11", "9", "8", "7.9"], [F, N, N, R], id="clear below"),
        pytest.param(low(reads=3), ["0.4", "0.4", "0.4"], [N, N, F], id="three readings"),
        pytest.param(
            low(reads=3), ["0.4", "0.4", "1", "0.4", "0.4", "0.4"], [N, N, N, N, N, F], id="reads anew"
        ),
        pytest.param(low(reads=2), ["0.4", "1"], [N, N], id="a pending alert ends quietly"),
        pytest.param(low(**{"for": "2m"}), ["0.4", "0.4", "0.4"], [N, N, F], id="for two minutes"),
        pytest.param(low(**{"for": "1m", "reads": 3}), ["0.4"] * 4, [N, N, F, N], id="for and reads"),
        pytest.param(
            low(clear_above="0.8", reads=2), ["0.4", "0.6", "0.4"], [N, N, N], id="no band while pending"
        ),
    ],
)
@pytest.mark.parametrize("restarts", [False, True])
def test_a_threshold_fires_once_and_resolves_once(
    rule: ThresholdRule, amounts: list[str], told: list[list[str]], restarts: bool
) -> None:
    world = World(rule)
    found = []
    for amount in amounts:
        found.append(world.see(reading(HOT, {ETH: amount})))
        if restarts:
            assert world.restart() == []
    assert found == told


def test_a_miss_in_between_changes_nothing_and_is_not_counted() -> None:
    world = World(low(reads=2))
    assert [world.see(each) for each in (reading(HOT, {ETH: "0.4"}), failed(HOT), failed(HOT))] == [N, N, N]
    assert world.see(reading(HOT, {ETH: "0.4"})) == F
    assert world.see(failed(HOT)) == N
    assert world.see(reading(HOT, {ETH: "2"})) == R


def test_for_is_only_reached_by_a_reading_never_by_time_alone() -> None:
    world = World(low(**{"for": "10m"}))
    world.see(reading(HOT, {ETH: "0.4"}))
    assert world.wait(timedelta(hours=1)) == N
    assert world.see(failed(HOT)) == N
    assert world.see(reading(HOT, {ETH: "0.4"})) == F


def test_a_clock_that_is_set_back_does_not_hold_a_pending_alert_for_ever() -> None:
    world = World(low(**{"for": "2m"}))
    world.see(reading(HOT, {ETH: "0.4"}))
    world.see(reading(HOT, {ETH: "0.4"}), after=timedelta(days=-1))
    assert world.see(reading(HOT, {ETH: "0.4"}), after=2 * MINUTE) == F


def test_an_asset_that_is_unclear_is_not_judged() -> None:
    world = World(low())
    world.see(reading(HOT, {ETH: "0.4", USDC: "5"}))
    assert world.see(reading(HOT, {USDC: "5"}, unclear=[ETH])) == N
    assert world.see(reading(HOT, {ETH: "2", USDC: "5"})) == R


def test_a_chain_that_the_answer_leaves_out_is_not_judged() -> None:
    world = World(low())
    world.see(reading(SWEEP, {ETH: "0.4"}))
    assert world.see(reading(SWEEP, {}, complete=["solana"])) == N
    assert [alert.rule for alert in world.live] == ["low"]


def test_a_value_without_a_price_is_unknown() -> None:
    world = World(low(metric="value_usd", below="1000"))
    assert world.see(reading(HOT, {ETH: "1"})) == N
    assert world.see(reading(HOT, {ETH: "1"}, {ETH: "999"})) == F
    assert world.see(reading(HOT, {ETH: "1"})) == N
    assert world.see(reading(HOT, {ETH: "1"}, {ETH: "1000"})) == R


def test_what_is_worth_nothing_needs_no_price() -> None:
    assert World(low(metric="value_usd", below="1")).see(reading(HOT, {ETH: "0"})) == F


def test_a_price_can_be_watched() -> None:
    world = World(low(metric="price_usd", below="0.98"))
    assert world.see(reading(HOT, {ETH: "1"}, {ETH: "0.98"})) == N
    assert world.see(reading(HOT, {ETH: "1"})) == N
    assert world.see(reading(HOT, {ETH: "1"}, {ETH: "0.97"})) == F


def test_a_zero_is_judged_when_a_second_reading_agrees() -> None:
    world = World(low())
    world.see(reading(HOT, {ETH: "1"}))
    assert world.see(reading(HOT, {})) == N
    assert world.see(reading(HOT, {})) == F
    assert "0 ETH is below 0.5 ETH" in world.title


def test_a_firing_message_says_what_moved_and_since_which_reading() -> None:
    world = World(low(metric="value_usd", below="1000"))
    world.see(reading(HOT, {ETH: "2"}, {ETH: "600"}))
    world.see(reading(HOT, {ETH: "1"}, {ETH: "500"}))
    assert world.fact("Before") == "2 ETH"
    assert world.fact("After") == "1 ETH"
    assert "−$700.00 (amount −$500.00, price −$200.00)" in world.fact("Value")
    assert world.fact("When") == "between 2026-03-01 12:01:00 UTC and 2026-03-01 12:02:00 UTC"


def test_a_rule_selects_by_symbol_contract_chain_wallet_and_tag() -> None:
    for match in ({"assets": ["eth"]}, {"assets": ["ETHEREUM"]}, {"chains": ["eth*"]}, {"wallets": ["h?t"]},
                  {"tags": ["gas"]}, {"sources": ["coin*"]}):  # fmt: skip
        assert World(low(match=match)).see(reading(HOT, {ETH: "0.1"})) == F, match
    for match in (
        {"assets": ["USDC"]},
        {"chains": ["solana"]},
        {"wallets": ["cold"]},
        {"tags": ["treasury"]},
    ):
        assert World(low(match=match)).see(reading(HOT, {ETH: "0.1"})) == N, match


def test_a_symbol_that_changes_is_matched_anew() -> None:
    world = World(low())
    assert world.see(reading(HOT, {ETH: "0.1"}, symbols={ETH: "WETH"})) == N
    assert world.see(reading(HOT, {ETH: "0.1"})) == F


@pytest.mark.parametrize("side", ["below", "above"])
@pytest.mark.parametrize(
    ("metric", "prices"), [("amount", {}), ("value_usd", {ETH: "1"}), ("price_usd", {ETH: "{}"})]
)
def test_every_metric_is_compared_strictly(side: str, metric: str, prices: dict[Any, str]) -> None:
    rule = ThresholdRule.model_validate({"id": "low", side: "7", "metric": metric})
    for value in ("6.99999999999999999999999999999999", "7", "7.00000000000000000000000000000001"):
        seen = reading(HOT, {ETH: value}, {asset: price.format(value) for asset, price in prices.items()})
        beyond = Decimal(value) < 7 if side == "below" else Decimal(value) > 7
        assert World(rule).see(seen) == (F if beyond else N), value


@pytest.mark.parametrize(
    "silent", [reading(SWEEP, {SOL: "1"}), reading(SWEEP, {SOL: "1"}, complete=["solana"], unclear=[ETH])]
)
def test_a_reading_that_does_not_settle_the_asset_is_not_one_of_the_reads(silent: Reading) -> None:
    world = World(low(reads=2))
    world.see(reading(SWEEP, {ETH: "0.4", SOL: "1"}))
    assert world.see(silent) == N
    assert world.see(reading(SWEEP, {ETH: "0.4", SOL: "1"})) == F


def test_an_unclear_or_held_asset_on_a_chain_that_was_read_is_not_one_of_the_reads() -> None:
    for silent in (reading(HOT, {USDC: "5"}, unclear=[ETH]), reading(HOT, {USDC: "5"})):
        world = World(low(reads=2))
        world.see(reading(HOT, {ETH: "0.4", USDC: "5"}))
        assert world.see(silent) == N
        assert [alert.reads for alert in world.live if alert.rule == "low"] == [1]
        assert world.see(reading(HOT, {ETH: "0.4", USDC: "5"})) == F


def test_a_confirming_reading_is_one_of_the_reads() -> None:
    world = World(low(reads=2))
    world.see(reading(HOT, {ETH: "5"}))
    assert world.see(reading(HOT, {ETH: "0"})) == N, "held: it does not count"
    assert world.see(reading(HOT, {ETH: "0"}), after=timedelta(seconds=20)) == N, "confirmed: the first"
    assert world.see(reading(HOT, {ETH: "0"}), after=timedelta(seconds=20)) == ["low firing"]


@pytest.mark.parametrize(
    ("fields", "fits"),
    [
        ({"below": "5"}, True),
        ({}, False),
        ({"below": "5", "above": "9"}, False),
        ({"below": "5", "clear_above": "5"}, True),
        ({"below": "5", "clear_above": "4.99"}, False),
        ({"below": "5", "clear_below": "4"}, False),
        ({"above": "5", "clear_below": "5"}, True),
        ({"above": "5", "clear_below": "5.01"}, False),
        ({"above": "5", "clear_above": "6"}, False),
    ],
)
def test_a_clear_level_fits_its_level_alone_and_in_joined_conditions(
    fields: dict[str, str], fits: bool
) -> None:
    joined = {"id": "r", "any": [{"below": "1"}, fields]}
    for each in ({"id": "r", **fields}, joined):
        if fits:
            ThresholdRule.model_validate(each)
        else:
            with pytest.raises(ValueError, match=r"below|above"):
                ThresholdRule.model_validate(each)
