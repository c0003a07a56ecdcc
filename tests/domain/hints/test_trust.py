"""What hint sources earn: which share of the changes they tell, and which share of their hints is true."""

from __future__ import annotations

import random

import pytest

from tests.domain.hints.given import DAY, START, World, budget, desk, items
from watcher.domain.hints.desk import telling
from watcher.domain.hints.trust import SourceTrust
from watcher.domain.scheduler import LEAST_UNTOLD


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_both_shares_come_to_the_truth(share: float) -> None:
    trust, rng = SourceTrust(), random.Random(1)
    for _ in range(1000):
        trust.change(float(rng.random() < share), 0.5, START)
        trust.hint(float(rng.random() < share), 1.0)
    assert trust.recall == pytest.approx(share, abs=0.08)
    assert trust.precision == pytest.approx(share, abs=0.08)


def test_a_source_that_never_told_a_truth_is_not_planned_with() -> None:
    trust = SourceTrust()
    assert trust.recall == 0
    trust.hint(0.0, 1.0)
    assert trust.recall == 0
    trust.hint(1.0, 1.0)
    assert trust.recall > 0.5


def test_what_cannot_be_told_apart_from_chance_counts_for_nothing() -> None:
    trust = SourceTrust()
    before = trust.precision
    for _ in range(100):
        trust.hint(1.0, telling(1.0))
        trust.hint(0.0, telling(1.0))
    assert trust.precision == before


@pytest.mark.parametrize("told", [0.5, 1.0])
def test_polls_teach_which_share_is_told_though_they_find_changes_by_themselves(told: float) -> None:
    world = World(items(10), budget(2000), 20, told=lambda _key: told)
    trust = world.run().desk.trust["push"]
    assert trust.recall == pytest.approx(told, abs=0.1)
    assert trust.precision > 0.9


def test_one_lie_for_each_truth_is_half_of_the_hints() -> None:
    world = World(items(10), budget(2000), 20, lies=lambda _key: 1.0)
    trust = world.run().desk.trust["push"]
    assert trust.precision == pytest.approx(0.5, abs=0.1)
    assert trust.recall > 0.9


def test_a_flood_of_lies_is_not_believed_though_polls_find_changes_by_chance() -> None:
    world = World(items(6), budget(2000), 10, told=lambda _key: 0.0, lies=lambda _key: 200.0)
    made = world.run()
    assert made.desk.trust["push"].precision < 0.2
    assert all(made.desk.untold(item.key) > 0.5 for item in world.watched)


def test_a_silent_source_is_found_out_by_a_few_changes_and_forgiven_by_one_hint() -> None:
    made, now = desk(), START
    for _ in range(30):
        now += DAY
        made.hint("a", "push", now)
        made.observe("a", now, now, changed=True, by_hint=True)
    assert made.untold("a") < 0.2
    untold = 0
    while made.trust["push"].silent_since is None:
        now, untold = now + DAY, untold + 1
        made.observe("a", now, now, changed=True, by_hint=False)
    assert untold <= 6
    assert made.trust["push"].silent_since == now
    assert made.untold("a") == 1
    made.hint("a", "push", now + DAY)
    made.observe("a", now + DAY, now + DAY, changed=True, by_hint=True)
    assert made.trust["push"].silent_since is None


def test_a_source_that_misses_every_other_change_is_not_taken_for_silent() -> None:
    made, now, rng = desk(), START, random.Random(2)
    for _ in range(300):
        now += DAY
        if told := rng.random() < 0.5:
            made.hint("a", "push", now)
        made.observe("a", now, now, changed=True, by_hint=told)
        assert made.trust["push"].silent_since is None


def test_an_account_that_is_not_told_of_is_planned_without_hints() -> None:
    world = World(items(10), budget(2000), 20, told=lambda key: float(key < "w5"))
    made = world.run()
    for item in world.watched:
        untold = made.desk.untold(item.key)
        assert untold < 0.2 if item.key < "w5" else untold > 0.8
    assert made.interval("w0") > 1.5 * made.interval("w9")


def test_two_sources_miss_what_neither_tells() -> None:
    made = desk(sources="one other")
    for name in ("one", "other"):
        made.trust[name].hint(1.0, 1.0)
    alone = desk(sources="one")
    alone.trust["one"].hint(1.0, 1.0)
    assert LEAST_UNTOLD <= made.untold("a") < alone.untold("a")


def test_something_is_always_expected_to_go_untold() -> None:
    made = desk()
    made.trust["push"].hint(1.0, 1.0)
    for _ in range(2000):
        made.trust["push"].change(1.0, 0.9, START)
        made.accounts["a"].change(1.0)
    assert made.untold("a") == LEAST_UNTOLD
