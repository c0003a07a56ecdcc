"""Change rules that compare with more than the previous reading."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.given import BOND, DESK, ETH, HOT, NOTE, SWEEP, USDC, World, failed, reading
from watcher.domain.model import Reading
from watcher.domain.rules import ChangeRule
from watcher.domain.rules.lookback import BaselineOf, ChangesIn

N: list[str] = []
E = ["moved event"]
HOUR = timedelta(hours=1)
TEN = timedelta(minutes=10)


def moved(**fields: Any) -> ChangeRule:
    return ChangeRule.model_validate({"id": "moved", "by": "10%", **fields})


def window(**fields: Any) -> ChangeRule:
    return moved(within="1h", **fields)


def drift(**fields: Any) -> ChangeRule:
    return moved(since="notified", **fields)


def see(world: World, amount: str, after: timedelta = TEN, price: str | None = None) -> list[str]:
    return world.see(reading(HOT, {ETH: amount}, {ETH: price} if price else {}), after=after)


def play(rule: ChangeRule, amounts: str, every: timedelta, *, restarts: bool) -> str:
    """The amounts after which something was told."""
    world, told = World(rule), []
    for amount in amounts.split():
        if see(world, amount, every):
            told.append(amount)
        if restarts:
            assert world.restart() == N
    return " ".join(told)


WINDOWS = [
    ("100", "", "first sight is quiet"),
    ("100 95 91", "", "not enough"),
    ("100 95 90", "90", "enough in two steps"),
    ("100 95 90 90 90", "90", "told once"),
    ("100 95 90 86 82 81", "90 81", "what was told is the reference"),
    ("100 97 94 91 88 85 82", "88", "a drain in small steps, told as often as it is by so much"),
    ("100 95 100 95", "", "across and back, small"),
    ("100 110 99", "110 99", "across and back, each told"),
    ("100 95 100 90", "90", "the highest within the window"),
    ("100 105 94.5", "94.5", "more than since the beginning of the window"),
    ("0 5 4.9", "5", "something from nothing is any share"),
]


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(("amounts", "told", "_why"), WINDOWS, ids=[why for *_, why in WINDOWS])
def test_a_move_within_a_window_is_told_once(amounts: str, told: str, _why: str, *, restarts: bool) -> None:
    assert play(window(), amounts, TEN, restarts=restarts) == told


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(
    ("amounts", "told"),
    [
        ("100 97 94 91", ""),
        ("100 97 94 91 90", "90"),
        ("100 97 94 91 90 87 84 81", "90 81"),
        ("100 95 100 95 100", ""),
        ("100 103 106 109 110 112 115 118 121", "110 121"),
        ("100 109 98", "98"),
    ],
)
def test_slow_drift_is_told_against_what_was_last_told(amounts: str, told: str, *, restarts: bool) -> None:
    assert play(drift(), amounts, timedelta(days=1), restarts=restarts) == told


def test_neither_drift_nor_what_left_the_window_is_told_by_a_window() -> None:
    assert play(window(), "100 95 90 86 82", HOUR, restarts=False) == ""
    assert play(window(), "100 95 90 86 82", HOUR / 2, restarts=False) == "90"


def test_a_change_at_the_very_beginning_of_the_window_is_before_it() -> None:
    world = World(window())
    see(world, "100")
    see(world, "95")
    assert see(world, "89", HOUR) == N, "95 was confirmed just at the beginning: it is the reference"
    world = World(window())
    see(world, "100")
    see(world, "95")
    assert see(world, "89", HOUR - timedelta(milliseconds=1)) == E


def test_both_look_back_together() -> None:
    rule = moved(within="1h", since="notified")
    assert play(rule, "100 97 94 91 90", timedelta(days=1), restarts=True) == "90", "drift"
    assert play(rule, "100 108 102 97", TEN, restarts=True) == "97", "the highest within the window"


@pytest.mark.parametrize(
    ("direction", "amounts", "told"),
    [
        ("out", "100 200 150 100", "150 100"),
        ("out", "100 80 100 91", "80"),
        ("in", "100 80 87 88", "88"),
        ("in", "100 50 25", ""),
        ("out", "100 120 114 108", "108"),
        ("both", "100 90 99", "90 99"),
    ],
)
@pytest.mark.parametrize("rule", [window, drift])
def test_what_the_rule_does_not_watch_is_no_reason_to_be_quiet(
    rule: Any, direction: str, amounts: str, told: str
) -> None:
    assert play(rule(direction=direction), amounts, TEN, restarts=True) == told


def test_a_refill_counts_against_what_went_out_and_never_hides_it() -> None:
    days, out = timedelta(days=1), drift(by="5", direction="out")
    assert play(out, "10 8 9 6", days, restarts=True) == "", "4 are missing of the 10 that it counts from"
    assert play(out, "10 8 9 6 5", days, restarts=True) == "5"
    assert play(out, "10 6 6.5 5.5 5", days, restarts=True) == "5", "what anybody sends in sets nothing back"


def test_a_refill_takes_the_reference_of_drift_along() -> None:
    days = timedelta(days=1)
    assert play(drift(direction="out"), "100 150 145 140 135", days, restarts=True) == "135"
    assert play(drift(direction="in"), "100 50 52 54 55", days, restarts=True) == "55"


@pytest.mark.parametrize(
    ("by", "amounts", "told"),
    [
        ("10", "100 95 90.0000001", ""),
        ("10", "100 95 90", "90"),
        ("$5000", "100 99 97.5000001", ""),
        ("$5000", "100 99 97.5", "97.5"),
        ("10%", "100 95 90.0000000000000000000000000001", ""),
    ],
)
@pytest.mark.parametrize("rule", [window, drift])
def test_sizes_are_exact(rule: Any, by: str, amounts: str, told: str) -> None:
    world, found = World(rule(by=by)), []
    for amount in amounts.split():
        found += [amount] if see(world, amount, price="2000") else []
    assert " ".join(found) == told


def test_without_a_price_nothing_is_told_and_no_reference_moves() -> None:
    for rule in (window(by="$1000"), drift(by="$1000")):
        world = World(rule)
        see(world, "10")
        assert see(world, "5") == N, "nobody knows what it is worth"
        assert see(world, "4.9", price="200") == E
        assert world.fact("Before") == "10 ETH"


def test_a_price_that_moves_is_no_change() -> None:
    world = World(drift(by="$1000"))
    see(world, "10", price="100")
    see(world, "5", price="100")
    assert see(world, "5", price="1000") == N


def test_the_message_says_since_when_and_what_it_was_worth() -> None:
    world = World(window(direction="out"))
    see(world, "100", price="2000")
    see(world, "95", price="2100")
    assert see(world, "89", price="2100") == E
    assert world.title == "−11 ETH ($23,100.00, −11\N{NARROW NO-BREAK SPACE}%) left hot"
    assert world.fact("When") == "between 2026-03-01 12:10:00 UTC and 2026-03-01 12:30:00 UTC"
    assert world.fact("Value").startswith("$200,000.00 → $186,900.00: −$13,100.00 (amount −$23,100.00, price")
    assert world.fact("Because").startswith(
        "11\N{NARROW NO-BREAK SPACE}% moved out since 2026-03-01 12:10:00 UTC"
    )


def test_misses_in_between_change_nothing() -> None:
    for rule in (window(), drift()):
        world = World(rule)
        see(world, "100")
        assert world.see(failed(HOT), after=TEN) == N
        assert see(world, "95") == N
        assert world.see(failed(HOT), after=TEN) == N
        assert see(world, "90") == E


def test_an_outage_widens_the_reference_and_the_message_says_so() -> None:
    world = World(window())
    see(world, "100")
    see(world, "94", timedelta(hours=11))
    assert see(world, "89") == E, "94 was read after the window began, 100 is the last before it"
    assert world.fact("When") == "between 2026-03-01 12:10:00 UTC and 2026-03-01 23:20:00 UTC"


def test_a_drop_to_zero_that_is_not_confirmed_moves_no_reference() -> None:
    world = World(drift())
    see(world, "100")
    assert [see(world, "0"), see(world, "100"), see(world, "95")] == [N, N, N]
    assert [see(world, "0"), see(world, "0")] == [N, E]


def test_first_sight_is_the_first_reference() -> None:
    world = World(window(), drift(id="slow"))
    world.see(reading(DESK, {BOND: "5"}))
    world.see(reading(DESK, {BOND: "5", NOTE: "9"}))
    assert world.see(reading(DESK, {BOND: "5", NOTE: "8.5"})) == N
    assert world.see(reading(DESK, {BOND: "5", NOTE: "8"})) == ["moved event", "slow event"]
    assert world.fact("Before") == "9 NOTE"


def test_holdings_do_not_mix() -> None:
    world = World(window(), drift(id="slow"))

    def both(eth: str, usdc: str) -> Reading:
        return reading(HOT, {ETH: eth, USDC: usdc})

    world.see(both("100", "50"), reading(SWEEP, {ETH: "100"}))
    world.see(both("94", "50"), reading(SWEEP, {ETH: "106"}))
    assert world.see(both("94", "46"), reading(SWEEP, {ETH: "101"})) == N
    assert world.see(both("90", "46"), reading(SWEEP, {ETH: "101"})) == ["moved event", "slow event"]


def test_an_edited_rule_starts_afresh_and_a_window_does_not_repeat_what_was_told() -> None:
    world = World(window(id="moved"), drift(id="slow"))
    see(world, "100")
    assert see(world, "89") == ["moved event", "slow event"]
    assert world.restart(window(by="5%"), drift(id="slow", by="5%")) == N
    assert see(world, "87") == N, "the old move is not told again; drift counts from here"
    assert see(world, "83") == ["moved event", "slow event"]
    assert world.fact("Before") == "89 ETH"


def test_an_edit_that_is_taken_back_is_an_edit_too() -> None:
    world = World(drift())
    see(world, "100")
    see(world, "95")
    world.restart(drift(by="50%"))
    world.restart(drift())
    assert see(world, "90") == N, "drift counts from 95"


def test_how_people_are_told_is_not_an_edit() -> None:
    world = World(drift())
    see(world, "100")
    see(world, "95")
    world.restart(drift(severity="critical", summary="{{ change }}"))
    assert see(world, "90") == E


def test_a_rule_that_is_gone_forgets() -> None:
    world = World(drift())
    see(world, "100")
    see(world, "95")
    assert world.marks
    world.restart(drift(id="other"))
    assert world.marks == {}
    world.restart(drift())
    assert see(world, "90") == N, "drift counts from 95 again"


def test_a_clock_set_back_an_hour_repeats_nothing_and_loses_no_new_move() -> None:
    for rule in (window(), drift(), moved(within="1h", since="notified")):
        world = World(rule)
        see(world, "100")
        see(world, "95")
        assert see(world, "89") == E
        assert see(world, "88", -HOUR) == N
        assert see(world, "87.9") == N
        assert see(world, "80") == E
        assert see(world, "79.9", 2 * HOUR) == N


def test_a_clock_that_was_a_year_ahead_does_not_stop_a_window() -> None:
    world = World(window(direction="out"))
    see(world, "100")
    assert see(world, "89", timedelta(days=365)) == E
    see(world, "200", -timedelta(days=365))
    assert [see(world, "190"), see(world, "180")] == [N, E]
    assert [see(world, "179"), see(world, "178")] == [N, N]


@pytest.mark.parametrize(
    ("zone", "night"),
    [
        ("Europe/Zurich", (2026, 3, 29)),
        ("Europe/Zurich", (2026, 10, 25)),
        ("America/New_York", (2026, 3, 8)),
        ("America/New_York", (2026, 11, 1)),
    ],
)
def test_the_night_of_a_clock_change_is_like_any_other(zone: str, night: tuple[int, int, int]) -> None:
    start = datetime(*night, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    for later, told in ((timedelta(minutes=59), E), (timedelta(minutes=61), N)):
        for hours in range(5):
            world = World(window())
            world.now = start + hours * HOUR
            see(world, "100")
            see(world, "95")
            assert see(world, "89.5", later) == told, hours


@given(
    st.sampled_from(["in", "out", "both"]),
    st.lists(st.tuples(st.integers(80, 120), st.sampled_from([7, 20, 45, 90])), min_size=2, max_size=12),
)
def test_a_window_tells_what_its_definition_says(direction: str, steps: list[tuple[int, int]]) -> None:
    world, told_at = World(window(direction=direction)), datetime.min.replace(tzinfo=UTC)
    known: list[tuple[datetime, int]] = []
    for amount, minutes in steps:
        told = see(world, str(amount), timedelta(minutes=minutes)) == E
        since = max(world.now - HOUR, told_at)
        begin = max((index for index, (at, _) in enumerate(known) if at <= since), default=0)
        far = [was for _, was in known[begin:] if (was > amount) == (known[-1][1] > amount)]
        way = "out" if known and amount < known[-1][1] else "in"
        moves = bool(known) and amount != known[-1][1] and direction in (way, "both")
        assert told == (moves and any(abs(was - amount) * 10 >= was for was in far)), (amount, known)
        told_at = world.now if told else told_at
        known.append((world.now, amount))


def test_history_is_asked_only_when_something_moved_the_way_that_is_watched() -> None:
    world = World(window(direction="out"), drift(id="slow", direction="out"))
    see(world, "100")
    see(world, "100")
    assert world.asked == []
    see(world, "101")
    assert [type(each) for each in world.asked] == [BaselineOf], "drift follows what comes in"
    world.asked.clear()
    see(world, "99")
    assert sorted(type(each).__name__ for each in world.asked) == ["BaselineOf", "BaselineOf", "ChangesIn"]
    since = [each.since for each in world.asked if isinstance(each, ChangesIn)]
    assert since == [world.now - HOUR]


def test_a_rule_without_a_memory_keeps_none() -> None:
    world = World(moved(), window(id="w"))
    see(world, "100")
    see(world, "95")
    assert world.marks == {}
    see(world, "80")
    assert {of.rule: mark.amount for of, mark in world.marks.items()} == {"w": Decimal(80)}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"within": "1h", "by": None}, "within needs by"),
        ({"since": "notified", "by": None}, "notified needs by"),
        ({"within": "0s"}, "positive"),
        ({"within": "soon"}, "duration"),
        ({"since": "yesterday"}, "notified"),
    ],
)
def test_a_window_that_cannot_be_meant_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        moved(**fields)


def test_a_rule_says_what_it_waits_for() -> None:
    rule = moved(within="1h", since="notified", direction="out")
    assert rule.describe() == "outgoing change of at least 10% within 1h or since it was last told"
