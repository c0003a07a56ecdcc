"""Polls that hints cause and that find nothing take no more than a share of the credits."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.hints.given import DAY, START, World, budget, items
from watcher.domain.hints.scheduler import HintedScheduler
from watcher.domain.hints.waste import WasteBucket

COST = 40.0


def bucket(share: float = 0.4, pace: float = 4000 / DAY) -> WasteBucket:
    made = WasteBucket(share, START)
    made.pace(pace, COST, START)
    return made


def most_in_a_day(taken: list[tuple[float, float]]) -> float:
    return max((sum(c for at, c in taken if since <= at < since + DAY) for since, _ in taken), default=0.0)


@given(steps=st.lists(st.tuples(st.floats(0, DAY / 4), st.floats(0, 1)), max_size=120))
def test_no_day_takes_more_than_its_share_and_what_was_saved(steps: list[tuple[float, float]]) -> None:
    made, now, taken = bucket(), START, []
    for wait, early in steps:
        made.affords(COST, now + wait, math.inf)  # a look ahead takes nothing, and fills nothing
        now += wait
        if made.affords(COST, now, math.inf):
            made.take(COST * early, now)
            taken.append((now, COST * early))
    assert most_in_a_day(taken) <= 2 * 0.4 * 4000 + COST


def test_without_a_share_no_poll_may_find_nothing() -> None:
    assert not bucket(0.0).affords(COST, START + DAY, math.inf)


def test_with_few_credits_some_polls_are_still_allowed() -> None:
    made = bucket(pace=1 / DAY)
    for _ in range(5):
        assert made.affords(COST, START, math.inf)
        made.take(COST, START)
    assert not made.affords(COST, START, math.inf)


def test_less_credits_hold_less_and_more_are_not_there_at_once() -> None:
    made = bucket()
    made.pace(400 / DAY, COST, START)
    made.pace(4000 / DAY, COST, START)
    assert made.affords(200, START, math.inf)
    assert not made.affords(201, START, math.inf)
    assert made.affords(1600, START + DAY, math.inf)


def test_a_clock_that_is_set_back_fills_nothing() -> None:
    made = bucket()
    made.take(1600, START)
    made.take(0, START - DAY)
    assert not made.affords(COST, START - DAY, math.inf)
    assert made.affords(COST, START, math.inf)


def test_a_flood_of_lies_takes_its_share_and_no_more() -> None:
    world = World(items(10), budget(2000), 10, told=lambda _key: 0.0, lies=lambda _key: 100.0)
    taken: list[tuple[float, float]] = []
    take = world.made._waste.take

    def noted(cost: float, now: float) -> None:
        taken.append((now, cost))
        take(cost, now)

    world.made._waste.take = noted  # type: ignore[method-assign]
    world.run()
    assert taken
    ladders = 6 * len(world.watched) * COST
    assert most_in_a_day(taken) <= 2 * 0.4 * 2000 + ladders
    assert sum(cost for _, cost in taken) <= 0.4 * 2000 * 11 + ladders


@pytest.mark.parametrize("changed", [False, True])
def test_hints_of_all_accounts_at_once_do_not_spend_together_what_one_may(*, changed: bool) -> None:
    """One post may name thousands, and all would be asked before the first answer: lies took what there was
    for weeks, and true hints waited as long. If they prove true, the others follow at once."""
    watched, a_day = items(1000), 10_000
    coverage, seen = {each.key: ["push"] for each in watched}, {each.key: START - 1 for each in watched}
    made = HintedScheduler(watched, budget(a_day), START, coverage=coverage, waste=0.4, seen=seen)
    for each in watched:
        made.hint(each.key, "push", START)
    asked: set[str] = set()
    looks, now = 0, START
    for _ in range(40):
        under_way = []
        while (due := made.due(now)) is not None and due[0] <= now:
            made.take(due[1], now)
            under_way.append(due[1])
        assert len(under_way) * COST <= 0.4 * a_day + COST
        asked.update(under_way)
        looks += len(under_way)
        for key in under_way:
            made.observe(key, now + 1, changed)
        now += 5
    assert looks * COST <= 0.4 * a_day + COST if not changed else len(asked) == 1000


def test_of_what_is_left_in_a_period_no_more_than_the_share_is_wasted() -> None:
    made = bucket(0.4)
    assert made.affords(2 * COST, START, 2 * COST / 0.4)
    assert not made.affords(2 * COST, START, 2 * COST / 0.4 - 1)
    assert made.affords(COST, START, 0)


def test_what_looks_took_that_came_too_early_is_given_back_when_the_hint_was_true() -> None:
    watched = items(2, ticked=True)
    made = HintedScheduler(
        watched,
        budget(20_000),
        START,
        coverage={item.key: ["push"] for item in watched},
        waste=0.4,
        seen={item.key: START for item in watched},
    )
    for key, change in (("w0", 60.0), ("w1", 3700.0)):
        shown, now = START + change, START + change - 50
        made.hint(key, "push", now)
        looks = 0
        while (due := made.due(now)) is not None and due[0] < shown + 600:
            now = due[0]
            assert due[1] == key
            made.take(key, now)
            made.observe(key, now, changed=now >= shown)
            looks += 1
            if now >= shown:
                break
        assert now >= shown, "however many looks the first hint took, the second is looked into"
        assert looks > 3


def test_a_restart_fills_no_bucket() -> None:
    made = bucket()
    made.take(1590.0, START)
    again = bucket()
    again.restore(made.dump(), START + 1)
    assert made.affords(COST, START + 1, math.inf) == again.affords(COST, START + 1, math.inf) is False
    for damaged in ([1], ["x", 1], 7, [math.nan, 1.0]):
        with pytest.raises((ValueError, TypeError)):
            bucket().restore(damaged, START)
