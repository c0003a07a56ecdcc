"""The alert state machine, and what ends alerts otherwise than by their condition."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.domain.given import (
    AGAIN_SOON,
    DESK,
    ETH,
    HOT,
    MINUTE,
    SOL,
    START,
    SWEEP,
    WALLETS,
    World,
    failed,
    reading,
)
from watcher.domain.alerts.lifecycle import (
    Alert,
    AlertState,
    Subject,
    Terms,
    advance,
    remind,
    short_id,
    withdraw,
)
from watcher.domain.messages.message import Kind, Severity
from watcher.domain.model import Account, Asset, Wallet
from watcher.domain.records import replace
from watcher.domain.rules import TYPES, Rule, ThresholdRule
from watcher.domain.values.verdict import Verdict, met, not_met, unknown

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


@pytest.mark.parametrize("alert", [pending(), withdraw(fired(), "over", START).alert])
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


def firing_world(rule: ThresholdRule, prices: dict[Asset, str] | None = None) -> World:
    world = World(rule)
    assert world.see(reading(HOT, {ETH: "0.1"}, prices)) == ["low firing"]
    return world


@pytest.mark.parametrize(
    "edit", [{"below": "0.6"}, {"clear_above": "0.7"}, {"for": "1h"}, {"reads": 2}, {"severity": "critical"}]
)
def test_an_edit_that_leaves_an_alert_standing_goes_on_with_it(edit: dict[str, Any]) -> None:
    world = firing_world(low())
    world.acknowledge()
    (before,) = world.live
    assert world.restart(low(**edit)) == N
    assert world.see(reading(HOT, {ETH: "0.1"})) == N, "people know already"
    (alert,) = world.live
    assert (alert.id, alert.acknowledged) == (before.id, before.acknowledged)
    assert world.see(reading(HOT, {ETH: "1"})) == ["low resolved"], "it resolved under the rule of now"


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        ({"below": "0.05"}, "its rule was edited: 0.1 ETH is not below 0.05 ETH"),
        ({"metric": "value_usd"}, "its rule was edited: $200.00 is not below $0.50"),
        ({"keep_firing_for": "1h", "below": "0.05"}, "its rule was edited: 0.1 ETH is not below 0.05 ETH"),
    ],
)
def test_an_edit_that_ends_an_alert_withdraws_it_once(edit: dict[str, Any], why: str) -> None:
    world = firing_world(low(), prices={ETH: "2000"})
    assert world.restart(low(**edit)) == N
    assert world.see(reading(HOT, {ETH: "0.1"}, {ETH: "2000"})) == ["low withdrawn"]
    assert world.title in (f"hot: {why}", f"hot ETH: {why}", f"hot: ETH on ethereum: {why}")
    assert world.see(reading(HOT, {ETH: "0.1"}, {ETH: "2000"})) == N
    assert world.restart(low(**edit)) == N


def test_what_an_edited_rule_cannot_judge_moves_nothing() -> None:
    world = firing_world(low())
    world.restart(low(metric="value_usd", below="500"))
    assert world.see(reading(HOT, {ETH: "0.1"})) == N, "there is no price"
    assert [str(alert.state) for alert in world.live if not alert.unspoken] == ["firing"]
    assert world.see(reading(HOT, {ETH: "0.1"}, {ETH: "2000"})) == N
    assert world.see(reading(HOT, {ETH: "1"}, {ETH: "2000"})) == ["low resolved"]


@pytest.mark.parametrize(
    ("now", "why"),
    [
        ({"id": "other"}, "its rule was removed"),
        ({"match": {"assets": ["USDC"]}}, "its rule was edited: it no longer selects this"),
        ({"match": {"wallets": ["fund"]}}, "its rule was edited: it no longer selects this"),
        ({"match": {"chains": ["solana"]}}, "its rule was edited: it no longer selects this"),
        ({"per": "wallet", "metric": "value_usd"}, "its rule was edited: it no longer selects this"),
        (
            {"type": "no_data", "below": None, "longer_than": "1h"},
            "its rule was edited: it no longer selects this",
        ),
        ({"type": "change", "below": None, "by": "1"}, "its rule was edited: it no longer selects this"),
    ],
)
def test_who_heard_of_an_alert_hears_why_its_rule_says_no_more_of_it(now: dict[str, Any], why: str) -> None:
    world = firing_world(low(notify=["ops"]))
    world.channels = ("ops", "phone")
    assert world.restart(rule({"id": "low", "below": "0.5", **now})) == ["low withdrawn"]
    assert world.title in (f"hot: {why}", f"hot ETH: {why}", f"hot: ETH on ethereum: {why}")
    assert world.told[-1].channel == "ops"
    assert world.told[-1].message.id == world.told[0].message.id
    assert world.live == []
    assert world.restart() == N


def rule(fields: dict[str, Any]) -> Rule:
    kind = TYPES[fields.setdefault("type", "threshold")]
    return kind.model_validate({name: value for name, value in fields.items() if value is not None})


@pytest.mark.parametrize(
    "edit",
    [{"severity": "critical"}, {"notify": "ops"}, {"repeat": "1h"}, {"summary": "x"}, {"runbook": "x"}],
)
def test_editing_how_people_are_told_keeps_the_alert(edit: dict[str, Any]) -> None:
    world = firing_world(low())
    world.restart(low(**edit))
    assert world.see(reading(HOT, {ETH: "0.1"})) == N
    assert world.see(reading(HOT, {ETH: "1"})) == ["low resolved"]


def test_an_alert_takes_the_severity_that_its_rule_has_now() -> None:
    world = firing_world(low(severity="warning", repeat="10m"))
    world.restart(low(severity="critical", repeat="10m"))
    assert world.see(reading(HOT, {ETH: "0.2"})) == N
    (alert,) = world.live
    assert alert.severity is Severity.CRITICAL
    world.see(reading(HOT, {ETH: "0.2"}), after=HOUR)
    assert (world.told[-1].message.kind, world.told[-1].message.severity) == (Kind.REPEAT, Severity.CRITICAL)


def test_what_is_pending_begins_anew_under_an_edited_rule_and_nobody_hears_of_it() -> None:
    world = World(low(reads=2))
    assert world.see(reading(HOT, {ETH: "0.3"})) == N
    assert world.restart(low(reads=2, below="0.2")) == N
    assert world.live == []
    assert world.see(reading(HOT, {ETH: "0.1"})) == N, "the first reading of two below the new level"
    assert world.see(reading(HOT, {ETH: "0.1"})) == ["low firing"]


@pytest.mark.parametrize(
    ("gone", "why"),
    [
        ({HOT}, "wallet hot is no longer watched"),
        ({HOT, SWEEP}, "source coinstats is no longer watched"),
    ],
)
def test_who_heard_of_an_alert_hears_that_its_wallet_is_watched_no_more(gone: set[Account], why: str) -> None:
    world = firing_world(low())
    world.wallets = {account: wallet for account, wallet in WALLETS.items() if account not in gone}
    assert world.restart() == ["low withdrawn"]
    assert world.title in (f"hot: {why}", f"hot ETH: {why}", f"hot: ETH on ethereum: {why}")
    assert world.live == []
    assert world.restart() == N


def test_of_a_chain_that_is_taken_out_only_that_is_said() -> None:
    world = firing_world(low())
    base = HOT._replace(chain="base")
    world.wallets = {base: WALLETS[HOT], DESK: WALLETS[DESK]}
    assert world.restart() == ["low withdrawn"]
    assert world.title.endswith("ethereum of hot is no longer watched")


def test_a_wallet_that_lost_its_tag_is_said_to_be_selected_no_more() -> None:
    world = firing_world(low(match={"tags": ["gas"]}))
    world.wallets = {HOT: Wallet("hot", "coinstats", HOT.address)}
    assert world.restart() == ["low withdrawn"]
    assert world.title.endswith("its rule no longer selects this")


def test_an_alert_goes_on_under_the_new_name_of_its_wallet() -> None:
    world = firing_world(low(repeat="1h"))
    world.wallets = {HOT: Wallet("hot-1", "coinstats", HOT.address)}
    assert world.restart() == N
    assert world.see(reading(HOT, {ETH: "1"})) == ["low resolved"]
    assert world.told[-1].message.wallet == "hot-1"
    assert world.title.startswith("hot-1: ")


def test_a_notice_about_an_account_that_is_watched_no_more_is_withdrawn() -> None:
    world = World(low())
    world.see(reading(SWEEP, {ETH: "5", SOL: "1"}))
    for _ in range(5):
        world.see(reading(SWEEP, {ETH: "5"}, complete=["ethereum"]))
    assert [alert.rule for alert in world.live] == ["watcher.unreported"]
    world.wallets = {HOT: WALLETS[HOT]}
    assert world.restart() == ["watcher.unreported withdrawn"]


def test_what_is_withdrawn_under_a_silence_is_said_when_it_ends() -> None:
    world = firing_world(low())
    world.silence(timedelta(hours=2), rules=("low",))
    other = low().model_copy(update={"id": "other"})
    assert world.restart(other) == N
    assert world.live == []
    assert world.wait(timedelta(hours=1)) == N
    assert world.wait(timedelta(hours=1)) == ["low withdrawn"]
    assert world.wait(timedelta(hours=1)) == N


def test_what_began_under_a_silence_is_withdrawn_unheard() -> None:
    world = World(low())
    world.silence(timedelta(hours=2), rules=("low",))
    assert world.see(reading(HOT, {ETH: "0.1"})) == N
    assert world.restart(low().model_copy(update={"id": "other"})) == N
    assert world.wait(timedelta(hours=3)) == N


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
