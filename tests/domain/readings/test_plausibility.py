"""What is odd is held until a second reading agrees; what is left out is never a zero."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.domain.given import BOND, DESK, ETH, HOT, MINUTE, SOL, SWEEP, USDC, World, failed, omitted, reading
from watcher.domain.alerts.lifecycle import AlertState
from watcher.domain.evaluation.builtin_notices import UNREPORTED_RULE
from watcher.domain.model import Asset, Miss, Reading
from watcher.domain.readings.plausibility import CONFIRM_AFTER
from watcher.domain.rules import AssetRule, ChangeRule, ThresholdRule

N: list[str] = []
ALL = (
    ChangeRule(id="moved"),
    AssetRule(id="gone", event="disappears"),
    ThresholdRule(id="low", below="0.5", match={"assets": ["ETH"]}),  # type: ignore[arg-type]
)
LOST, BACK = [f"{UNREPORTED_RULE} firing"], [f"{UNREPORTED_RULE} resolved"]
EMPTIED = ["moved event", "gone event", "low firing"]


def held_world() -> World:
    world = World(*ALL)
    world.see(reading(HOT, {ETH: "5", USDC: "7"}))
    return world


@pytest.mark.parametrize("zero", [reading(HOT, {USDC: "7"}), reading(HOT, {ETH: "0", USDC: "7"})])
@pytest.mark.parametrize("restarts", [False, True])
def test_a_drop_to_zero_is_held_and_then_confirmed(zero: Reading, restarts: bool) -> None:
    world = held_world()
    assert world.see(zero) == N
    assert world.states[HOT].amounts[ETH] == 5
    assert [(again.account, again.after) for again in world.last.again] == [(HOT, CONFIRM_AFTER)]
    if restarts:
        world.restart()
    assert world.see(zero, after=CONFIRM_AFTER) == EMPTIED
    assert world.see(zero) == N
    assert not world.last.again


def test_an_emptied_account_is_held_and_then_confirmed() -> None:
    world = held_world()
    assert world.see(reading(HOT, {})) == N
    told = world.see(reading(HOT, {}))
    assert sorted(told) == sorted([*EMPTIED, "moved event", "gone event"])
    assert set(world.states[HOT].amounts.values()) == {0}


def test_a_drop_that_a_second_reading_denies_is_forgotten() -> None:
    world = held_world()
    world.see(reading(HOT, {USDC: "7"}))
    assert world.see(reading(HOT, {ETH: "5", USDC: "7"})) == N
    assert not world.states[HOT].held
    assert world.see(reading(HOT, {USDC: "7"})) == N, "held anew"


def test_a_change_that_follows_a_held_zero_is_told_from_the_last_confirmed_amount() -> None:
    world = held_world()
    world.see(reading(HOT, {USDC: "7"}))
    assert world.see(reading(HOT, {ETH: "4", USDC: "7"})) == ["moved event"]
    assert world.fact("When").startswith("between 2026-03-01 12:01:00 UTC")


@pytest.mark.parametrize("between", [failed(HOT), omitted(HOT), reading(HOT, {USDC: "7"}, unclear=[ETH])])
def test_what_does_not_speak_of_a_held_amount_confirms_nothing(between: Reading | Miss) -> None:
    world = held_world()
    world.see(reading(HOT, {USDC: "7"}))
    assert world.see(between) == N
    assert world.states[HOT].held
    assert world.see(reading(HOT, {USDC: "7"})) == EMPTIED


def test_a_held_amount_is_asked_for_again_a_few_times_and_not_for_ever() -> None:
    world = held_world()
    world.see(reading(HOT, {USDC: "7"}))
    asked = []
    for _ in range(6):
        world.see(failed(HOT))
        asked.append(bool(world.last.again))
    assert asked == [True, True, True, False, False, False]
    world.see(reading(HOT, {USDC: "7"}, unclear=[ETH]))
    assert not world.last.again, "it was answered; the schedule will ask again"


def test_two_readings_within_ten_seconds_may_be_one_answer_told_twice() -> None:
    world = held_world()
    world.see(reading(HOT, {USDC: "7"}))
    assert world.see(reading(HOT, {USDC: "7"}), after=timedelta(milliseconds=9_999)) == N
    assert world.see(reading(HOT, {USDC: "7"}), after=timedelta(milliseconds=1)) == EMPTIED


def test_a_clock_that_is_set_back_does_not_hold_an_amount_for_ever() -> None:
    world = held_world()
    world.see(reading(HOT, {USDC: "7"}))
    assert world.see(reading(HOT, {USDC: "7"}), after=timedelta(days=-1)) == N
    assert world.see(reading(HOT, {USDC: "7"}), after=CONFIRM_AFTER) == EMPTIED


@pytest.mark.parametrize("count", [1, 2, 10])
def test_a_missing_chain_is_never_zero(count: int) -> None:
    world = World(*ALL)
    world.see(reading(SWEEP, {ETH: "5", SOL: "7"}))
    for _ in range(count):
        assert world.see(reading(SWEEP, {SOL: "7"}), reading(HOT, {ETH: "1"})) == N
    assert world.states[SWEEP].amounts[ETH] == 5


def see_beside(world: World, outcome: Reading | Miss) -> list[str]:
    """In one request with another account."""
    return world.see(outcome, reading(DESK, {BOND: "1"}))


@pytest.mark.parametrize(
    ("account", "full", "left_out"),
    [
        (HOT, reading(HOT, {ETH: "5"}), omitted(HOT)),
        (SWEEP, reading(SWEEP, {ETH: "5", SOL: "1"}), reading(SWEEP, {SOL: "1"})),
        (SWEEP, reading(SWEEP, {ETH: "5"}), omitted(SWEEP)),
    ],
)
@pytest.mark.parametrize("restarts", [False, True])
def test_three_answers_without_it_then_alone_then_told_once_then_resolved(
    account: object, full: Reading, left_out: Reading | Miss, restarts: bool
) -> None:
    world = World(*ALL)
    see_beside(world, full)
    for asked_alone in (False, False, True):
        assert see_beside(world, left_out) == N
        assert [(each.account, each.alone) for each in world.last.again] == [(account, True)] * asked_alone
    assert see_beside(world, left_out) == N, "not asked alone yet"
    assert world.last.again
    assert world.see(failed(full.account)) == N, "the request alone failed: that says nothing"
    if restarts:
        world.restart()
    assert world.see(left_out) == LOST
    assert (
        "no longer reported (emptied, or dropped by the provider); last read 2026-03-01 12:01" in world.title
    )
    assert world.told[-1].message.severity == "critical"
    assert [see_beside(world, left_out), world.see(left_out)] == [N, N]
    assert not world.last.again
    assert world.states[full.account].amounts[ETH] == 5
    assert see_beside(world, full) == BACK
    assert not world.states[full.account].omitted
    assert see_beside(world, full) == N


def test_only_answers_in_a_row_are_counted() -> None:
    world = World()
    full = reading(HOT, {ETH: "5"})
    for outcome in (full, omitted(HOT), omitted(HOT), full, omitted(HOT), failed(HOT), omitted(HOT)):
        see_beside(world, outcome)
        assert not world.last.again
    see_beside(world, omitted(HOT))
    assert world.last.again


def test_what_held_nothing_is_not_missed() -> None:
    world = World()
    see_beside(world, reading(HOT, {ETH: "0"}))
    for _ in range(6):
        assert world.see(omitted(HOT)) == N
    assert world.states[HOT].misses == 6


@pytest.mark.parametrize(
    "strange",
    [
        reading(HOT, {}, complete=[], unclear=[ETH]),
        reading(HOT, {}, complete=[]),
        reading(SWEEP, {SOL: "1"}, unclear=[ETH]),
    ],
)
def test_a_chain_that_is_mentioned_but_unclear_is_not_left_out(strange: Reading) -> None:
    world = World()
    more = {SOL: "1"} if strange.account is SWEEP else {}
    world.see(reading(strange.account, {ETH: "5", **more}))
    for _ in range(6):
        assert world.see(strange) == N
    assert "ethereum" not in world.states[strange.account].omitted


def test_a_miss_and_its_reason_are_kept_until_the_next_reading() -> None:
    world = World()
    world.see(reading(HOT, {ETH: "5"}))
    world.see(failed(HOT))
    world.see(omitted(HOT))
    assert (world.states[HOT].misses, world.states[HOT].miss) == (
        2,
        "omitted: the answer does not mention it",
    )
    world.see(reading(HOT, {ETH: "5"}), after=MINUTE)
    assert (world.states[HOT].misses, world.states[HOT].miss) == (0, "")


def test_why_an_asset_of_a_reading_could_not_be_used_is_kept_until_it_can() -> None:
    world = World()
    world.see(reading(HOT, {ETH: "5", USDC: "7"}))
    world.see(reading(HOT, {ETH: "5"}, unclear=[USDC]))
    state = world.states[HOT]
    assert (state.misses, state.miss) == (0, f"{USDC.token} on {USDC.chain}: it came twice")
    assert state.amounts[USDC] == 7
    world.see(reading(HOT, {ETH: "5", USDC: "7"}), after=MINUTE)
    assert world.states[HOT].miss == ""


def test_a_reading_with_much_that_is_odd_names_some_of_it_and_counts_the_rest() -> None:
    world = World()
    tokens = [Asset("ethereum", f"0x{number:040x}") for number in range(1, 9)]
    world.see(reading(HOT, {ETH: "5"}, unclear=tokens))
    assert world.states[HOT].miss.count("it came twice") == 3
    assert world.states[HOT].miss.endswith("; and 5 more")


def test_a_firing_alert_outlives_any_number_of_bad_answers() -> None:
    world = World(*ALL)
    world.see(reading(HOT, {ETH: "0.1"}))
    for outcome in (failed(HOT), omitted(HOT), reading(HOT, {}, complete=[], unclear=[ETH])):
        assert world.see(outcome, reading(DESK, {BOND: "1"})) == N
    assert [alert.state for alert in world.live] == [AlertState.FIRING]
