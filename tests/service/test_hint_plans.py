"""Upon whose word each hinted poll is made; what was learnt is kept as far as it can be read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from tests.fakes import START
from watcher.domain.hints.persistence import HINTS
from watcher.domain.hints.scheduler import HintedScheduler
from watcher.domain.model import Account
from watcher.domain.scheduler import Budget, Item
from watcher.ports.hints import MISSED, HintWord
from watcher.service.hint_plans import HintPlans
from watcher.service.schedule_items import key_of

ACCOUNT = Account("fake", "ethereum", "0x1")
KEY = key_of(ACCOUNT)
NOW = START.timestamp()
DAY = 86400.0


def word(name: str, after: float = 0.0) -> HintWord:
    return HintWord("node", START + timedelta(seconds=after), name)


def built(plans: HintPlans, state: Mapping[str, Any] | None = None) -> HintedScheduler:
    budget = Budget(100_000, 100_000, NOW + 30 * DAY, 30 * DAY)
    return plans.build([Item(KEY, 40)], budget, NOW, state=state, seen={KEY: NOW - DAY}, fairness=1.0)


@pytest.fixture
def plans() -> HintPlans:
    return HintPlans("fake", {ACCOUNT: ["node"]}, {}, 0.4)


def poll(plans: HintPlans, scheduler: HintedScheduler, *, changed: bool) -> HintWord | None:
    """Poll who is due upon a hint; upon which word that was."""
    due = scheduler.due(NOW)
    assert due is not None
    assert plans.is_cause(KEY)
    scheduler.take(KEY, due[0])
    found = plans.word_of(ACCOUNT)
    scheduler.observe(KEY, due[0] + 1, changed)
    return found


def test_each_look_after_one_word_is_made_upon_that_word(plans: HintPlans) -> None:
    scheduler = built(plans)
    assert plans.hinted(ACCOUNT, word("0xab"))
    assert [poll(plans, scheduler, changed=changed) for changed in (False, False, True)] == [word("0xab")] * 3


def test_word_that_comes_while_another_waits_changes_nothing(plans: HintPlans) -> None:
    scheduler = built(plans)
    plans.hinted(ACCOUNT, word("0xab"))
    assert not plans.hinted(ACCOUNT, word("0xcd"))
    assert poll(plans, scheduler, changed=False) == word("0xab")
    plans.missed([ACCOUNT], "node", START)
    assert poll(plans, scheduler, changed=True) == word("0xab")


def test_a_gap_is_polled_upon_its_own_word_and_not_upon_one_of_long_ago(plans: HintPlans) -> None:
    scheduler = built(plans)
    plans.missed([ACCOUNT], "node", START)
    scheduler.observe(KEY, NOW + 1, changed=False)  # a poll of another cause
    plans.missed([ACCOUNT], "node", START + timedelta(hours=1))
    assert plans.word_of(ACCOUNT) == HintWord("node", START + timedelta(hours=1), MISSED)


@pytest.mark.parametrize("hints", [{"version": 99}, {"version": 1}])
def test_what_was_learnt_of_hints_and_cannot_be_read_costs_nothing_of_what_was_learnt_else(
    hints: Mapping[str, Any], plans: HintPlans
) -> None:
    scheduler = built(plans)
    for day in range(1, 9):
        scheduler.observe(KEY, NOW + day * DAY, changed=True)
    learnt = scheduler.rate(KEY)
    again = HintPlans("fake", {ACCOUNT: ["node"]}, {}, 0.4)
    again.remember({HINTS: json.dumps(hints)})
    assert built(again, scheduler.dump()).rate(KEY) == pytest.approx(learnt)


def test_a_hint_that_waited_when_the_last_run_ended_is_polled_upon_the_word_of_its_source(
    plans: HintPlans,
) -> None:
    before = built(plans)
    plans.hinted(ACCOUNT, word("0xab"))
    again = HintPlans("fake", {ACCOUNT: ["node"]}, {}, 0.4)
    again.remember({HINTS: json.dumps(before.dump_hints())})
    assert poll(again, built(again), changed=True) == word("")
    built(plans)
    assert plans.word_of(ACCOUNT) == word("0xab"), "in the same run the word is still known"


def test_a_schedule_that_cannot_be_read_costs_nothing_of_what_was_learnt_of_hints(plans: HintPlans) -> None:
    scheduler = built(plans)
    plans.hinted(ACCOUNT, word("0xab"))
    poll(plans, scheduler, changed=True)
    again = HintPlans("fake", {ACCOUNT: ["node"]}, {}, 0.4)
    again.remember({HINTS: json.dumps(scheduler.dump_hints())})
    with pytest.raises((ValueError, KeyError, TypeError)):
        built(again, {"version": 99})
    assert built(again).desk.trust["node"].recall == scheduler.desk.trust["node"].recall > 0
