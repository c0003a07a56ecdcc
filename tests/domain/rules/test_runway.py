"""How long an amount lasts at the rate at which it goes out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.given import BOND, DESK, ETH, HOT, USDC, World, failed, reading
from watcher.domain.evaluation.memo import Memo
from watcher.domain.model import Change, Quarantined
from watcher.domain.rules import RunwayRule
from watcher.domain.values.verdict import Answer

N: list[str] = []
F, R, AGAIN = ["runway firing"], ["runway resolved"], ["runway repeat"]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def runway(**fields: Any) -> RunwayRule:
    return RunwayRule.model_validate(
        {"id": "runway", "shorter_than": "5d", "match": {"assets": ["ETH"]}, **fields}
    )


def see(world: World, amount: str, after: timedelta = DAY) -> list[str]:
    return world.see(reading(HOT, {ETH: amount}), after=after)


def play(rule: RunwayRule, amounts: str, *, every: timedelta = DAY, restarts: bool = False) -> str:
    """The amounts after which something was told: F and R behind them."""
    world, found = World(rule), []
    for amount in amounts.split():
        told = see(world, amount, every)
        found += [f"{amount}{'F' if told == F else 'R'}"] if told else []
        if restarts:
            assert world.restart() == N
    return " ".join(found)


CASES = [
    ("10", "", "first sight"),
    ("10 10 10 10 10", "", "what never moves is never short"),
    ("100 99 98 97 96 95", "", "it lasts for months"),
    ("10 9 8 7 6 5 4 3", "4F", "equal is not shorter"),
    ("10 9 8 7 6 4.99 4", "4.99F", "below to below"),
    ("9 8 7 6 5 4 3 30", "4F 30R", "a refill resolves"),
    ("9 8 7 6 5 4 30 30 30 30 4 3 2", "4F 30R 4F", "across and back"),
    ("9 8 7 6 5 4 4 4 4 4", "4F 4R", "nothing goes out any more"),
    ("12 10 11 9 10 8 9 7 8 6", "6F", "refills are excluded"),
    ("3 2 1 0 0 0 0 0 0", "2F", "an empty one never resolves"),
    ("3 2 1 0 0 0 0 0 9", "2F 9R", "until it is filled"),
]


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(("amounts", "told", "_why"), CASES, ids=[why for *_, why in CASES])
def test_a_short_runway_fires_once_and_resolves_once(
    amounts: str, told: str, _why: str, *, restarts: bool
) -> None:
    assert play(runway(), amounts, restarts=restarts) == told


@pytest.mark.parametrize(
    ("fields", "amounts", "told"),
    [
        ({}, "9 8 7 6 5 4 5", "4F 5R"),
        ({"clear_longer_than": "8d"}, "9 8 7 6 5 4 5", "4F"),
        ({"clear_longer_than": "8d"}, "9 8 7 6 5 4 5 5 5", "4F 5R"),
        ({"reads": 2}, "9 8 7 6 5 4 3", "3F"),
        ({"reads": 2}, "9 8 7 6 5 4 30 4 4", "4F"),
        ({"reads": 3}, "9 8 7 6 5 4 30 4 30", ""),
        ({"for": "2d"}, "9 8 7 6 5 4 3 2", "2F"),
        ({"trailing": "1d", "shorter_than": "1d"}, "9 8 7 1 1", "1F 1R"),
    ],
)
@pytest.mark.parametrize("restarts", [False, True])
def test_bands_waits_and_windows(fields: dict[str, Any], amounts: str, told: str, *, restarts: bool) -> None:
    assert play(runway(**fields), amounts, restarts=restarts) == told


def test_the_band_holds_until_it_lasts_strictly_longer() -> None:
    world = World(runway(clear_longer_than="8d", trailing="3d"))
    for amount in ("9", "8", "7", "6", "5", "4"):
        told = see(world, amount)
    assert told == F
    assert see(world, "3") == N
    assert see(world, "7", timedelta(0)) == N
    assert see(world, "8", timedelta(0)) == N, "just 8 days"
    assert world.live[0].because == (
        "lasts about 8 days at 1 ETH a day over the last 72 h, not yet longer than 8d"
    )
    assert see(world, "8.000000000000000000000000000000001", timedelta(0)) == R


def test_the_message_says_how_long_at_what_rate_over_what() -> None:
    world = World(runway(summary="{{ wallet }}: {{ amount }} {{ because }}"))
    for amount in ("5", "4.5", "4", "3.5"):
        assert see(world, amount) == N
    assert see(world, "1.6") == F
    assert world.title == "hot: 1.6 lasts about 39 hours at 0.966 ETH a day over the last 72 h"
    assert world.fact("Moved").startswith("−1.9 ETH")
    assert see(world, "1.6", HOUR) == N
    assert world.live[0].because == "lasts about 40 hours at 0.959 ETH a day over the last 72 h"


def test_nothing_is_said_before_a_third_of_the_window_is_known() -> None:
    world = World(runway())
    see(world, "10", HOUR)
    for hour in range(23):
        assert see(world, str(9 - hour * Decimal("0.1")), HOUR) == N
    assert see(world, "6.8", HOUR) == F, "without a change of its own: 24 hours are known"
    assert world.live[0].because == "lasts about 2.1 days at 3.2 ETH a day over the last 24 h"


def test_history_that_lies_ahead_says_nothing_until_it_has_come() -> None:
    world = World(runway())
    for amount in ("9", "8", "7", "6", "5", "4"):
        told = see(world, amount)
    assert told == F
    assert [see(world, "4", -HOUR), see(world, "3.9", HOUR / 2)] == [N, N]
    assert see(world, "3.9", HOUR) == N
    assert [alert.state for alert in world.live] == ["firing"]
    assert see(world, "90", HOUR) == R


def test_a_clock_that_was_a_year_ahead_does_not_blind_the_rule() -> None:
    world = World(runway())
    for amount in ("12", "11", "10"):
        see(world, amount)
    see(world, "9", timedelta(days=365))
    see(world, "8", timedelta(days=-365))
    assert [see(world, "7"), see(world, "6")] == [N, F], "the four that left in the last three days"


def test_an_outage_spreads_what_went_out_over_its_time() -> None:
    for shorter, told in (("41d", N), ("42d", F)):
        world = World(runway(shorter_than=shorter))
        see(world, "100")
        for _ in range(5):
            assert world.see(failed(HOT), after=2 * DAY) == N
        assert see(world, "79") == told, "21 in 11 days, not in 3"
    assert world.live[0].because == "lasts about 41 days at 1.9 ETH a day over the last 72 h"


def test_misses_and_unsettled_amounts_move_nothing() -> None:
    world = World(runway())
    for amount in ("9", "8", "7", "6", "5", "4"):
        told = see(world, amount)
    assert told == F
    assert world.see(failed(HOT), after=9 * DAY) == N
    assert world.see(reading(HOT, {}, complete=[], unclear=[ETH]), after=DAY) == N
    assert see(world, "0", HOUR) == N, "held"
    assert see(world, "90", HOUR) == R


def test_a_rule_added_later_judges_stored_history_and_an_edit_sends_nothing_by_itself() -> None:
    world = World(runway(id="other", shorter_than="1h"))
    for amount in ("9", "8", "7", "6", "5", "4"):
        see(world, amount)
    assert world.restart(runway()) == N
    assert see(world, "4", HOUR) == F
    assert world.restart(runway(shorter_than="4d")) == N
    assert see(world, "4", HOUR) == ["runway withdrawn"], "about 4 days and a little"


def test_what_becomes_known_by_time_alone_is_judged_by_the_next_reading() -> None:
    world = World(runway())
    see(world, "10", HOUR)
    see(world, "5", HOUR)
    assert [see(world, "5", 22 * HOUR), see(world, "5", HOUR)] == [N, F]


def test_an_alert_ends_although_its_asset_has_changed_its_symbol() -> None:
    world = World(runway())
    for amount in ("9", "8", "7", "6", "5", "4"):
        told = see(world, amount)
    assert told == F
    other = {ETH: "WETH"}
    assert world.see(reading(HOT, {ETH: "3"}, symbols=other), after=DAY) == ["watcher.renamed notice"]
    assert world.see(reading(HOT, {ETH: "90"}, symbols=other), after=DAY) == R
    assert world.see(reading(HOT, {ETH: "1"}, symbols=other), after=DAY) == F, "the rule carries on"


def test_assets_are_judged_by_themselves() -> None:
    world = World(runway(match={}))
    for day in range(5):
        told = world.see(
            reading(HOT, {ETH: str(9 - day), USDC: "5"}), reading(DESK, {BOND: str(6 - day)}), after=DAY
        )
    assert {alert.label for alert in world.live} == {"desk: BOND on teos"}
    assert told == N
    assert world.see(reading(HOT, {ETH: "4", USDC: "5"}), after=DAY) == F


def test_history_is_asked_only_for_what_moved_or_is_alarmed() -> None:
    world = World(runway(match={}))

    def both(eth: str, usdc: str = "5") -> list[str]:
        return world.see(reading(HOT, {ETH: eth, USDC: usdc}), after=DAY)

    both("9")
    both("8")
    world.asked.clear()
    for _ in range(3):
        both("8")
    assert world.asked == []
    both("7")
    assert len(world.asked) == 1
    world.asked.clear()
    assert both("4") == F
    both("4")
    world.asked.clear()
    assert both("3") == both("2") == N
    assert len(world.asked) == 2, "the firing one is judged with every reading"


@pytest.mark.parametrize(
    ("zone", "night"),
    [
        ("Europe/Zurich", (2026, 3, 28)),
        ("Europe/Zurich", (2026, 10, 24)),
        ("America/New_York", (2026, 3, 7)),
        ("America/New_York", (2026, 10, 31)),
    ],
)
def test_a_day_has_24_hours_also_when_clocks_change(zone: str, night: tuple[int, int, int]) -> None:
    world = World(runway())
    world.now = datetime(*night, 12, tzinfo=ZoneInfo(zone)).astimezone(UTC) - 4 * DAY
    for amount in ("9", "8", "7", "6", "5"):
        assert see(world, amount) == N
    assert see(world, "4") == F
    assert world.live[0].because == "lasts about 4 days at 1 ETH a day over the last 72 h"


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 50)), min_size=1, max_size=12),
    st.integers(1, 200),
)
def test_the_answer_is_exact(steps: Sequence[tuple[int, int]], shorter: int) -> None:
    """Against fractions: what went out in the last 72 hours, and how long the rest lasts."""
    rule = runway(shorter_than=f"{shorter}h")
    at = start = datetime(2026, 3, 1, tzinfo=UTC)
    held, changes = 20, [Change(HOT, ETH, "ETH", None, Decimal(20), None, start)]
    for amount, hours in steps:
        was, at = at, at + hours * HOUR
        if amount != held:
            changes.append(Change(HOT, ETH, "ETH", Decimal(held), Decimal(amount), was, at))
        held = amount
    begin = at - 72 * HOUR
    rows = [change for change in changes if change.after_at > begin]
    verdict = rule.judge(Decimal(held), "ETH", rows, at, firing=False)

    out = Fraction(0)
    for each in rows:
        if each.before is not None and each.before_at is not None and each.before > each.after:
            inside = (each.after_at - max(each.before_at, begin)) / (each.after_at - each.before_at)
            out += int(each.before - each.after) * Fraction(inside).limit_denominator(1000)
    first = rows[0].after_at if rows and rows[0].before is None else begin
    if at - first < 24 * HOUR:
        assert verdict.answer is Answer.UNKNOWN
    else:
        lasts = held * Fraction((at - first) // HOUR) / out if out else None
        assert (verdict.answer is Answer.MET) == (lasts is not None and lasts < shorter), verdict.because


@given(
    st.lists(st.tuples(st.sampled_from([0, 2, 4, 8, 16, 30]), st.integers(1, 40)), min_size=2, max_size=15)
)
def test_asking_seldom_tells_what_asking_always_would(steps: Sequence[tuple[int, int]]) -> None:
    one, other = World(runway()), World(runway())
    for amount, hours in steps:
        other.memo = Memo()
        assert see(one, str(amount), hours * HOUR) == see(other, str(amount), hours * HOUR)
    assert len(one.asked) <= len(other.asked)


def test_an_asset_that_was_hidden_for_a_while_is_looked_at_when_it_is_shown_again() -> None:
    world = World(runway())
    for amount in ("7", "6", "5"):
        assert see(world, amount) == N
    state = world.states[HOT]
    world.states[HOT] = state._replace(quarantined={ETH: Quarantined(world.now, "works", by="ann")})
    assert see(world, "4") == N
    assert see(world, "4", HOUR) == N
    world.states[HOT] = world.states[HOT]._replace(quarantined={})
    assert see(world, "4", HOUR) == F, "it does not move any more, and what moved is history already"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"shorter_than": "0s"}, "positive"),
        ({"trailing": "10s"}, "minute"),
        ({"clear_longer_than": "4d"}, "would resolve while it fires"),
    ],
)
def test_a_runway_that_cannot_be_meant_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        runway(**fields)
