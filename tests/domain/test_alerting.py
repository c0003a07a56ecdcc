"""The alert state machine, and what ends alerts without a word."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.domain.given import AGAIN_SOON, ETH, HOT, MINUTE, START, WALLETS, World, failed, reading
from watcher.domain.alerting import Alert, AlertState, Subject, Terms, advance, close, remind, short_id
from watcher.domain.message import Kind, Severity
from watcher.domain.rules import ThresholdRule
from watcher.domain.verdict import Verdict, met, not_met, unknown

SUBJECT = Subject("key", "hot: ETH", "hot", HOT)
TERMS = Terms("low", "f1", Severity.WARNING)
HOUR = timedelta(hours=1)
N: list[str] = []


def fired(at: timedelta = timedelta(0)) -> Alert:
    alert = advance(None, met("low"), TERMS, SUBJECT, START + at).alert
    assert alert is not None
    return alert


def pending() -> Alert:
    alert = advance(None, met("low"), replace(TERMS, reads=2), SUBJECT, START).alert
    assert alert is not None
    return alert


@pytest.mark.parametrize(
    ("alert", "verdict", "terms", "after", "state", "told"),
    [
        (None, met(""), TERMS, 0, AlertState.FIRING, Kind.FIRING),
        (None, met(""), replace(TERMS, reads=2), 0, AlertState.PENDING, None),
        (None, met(""), replace(TERMS, wait=MINUTE), 0, AlertState.PENDING, None),
        (None, not_met(""), TERMS, 0, None, None),
        (None, unknown(""), TERMS, 0, None, None),
        (pending(), met(""), replace(TERMS, reads=2), 60, AlertState.FIRING, Kind.FIRING),
        (pending(), met(""), replace(TERMS, reads=3), 60, AlertState.PENDING, None),
        (pending(), met(""), replace(TERMS, wait=MINUTE), 59.999, AlertState.PENDING, None),
        (pending(), met(""), replace(TERMS, wait=MINUTE), 60, AlertState.FIRING, Kind.FIRING),
        (pending(), not_met(""), TERMS, 60, AlertState.RESOLVED, None),
        (pending(), unknown(""), TERMS, 60, None, None),
        (fired(), met("low"), TERMS, 60, None, None),
        (fired(), met("lower"), TERMS, 60, AlertState.FIRING, None),
        (fired(), not_met(""), TERMS, 60, AlertState.RESOLVED, Kind.RESOLVED),
        (fired(), unknown(""), TERMS, 60, None, None),
        (fired(), met("low"), replace(TERMS, repeat=HOUR), 3599.999, None, None),
        (fired(), met("low"), replace(TERMS, repeat=HOUR), 3600, AlertState.FIRING, Kind.REPEAT),
        (fired(), unknown(""), replace(TERMS, repeat=HOUR), 3600, None, None),
    ],
)
def test_one_verdict_moves_an_alert_by_one_step(
    alert: Alert | None,
    verdict: Verdict,
    terms: Terms,
    after: float,
    state: AlertState | None,
    told: Kind | None,
) -> None:
    step = advance(alert, verdict, terms, SUBJECT, START + timedelta(seconds=after))
    assert (step.alert.state if step.alert else None, step.tell) == (state, told)
    if step.alert and alert:
        assert (step.alert.id, step.alert.since) == (alert.id, alert.since)


def test_a_pending_alert_that_ends_is_closed_without_a_word() -> None:
    step = advance(pending(), not_met("fine"), TERMS, SUBJECT, START)
    assert step.alert is not None
    assert (step.alert.closed, step.alert.live, step.tell) == (True, False, None)


def test_a_repeat_counts_from_the_last_time_it_was_told() -> None:
    alert = fired()
    first = remind(alert, HOUR, START + HOUR)
    assert first.tell is Kind.REPEAT
    assert first.alert is not None
    assert remind(first.alert, HOUR, START + 2 * HOUR - MINUTE).tell is None
    assert remind(first.alert, HOUR, START + 2 * HOUR).tell is Kind.REPEAT


@pytest.mark.parametrize("alert", [pending(), close(fired(), "over", START)])
def test_only_a_firing_alert_is_repeated(alert: Alert) -> None:
    assert remind(alert, HOUR, START + 9 * HOUR).tell is None


def test_no_repeat_means_none() -> None:
    assert remind(fired(), None, START + 999 * HOUR).tell is None


def test_an_id_tells_apart_what_differs_and_is_the_same_for_the_same() -> None:
    assert short_id("a", "bc") == short_id("a", "bc") != short_id("ab", "c")
    assert short_id("\ud800") != short_id("x"), "names from an API may hold anything"
    assert fired().id != fired(MINUTE).id


def low(**fields: Any) -> ThresholdRule:
    return ThresholdRule.model_validate({"id": "low", "below": "0.5", **fields})


def firing_world(rule: ThresholdRule) -> World:
    world = World(rule)
    assert world.see(reading(HOT, {ETH: "0.1"})) == ["low firing"]
    return world


@pytest.mark.parametrize(
    "edit", [{"below": "0.6"}, {"clear_above": "0.7"}, {"for": "1m"}, {"reads": 2}, {"metric": "price_usd"}]
)
def test_an_edited_rule_starts_afresh_and_sends_nothing_by_itself(edit: dict[str, Any]) -> None:
    world = firing_world(low())
    assert world.restart(low(**edit)) == N
    assert world.live == []


@pytest.mark.parametrize(
    "edit",
    [{"severity": "critical"}, {"notify": "ops"}, {"repeat": "1h"}, {"summary": "x"}, {"runbook": "x"}],
)
def test_editing_how_people_are_told_keeps_the_alert(edit: dict[str, Any]) -> None:
    world = firing_world(low())
    world.restart(low(**edit))
    assert world.see(reading(HOT, {ETH: "0.1"})) == N
    assert world.see(reading(HOT, {ETH: "1"})) == ["low resolved"]


def test_an_alert_of_the_rule_before_it_was_edited_does_not_count() -> None:
    world = firing_world(low())
    world.rules = World(low(clear_above="0.8")).rules
    assert world.see(reading(HOT, {ETH: "0.6"})) == N, "the band holds only what fires under the same rule"
    assert world.see(reading(HOT, {ETH: "0.1"})) == ["low firing"]


def test_an_alert_of_a_removed_rule_or_account_is_closed_without_a_word() -> None:
    world = firing_world(low())
    other = low().model_copy(update={"id": "other"})
    assert world.restart(other) == N
    assert world.live == []
    world = firing_world(low())
    world.wallets = {account: wallet for account, wallet in WALLETS.items() if account != HOT}
    assert world.restart() == N
    assert world.live == []


def test_a_repeat_is_told_by_time_alone_with_what_is_known() -> None:
    world = firing_world(low(repeat="1h", summary="{{ wallet }} has {{ amount }} {{ symbol }}"))
    world.see(reading(HOT, {ETH: "0.2"}), after=10 * MINUTE)
    world.see(failed(HOT))
    assert world.wait(48 * MINUTE) == N
    assert world.wait(MINUTE) == ["low repeat"]
    assert world.title == "hot has 0.2 ETH"
    assert world.fact("Last reading") == "2026-03-01 12:11:00 UTC"
    assert world.wait(59 * MINUTE) == N
    assert world.see(reading(HOT, {ETH: "0.2"})) == ["low repeat"]
    assert world.wait(AGAIN_SOON) == N


def test_every_message_of_an_alert_names_the_same_alert_and_subject() -> None:
    world = firing_world(low(repeat="1h"))
    world.wait(HOUR)
    world.see(reading(HOT, {ETH: "2"}))
    assert [each.message.kind for each in world.told] == [Kind.FIRING, Kind.REPEAT, Kind.RESOLVED]
    assert len({(each.message.id, each.message.subject, each.message.wallet) for each in world.told}) == 1
    assert len({each.id for each in world.told}) == 3


def test_the_same_decision_twice_gives_the_same_delivery_ids() -> None:
    one, other = firing_world(low()), firing_world(low())
    assert [each.id for each in one.told] == [each.id for each in other.told]
