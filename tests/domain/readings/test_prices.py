"""A price that is missing, zero or out of all proportion is not judged by until another answer says so."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.domain.given import ETH, HOT, MINUTE, SOL, SWEEP, USDC, World, failed, reading
from watcher.domain.readings.plausibility import CONFIRM_AFTER
from watcher.domain.readings.prices import PRICE_SETTLES, odd_price
from watcher.domain.readings.reconcile import unfinished
from watcher.domain.rules import AssetRule, ChangeRule, Rule, ThresholdRule

N: list[str] = []
POOR, RICH = "poor firing", "rich firing"
RULES: tuple[Rule, ...] = (
    ThresholdRule.model_validate({"id": "poor", "metric": "value_usd", "below": "1000"}),
    ThresholdRule.model_validate({"id": "rich", "metric": "value_usd", "above": "100000"}),
    ThresholdRule.model_validate({"id": "cheap", "metric": "price_usd", "below": "100"}),
)


def priced(*rules: Rule) -> World:
    world = World(*(rules or RULES))
    assert world.see(reading(HOT, {ETH: "5"}, {ETH: "2000"})) == N
    return world


@pytest.mark.parametrize(
    ("last", "price", "odd"),
    [
        ("2000", "201", False),
        ("2000", "200", True),
        ("2000", "19999", False),
        ("2000", "20000", True),
        ("2000", "0", True),
        ("0.9", "1.1", False),
        ("0.00001", "0.00009", False),
        ("0.00001", "0.0001", True),
    ],
)
def test_which_price_is_odd(last: str, price: str, odd: bool) -> None:
    assert bool(odd_price(Decimal(last), Decimal(price))) is odd


@pytest.mark.parametrize(
    ("price", "told"),
    [("20", [POOR, "cheap firing"]), ("40000", [RICH])],
)
def test_a_price_that_jumps_is_held_and_then_confirmed(price: str, told: list[str]) -> None:
    world = priced()
    assert world.see(reading(HOT, {ETH: "5"}, {ETH: price})) == N
    assert [(again.account, again.after) for again in world.last.again] == [(HOT, CONFIRM_AFTER)]
    assert world.quotes[ETH].price == 2000, "the one that was believed"
    assert world.see(reading(HOT, {ETH: "5"}, {ETH: price}), after=CONFIRM_AFTER) == told
    assert not world.doubts
    assert not world.last.again


def test_a_price_that_jumped_and_moved_on_is_confirmed() -> None:
    world = priced()
    world.see(reading(HOT, {ETH: "5"}, {ETH: "40000"}))
    assert world.see(reading(HOT, {ETH: "5"}, {ETH: "45000"})) == [RICH]


@pytest.mark.parametrize("price", ["20", "40000", "0", None])
def test_an_odd_price_that_the_next_answer_denies_is_forgotten(price: str | None) -> None:
    world = priced()
    assert world.see(reading(HOT, {ETH: "5"}, {ETH: price} if price else None)) == N
    assert world.see(reading(HOT, {ETH: "5"}, {ETH: "2010"})) == N
    assert not world.doubts


@pytest.mark.parametrize("zero", [True, False])
def test_no_price_is_never_a_value_of_nothing(zero: bool) -> None:
    world = priced()
    gone = reading(HOT, {ETH: "5"}, {ETH: "0"} if zero else None)
    assert world.see(gone) == N
    assert len(world.last.again) == 1
    for _ in range(5):
        assert world.see(gone) == N
        assert not world.last.again, "nobody knows it, and nobody asks again for it"
    assert world.doubts[ETH].settled
    assert world.see(reading(HOT, {ETH: "5"}, {ETH: "100"})) == N, "odd beside the last price, so held"
    assert world.see(reading(HOT, {ETH: "5"}, {ETH: "100"})) == [POOR]


def test_a_price_of_zero_on_first_sight_is_no_price() -> None:
    world = World(*RULES)
    assert world.see(reading(HOT, {ETH: "5"}, {ETH: "0"})) == N
    assert not world.quotes
    assert not world.last.again


def test_an_alert_that_fires_is_not_resolved_by_an_odd_price() -> None:
    world = World(*RULES)
    assert world.see(reading(HOT, {ETH: "5"}, {ETH: "150"})) == [POOR]
    assert world.see(reading(HOT, {ETH: "5"}, {ETH: "1500"})) == N
    assert world.see(reading(HOT, {ETH: "5"}, {ETH: "150"})) == N
    assert world.see(reading(HOT, {ETH: "5"}, {ETH: "1500"})) == N
    assert world.see(reading(HOT, {ETH: "5"}, {ETH: "1500"})) == ["poor resolved"]


def test_amounts_are_judged_while_a_price_is_in_doubt() -> None:
    world = World(ThresholdRule.model_validate({"id": "low", "below": "3"}))
    world.see(reading(HOT, {ETH: "5"}, {ETH: "2000"}))
    assert world.see(reading(HOT, {ETH: "2"}, {ETH: "2000000"})) == ["low firing"]


def test_a_transfer_beside_an_odd_price_is_measured_by_the_last_one_believed() -> None:
    rules = (ChangeRule(id="big", by="$5000"), AssetRule.model_validate({"id": "new", "event": "appears"}))
    world = priced(*rules)
    assert world.see(reading(HOT, {ETH: "4"}, {ETH: "2000000"})) == N, "two thousand dollars moved"
    assert world.see(reading(HOT, {ETH: "1"}, {ETH: "0.002"})) == ["big event"], "six thousand dollars moved"


def test_two_answers_within_seconds_may_come_from_one_cache_of_prices() -> None:
    world = priced()
    odd = reading(HOT, {ETH: "5"}, {ETH: "20"})
    world.see(odd)
    early = PRICE_SETTLES - timedelta(milliseconds=1)
    assert world.see(odd, after=early) == N
    assert world.see(odd, after=timedelta(milliseconds=1)) == [POOR, "cheap firing"]


def test_a_price_is_asked_for_once_however_many_accounts_hold_it() -> None:
    world = World(*RULES)
    both = (reading(HOT, {ETH: "5"}, {ETH: "2000"}), reading(SWEEP, {ETH: "6"}, {ETH: "2000"}))
    world.see(*both)
    odd = (reading(HOT, {ETH: "5"}, {ETH: "20"}), reading(SWEEP, {ETH: "6"}, {ETH: "20"}))
    assert world.see(*odd) == N
    assert [again.account for again in world.last.again] == [HOT]
    assert world.see(*odd, after=timedelta(seconds=2)) == N
    assert not world.last.again
    assert len(world.see(*odd)) == 4, "both accounts are judged by the price that the second answer confirms"


def test_dust_is_not_worth_a_poll() -> None:
    world = World()
    world.see(reading(HOT, {USDC: "0.5"}, {USDC: "1"}))
    world.see(reading(HOT, {USDC: "0.5"}, {USDC: "1000"}))
    assert world.doubts
    assert not world.last.again


def test_prices_that_never_agree_are_not_asked_for_without_end() -> None:
    world = priced()
    asked = 0
    for price in ("20", "90000000", "1", "4000000", "20", "90000000"):
        assert world.see(reading(HOT, {ETH: "5"}, {ETH: price})) == N
        asked += len(world.last.again)
    assert asked == 1


def test_a_clock_set_back_does_not_hold_a_price_for_ever() -> None:
    world = priced()
    odd = reading(HOT, {ETH: "5"}, {ETH: "20"})
    world.see(odd)
    world.now -= timedelta(hours=1)
    assert world.see(odd) == N
    assert world.see(odd) == [POOR, "cheap firing"]


def test_after_a_restart_a_price_in_doubt_is_asked_for_again_by_one_account() -> None:
    world = World()
    for price in ("2000", "20"):
        prices = {ETH: price, SOL: "100"}
        world.see(reading(HOT, {ETH: "5"}, prices), reading(SWEEP, {ETH: "6", SOL: "1"}, prices))
    world.see(failed(HOT))
    (again,) = unfinished(world.past(), world.now - MINUTE)
    assert (again.account, again.after) == (HOT, CONFIRM_AFTER)
    world.see(reading(SWEEP, {ETH: "6", SOL: "0"}, {ETH: "20", SOL: "100"}))
    assert not world.doubts
    assert [again.account for again in unfinished(world.past(), world.now)] == [SWEEP], "for its zero"


def test_an_odd_price_is_asked_about_beside_an_asset_that_never_had_one() -> None:
    world = priced()
    world.see(reading(HOT, {ETH: "5", USDC: "3"}, {ETH: "20"}))
    assert [(again.account, again.after) for again in world.last.again] == [(HOT, CONFIRM_AFTER)]


def test_a_price_that_is_gone_is_asked_about_whatever_else_has_none() -> None:
    for first, second in ((ETH, USDC), (USDC, ETH)):
        world, held = priced(), {first: "5", second: "0.1"}
        world.see(reading(HOT, held, {ETH: "2000", USDC: "2000"}))
        world.see(reading(HOT, held, {}))
        assert [(again.account, again.after) for again in world.last.again] == [(HOT, CONFIRM_AFTER)]
