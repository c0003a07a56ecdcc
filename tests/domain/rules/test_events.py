"""Change and asset rules: each change is told once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.domain.given import BOND, DESK, ETH, HOT, NOTE, SOL, SWEEP, USDC, World, failed, omitted, reading
from watcher.domain.rules import AssetRule, ChangeRule

N: list[str] = []
E = ["moved event"]


def moved(**fields: Any) -> ChangeRule:
    return ChangeRule(id="moved", **fields)


def asset(event: str, **fields: Any) -> AssetRule:
    return AssetRule.model_validate({"id": "moved", "event": event, **fields})


@pytest.mark.parametrize(
    ("rule", "before", "after", "price", "told"),
    [
        (moved(), "1", "1.000000000000000000000000000001", None, True),
        (moved(), "1", "1.0", None, False),
        (moved(direction="out"), "5", "4", None, True),
        (moved(direction="out"), "5", "6", None, False),
        (moved(direction="in"), "5", "6", None, True),
        (moved(direction="in"), "5", "4", None, False),
        (moved(by="1"), "5", "4", None, True),
        (moved(by="1"), "5", "4.0000001", None, False),
        (moved(by="1"), "5", "6", None, True),
        (moved(by="10%"), "100", "90", None, True),
        (moved(by="10%"), "100", "90.01", None, False),
        (moved(by="10%"), "100", "110", None, True),
        (moved(by="$5000"), "10", "8", "2500", True),
        (moved(by="$5000"), "10", "8", "2499.99", False),
        (moved(by="$5000"), "10", "8", None, False),
        (moved(by="1_000"), "2000", "1000", None, True),
        (moved(by="0"), "2000", "1999", None, True),
    ],
)
def test_a_change_is_told_when_it_is_large_enough(
    rule: ChangeRule, before: str, after: str, price: str | None, told: bool
) -> None:
    world = World(rule)
    prices = {ETH: price} if price else {}
    assert world.see(reading(HOT, {ETH: before}, prices)) == N
    assert world.see(reading(HOT, {ETH: after}, prices)) == (E if told else N)
    assert world.see(reading(HOT, {ETH: after}, prices)) == N


def test_a_price_that_moves_is_no_change() -> None:
    world = World(moved())
    world.see(reading(HOT, {ETH: "1"}, {ETH: "2000"}))
    assert world.see(reading(HOT, {ETH: "1"}, {ETH: "1000"})) == N


def test_dollars_are_counted_at_the_last_price_when_the_answer_has_none() -> None:
    world = World(moved(by="$5000"))
    world.see(reading(HOT, {ETH: "10"}, {ETH: "2500"}))
    assert world.see(reading(HOT, {ETH: "8"})) == E


def test_something_from_nothing_is_any_percentage() -> None:
    world = World(moved(by="50%"))
    world.see(reading(HOT, {ETH: "1"}))
    assert world.see(reading(HOT, {ETH: "1", USDC: "3"})) == E
    assert world.title == "+3 USDC reached hot"


def test_nothing_is_told_at_first_sight() -> None:
    world = World(moved(), asset("appears").model_copy(update={"id": "new"}))
    assert world.see(reading(HOT, {ETH: "1"}), reading(DESK, {BOND: "5"}), reading(SWEEP, {ETH: "1"})) == N
    assert [change.before for change in world.changes] == [None, None, None]


def test_a_chain_that_a_sweep_brings_for_the_first_time_is_a_baseline() -> None:
    world = World(moved())
    world.see(reading(SWEEP, {ETH: "1"}))
    assert world.see(reading(SWEEP, {ETH: "1", SOL: "7"})) == N
    assert world.see(reading(SWEEP, {ETH: "1", SOL: "6"})) == E


def test_a_teos_asset_newly_selected_is_a_baseline() -> None:
    world = World(moved())
    world.see(reading(DESK, {BOND: "5"}))
    assert world.see(reading(DESK, {BOND: "5", NOTE: "9"})) == N
    assert world.see(reading(DESK, {BOND: "5", NOTE: "8"})) == E


def test_a_new_token_is_told_after_a_complete_first_reading() -> None:
    world = World(asset("appears"))
    world.see(reading(HOT, {ETH: "1"}))
    assert world.see(reading(HOT, {ETH: "1", USDC: "3"})) == E
    assert world.see(reading(HOT, {ETH: "1", USDC: "4"})) == N


def test_what_the_first_answer_left_unclear_is_not_new_when_it_turns_up() -> None:
    world = World(asset("appears"), moved().model_copy(update={"id": "any"}))
    world.see(reading(HOT, {ETH: "1"}, unclear=[USDC]))
    assert world.see(reading(HOT, {ETH: "1"}, unclear=[USDC])) == N
    assert world.see(failed(HOT)) == N
    world.restart()
    assert world.see(reading(HOT, {ETH: "1", USDC: "3"})) == N
    assert world.see(reading(HOT, {ETH: "1", USDC: "4"})) == ["any event"]


def test_what_is_unclear_when_it_first_turns_up_is_told_as_soon_as_it_is_clear() -> None:
    world = World(asset("appears"))
    world.see(reading(HOT, {ETH: "1"}))
    assert world.see(reading(HOT, {ETH: "1"}, unclear=[USDC])) == N
    assert world.see(reading(HOT, {ETH: "1", USDC: "3"})) == E


def test_after_an_incomplete_first_answer_the_first_complete_one_is_the_baseline() -> None:
    world = World(asset("appears"))
    world.see(reading(HOT, {ETH: "1"}, complete=[]))
    assert world.see(reading(HOT, {ETH: "1", USDC: "3"})) == N
    assert world.see(reading(HOT, {ETH: "1", USDC: "3", SOL: "1"})) == N, "another chain: first sight"
    token = USDC._replace(token="0xdac1")
    assert world.see(reading(HOT, {ETH: "1", USDC: "3", token: "1"})) == E


@pytest.mark.parametrize(
    ("event", "amounts", "told"),
    [
        ("appears", ["1", "2"], [N, N]),
        ("appears", ["0", "2"], [N, E]),
        ("disappears", ["2", "1"], [N, N]),
        ("disappears", ["2", "0", "0"], [N, N, E]),
        ("disappears", ["2", "0", "2"], [N, N, N]),
        ("disappears", ["2", "0", "0", "0", "2", "0", "0"], [N, N, E, N, N, N, E]),
    ],
)
def test_appearing_and_disappearing(event: str, amounts: list[str], told: list[list[str]]) -> None:
    world = World(asset(event))
    assert [world.see(reading(HOT, {ETH: amount})) for amount in amounts] == told


@pytest.mark.parametrize(
    ("price", "told"), [("3.34", E), ("3.33333333333333333333333333333", N), (None, N), ("0", N)]
)
def test_a_newcomer_below_the_floor_or_without_a_price_is_not_told(
    price: str | None, told: list[str]
) -> None:
    world = World(asset("appears", min_value_usd="10"))
    world.see(reading(HOT, {ETH: "1"}))
    assert world.see(reading(HOT, {ETH: "1", USDC: "3"}, {USDC: price} if price else {})) == told


def test_what_is_gone_is_worth_what_it_was() -> None:
    world = World(asset("disappears", min_value_usd="10"))
    world.see(reading(HOT, {ETH: "1"}, {ETH: "2000"}))
    world.see(reading(HOT, {}))
    assert world.see(reading(HOT, {})) == E
    assert "worth $2,000.00" in world.fact("Because")


@pytest.mark.parametrize("bad", [failed(HOT), omitted(HOT), reading(HOT, {}, complete=[], unclear=[ETH])])
def test_bad_answers_are_no_change_and_widen_the_baseline(bad: Any) -> None:
    world = World(moved(), asset("disappears").model_copy(update={"id": "gone"}))
    world.see(reading(HOT, {ETH: "5"}))
    for _ in range(2):
        assert world.see(bad, reading(DESK, {BOND: "1"}), after=timedelta(hours=3)) == N
    assert world.see(reading(HOT, {ETH: "3"})) == E
    assert world.fact("When") == "between 2026-03-01 12:01:00 UTC and 2026-03-01 18:02:00 UTC"


def test_a_partial_answer_touches_only_what_it_contains() -> None:
    world = World(moved())
    world.see(reading(DESK, {BOND: "5", NOTE: "9"}))
    read_at = world.now
    assert world.see(reading(DESK, {BOND: "5"})) == N
    assert world.states[DESK].as_of(BOND) == world.now
    assert world.states[DESK].as_of(NOTE) == read_at
    world.see(reading(DESK, {BOND: "5", NOTE: "8"}))
    assert world.fact("When").startswith("between 2026-03-01 12:01:00")


def test_a_restart_in_between_loses_no_change() -> None:
    world = World(moved())
    world.see(reading(HOT, {ETH: "5"}))
    world.restart(after=timedelta(days=2))
    assert world.see(reading(HOT, {ETH: "3"})) == E
    assert world.see(reading(HOT, {ETH: "3"})) == N


def test_an_account_that_is_no_longer_watched_is_passed_over() -> None:
    world = World(moved())
    stranger = HOT._replace(address="0xdead")
    world.see(reading(stranger, {ETH: "1"}), reading(HOT, {ETH: "1"}))
    assert list(world.states) == [HOT]


@pytest.mark.parametrize("by", ["-1", "$10%", "ten", "", "%", "$", "NaN", "Infinity%", 0.5, True])
def test_an_impossible_size_of_a_change_is_refused(by: Any) -> None:
    with pytest.raises(ValueError, match="by"):
        moved(by=by)


def test_what_appears_without_a_price_is_worth_what_it_last_was() -> None:
    world = World(asset("appears", min_value_usd="1000"))
    world.see(reading(HOT, {ETH: "1"}, {ETH: "2000"}), reading(SWEEP, {SOL: "1"}, {SOL: "1"}))
    world.see(reading(HOT, {ETH: "0"}, {}))
    world.see(reading(HOT, {ETH: "0"}, {}))
    assert world.see(reading(HOT, {ETH: "1"}, {})) == E
    assert "worth $2,000.00" in world.fact("Because")
