"""An amount that jumps by a factor that transfers seldom reach waits for a second reading."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.domain.given import ETH, HOT, MINUTE, START, USDC, World, failed, reading
from watcher.domain.model import AccountState, Asset, Suspect
from watcher.domain.readings.plausibility import ASKS, CONFIRM_AFTER, INDEPENDENT_AFTER, check_plausibility
from watcher.domain.readings.reconcile import unfinished
from watcher.domain.rules import AssetRule, ChangeRule, Rule, ThresholdRule

N: list[str] = []
MOVED = ["moved event"]


def odd(before: str, after: str, price: str | None = None, factor: str | None = "1000") -> bool:
    state = AccountState(HOT, {ETH: Decimal(before)}, {"ethereum": START})
    prices = {ETH: price} if price is not None else None
    jump = Decimal(factor) if factor else None
    belief = check_plausibility(state, reading(HOT, {ETH: after}, prices), START + MINUTE, lambda _: jump)
    assert bool(belief.held) != bool(belief.accepted)
    return bool(belief.held)


@pytest.mark.parametrize(
    ("before", "after", "price", "held"),
    [
        # Transfers.
        ("5", "4.999", None, False),
        ("5", "0.05", None, False),  # 99 % paid out
        ("5", "0.0051", None, False),
        ("2.5", "2499.99", None, False),
        ("1.7", "100", None, False),
        ("10", "1", None, False),
        ("100", "1000", None, False),  # one decimal more: no provider errs by that
        # A thousandfold, either way.
        ("2.5", "2500.01", None, True),
        ("2.5", "7000", None, True),
        ("5", "0.0049", None, True),
        ("7000", "2.5", None, True),
        # From dust and to dust: a tank is refilled, a rest is left.
        ("0.0004", "3", "2000", False),
        ("0.0004", "3", "20000", True),
        ("0.0004", "3", None, True),  # nobody knows that it is dust
        ("0.9", "0.00012", "1", False),
        # The same digits, the point elsewhere.
        ("12.5", "1250", None, False),
        ("12.5", "12500", None, True),
        ("12.5", "12500000000000", None, True),
        ("12500000000000", "12.5", None, True),
        ("1.2345678901234567", "1234567890123.4567", None, True),
        ("1.2345678901234567", "1234567890123.4571", None, True),  # the noise of a double
        ("0.5", "500000000000", "1", True),  # from dust as well: this is no refill
        ("0.5", "500.01", "1", False),
        ("123456789012345678901234567890.5", "1234567890123456789012345678905e5", None, True),
        # From nothing there is no factor.
        ("0", "1000000", None, False),
    ],
)
def test_what_is_held(before: str, after: str, price: str | None, held: bool) -> None:
    assert odd(before, after, price) is held


@pytest.mark.parametrize(
    ("factor", "after", "held"),
    [("100", "250.1", True), ("100", "249", False), ("1e6", "7000", False), (None, "2500", False)],
)
def test_the_factor_can_be_chosen_and_jumps_allowed(factor: str | None, after: str, held: bool) -> None:
    assert odd("2.5", after, None, factor) is held


def test_a_drop_to_zero_is_held_whatever_jump_is_allowed() -> None:
    assert odd("2.5", "0", None, None)


def jumped(*rules: Rule) -> World:
    world = World(*(rules or (ChangeRule(id="moved"),)))
    world.see(reading(HOT, {ETH: "2.5", USDC: "7"}))
    assert world.see(reading(HOT, {ETH: "7000", USDC: "7"})) == N
    return world


def test_a_jump_is_asked_again_and_confirmed_by_the_same() -> None:
    world = jumped()
    assert [(again.account, again.after) for again in world.last.again] == [(HOT, CONFIRM_AFTER)]
    assert "at least 1,000 times as much" in world.states[HOT].held[ETH].reason
    assert world.see(reading(HOT, {ETH: "7000", USDC: "7"}), after=CONFIRM_AFTER) == MOVED
    assert not world.states[HOT].held


def test_a_jump_is_confirmed_by_what_may_have_come_of_it_since() -> None:
    world = jumped()
    assert world.see(reading(HOT, {ETH: "6500", USDC: "7"})) == MOVED
    assert (world.fact("Before"), world.fact("After")) == ("2.5 ETH", "6,500 ETH")


def test_a_jump_that_a_second_reading_denies_is_forgotten() -> None:
    world = jumped()
    assert world.see(reading(HOT, {ETH: "2.5", USDC: "7"})) == N
    assert not world.states[HOT].held
    assert world.see(reading(HOT, {ETH: "7000", USDC: "7"})) == N, "held anew"


def test_the_same_answer_twice_is_one_answer() -> None:
    world = jumped()
    soon = INDEPENDENT_AFTER - timedelta(milliseconds=1)
    assert world.see(reading(HOT, {ETH: "7000", USDC: "7"}), after=soon) == N
    assert world.see(reading(HOT, {ETH: "7000", USDC: "7"}), after=timedelta(milliseconds=1)) == MOVED


def test_another_transfer_of_the_same_answer_is_told_at_once() -> None:
    world = World(ChangeRule(id="moved"))
    world.see(reading(HOT, {ETH: "2.5", USDC: "7"}))
    assert world.see(reading(HOT, {ETH: "7000", USDC: "3"})) == MOVED
    assert world.fact("After") == "3 USDC"


def test_answers_that_never_agree_are_not_asked_for_without_end() -> None:
    world = jumped()
    asked = 1
    for amount in ("0", "9000000", "0.00001", "77777777", "0", "9000000"):
        assert world.see(reading(HOT, {ETH: amount, USDC: "7"})) == N
        asked += len(world.last.again)
    assert asked == ASKS
    assert world.states[HOT].amounts[ETH] == Decimal("2.5")


def test_a_clock_set_back_confirms_nothing_and_holds_nothing_for_ever() -> None:
    world = jumped()
    world.now -= timedelta(hours=1)
    assert world.see(reading(HOT, {ETH: "7000", USDC: "7"})) == N
    assert world.see(reading(HOT, {ETH: "7000", USDC: "7"}), after=CONFIRM_AFTER) == MOVED


def test_after_a_restart_what_is_held_is_asked_for_again_soon() -> None:
    world = jumped()
    world.restart()
    at = world.states[HOT].held[ETH].since
    for passed, left in ((0, 20), (15, 5), (3600, 0), (-3600, 20)):
        (again,) = unfinished(world.past(), at + timedelta(seconds=passed))
        assert (again.account, again.after.total_seconds(), again.alone) == (HOT, left, False)
    world.see(failed(HOT))
    assert unfinished(world.past(), world.now)
    world.see(reading(HOT, {ETH: "2.5", USDC: "7"}))
    assert unfinished(world.past(), world.now) == []


def test_a_hold_of_an_older_store_has_no_count() -> None:
    assert Suspect(Decimal(0), START, "reported as zero").odd == 1


EVERYTHING: tuple[Rule, ...] = (
    ChangeRule(id="moved"),
    AssetRule(id="gone", event="disappears"),
    ThresholdRule.model_validate({"id": "low", "below": "3"}),
    ThresholdRule.model_validate({"id": "high", "above": "9"}),
    ThresholdRule.model_validate({"id": "poor", "metric": "value_usd", "below": "2000"}),
    ThresholdRule.model_validate({"id": "rich", "metric": "value_usd", "above": "90000"}),
    ThresholdRule.model_validate({"id": "cheap", "metric": "price_usd", "below": "500"}),
)


@st.composite
def one_odd_thing(draw: st.DrawFn) -> Any:
    """The truth, but for one thing: an amount or a price that is lost, zero, or a thousand times off."""
    amounts, prices = {ETH: "5", USDC: "8"}, {ETH: "1000", USDC: "2000"}
    asset = draw(st.sampled_from([ETH, USDC]))
    what = draw(st.sampled_from(["amount", "price"]))
    numbers: dict[Asset, str] = amounts if what == "amount" else prices
    how = draw(st.sampled_from(["zero", "absent", "up", "down", "point"]))
    if how == "absent":
        del numbers[asset]
    elif how == "zero":
        numbers[asset] = "0"
    else:
        factor = Decimal(draw(st.integers(1000, 10**9)))
        factor = Decimal(10) ** draw(st.integers(3, 18)) if how == "point" else factor
        times = Decimal(numbers[asset]) * factor
        numbers[asset] = str(Decimal(numbers[asset]) / factor if how == "down" else times)
    prices = {each: price for each, price in prices.items() if each in amounts}
    return reading(HOT, amounts, prices)


@settings(max_examples=150)
@given(st.lists(one_odd_thing(), max_size=8), st.booleans())
def test_no_single_odd_reading_ever_reaches_a_rule(odd_ones: list[Any], restarts: bool) -> None:
    world = World(*EVERYTHING)
    sound = reading(HOT, {ETH: "5", USDC: "8"}, {ETH: "1000", USDC: "2000"})
    assert world.see(sound) == N
    for each in odd_ones:
        assert world.see(each) == N
        if restarts:
            world.restart()
        assert world.see(sound) == N
    assert not world.states[HOT].held
    assert not world.doubts
    assert len(world.changes) == 2, "the baselines"
