"""The life of an alert after it fired: repeats, acknowledgement, escalation, silences, inhibition."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from tests.domain.given import ETH, HOT, MINUTE, SWEEP, USDC, World, omitted, reading
from watcher.domain.alerts.lifecycle import AlertState
from watcher.domain.messages.delivery import Delivery, DeliveryState
from watcher.domain.messages.message import Kind
from watcher.domain.rules import ChangeRule, NoDataRule, ThresholdRule

HOUR = timedelta(hours=1)
SOON = timedelta(seconds=15)
BOTH = ("ops", "phone")
N: list[str] = []


def low(**fields: Any) -> ThresholdRule:
    rest = {"match": {"assets": ["ETH"]}, "notify": ["ops"], **fields}
    return ThresholdRule.model_validate({"id": "low", "type": "threshold", "below": "3", **rest})


def low_usdc(**fields: Any) -> ThresholdRule:
    return low(**{"match": {"assets": ["USDC"]}, **fields})


def eth(amount: str) -> Any:
    return reading(HOT, {ETH: amount})


def firing(*rules: Any, channels: tuple[str, ...] = BOTH) -> World:
    """A world in which `low` has just fired."""
    world = World(*(rules or (low(),)), channels=channels)
    world.see(eth("5"))
    assert "low firing" in world.see(eth("2"))
    return world


def heard(deliveries: list[Delivery]) -> list[str]:
    """What each channel was to be told, in order."""
    pending = [each for each in deliveries if each.state is DeliveryState.PENDING]
    return [f"{each.channel} {each.message.kind}" for each in pending]


# ------------------------------------------------------------------ who is told of the end


def test_a_resolved_message_goes_to_every_channel_that_was_told_also_after_notify_was_edited() -> None:
    world = firing(low(notify=["ops"]))
    world.restart(low(notify=["phone"]))
    world.see(eth("5"))
    assert heard(world.told) == ["ops firing", "ops resolved"]


def test_a_channel_that_only_heard_a_repeat_is_told_of_the_end_too() -> None:
    world = firing(low(notify=["ops"], repeat="1h"))
    world.restart(low(notify=["phone"], repeat="1h"))
    world.wait(HOUR)
    world.see(eth("5"))
    assert heard(world.told) == ["ops firing", "phone repeat", "ops resolved", "phone resolved"]


def test_a_channel_that_is_gone_is_owed_nothing() -> None:
    world = firing(low(notify=["ops", "phone"]))
    world.channels = ("ops",)
    world.restart(low(notify=["ops"]))
    world.see(eth("5"))
    assert heard(world.told)[2:] == ["ops resolved"]


# ------------------------------------------------------------------ acknowledge


def test_an_acknowledged_alert_is_not_repeated_and_its_end_is_told_with_who_it_was() -> None:
    world = firing(low(repeat="1h"))
    world.acknowledge("bob", "topping up")
    assert world.wait(5 * HOUR) == N
    assert world.see(eth("1")) == N
    assert world.see(eth("5")) == ["low resolved"]
    assert world.fact("Acknowledged").startswith("by bob at ")
    assert world.fact("Acknowledged").endswith("topping up")


def test_an_acknowledgement_belongs_to_one_alert_and_not_to_the_next() -> None:
    world = firing(low(repeat="1h"))
    world.acknowledge()
    world.see(eth("5"))
    assert world.see(eth("2")) == ["low firing"]
    assert world.wait(HOUR) == ["low repeat"]


# ------------------------------------------------------------------ repeats that grow, and keep_firing_for


def test_repeats_grow_rarer_up_to_a_limit_and_start_anew_with_the_next_alert() -> None:
    world = firing(low(repeat={"every": "1h", "grow": 2, "up_to": "3h"}))
    waits = []
    for _ in range(4):
        began = world.now
        while not world.wait(timedelta(minutes=10)):
            pass
        waits.append((world.now - began) / HOUR)
    assert waits == [1, 2, 3, 3]
    world.see(eth("5"))
    world.see(eth("2"))
    assert world.wait(HOUR) == ["low repeat"]


@pytest.mark.parametrize(
    "fields",
    [
        {"repeat": "30s"},
        {"repeat": {"every": "30s"}},
        {"repeat": {"every": "2h", "up_to": "1h"}},
        {"repeat": {"every": "2h", "grow": 0.5}},
        {"repeat": {"grow": 2}},
        {"escalate": {"after": "30m"}},
        {"escalate": {"after": "30m", "notify": []}},
        {"escalate": {"after": "30s", "notify": ["phone"]}},
    ],
)
def test_what_cannot_be_meant_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        low(**fields)


def test_an_alert_is_kept_firing_until_it_was_calm_for_long_enough() -> None:
    world = firing(low(keep_firing_for="10m"))
    assert world.see(eth("5")) == N
    assert world.see(eth("5"), after=timedelta(minutes=9)) == N
    assert world.see(eth("2")) == N  # met again: the clock of calm starts anew
    assert world.see(eth("5")) == N
    assert world.see(eth("5"), after=timedelta(minutes=9, seconds=59)) == N
    assert [alert.state for alert in world.live] == [AlertState.FIRING]
    assert world.see(eth("5"), after=timedelta(seconds=1)) == ["low resolved"]


def test_the_clock_of_calm_survives_a_restart_and_an_edit_of_how_it_is_told() -> None:
    world = firing(low(keep_firing_for="10m"))
    world.see(eth("5"))
    world.restart(low(keep_firing_for="10m", severity="critical", repeat="1h"))
    assert world.see(eth("5"), after=timedelta(minutes=10)) == ["low resolved"]


# ------------------------------------------------------------------ escalation


def escalating(**fields: Any) -> ThresholdRule:
    return low(escalate={"after": "30m", "notify": ["phone"]}, **fields)


def test_what_nobody_acknowledged_is_escalated_once_and_its_end_is_told_there_too() -> None:
    world = firing(escalating())
    assert world.wait(timedelta(minutes=29)) == N
    assert world.wait(MINUTE) == ["low escalated"]
    assert world.fact("Escalated") == "nobody acknowledged it for 30m"
    assert world.wait(HOUR) == N
    world.see(eth("5"))
    assert heard(world.told) == ["ops firing", "phone escalated", "ops resolved", "phone resolved"]


def test_what_was_acknowledged_is_not_escalated() -> None:
    world = firing(escalating())
    world.acknowledge()
    assert world.wait(HOUR) == N
    world.see(eth("5"))
    assert heard(world.told) == ["ops firing", "ops resolved"]


def test_once_escalated_repeats_reach_the_others_too() -> None:
    world = firing(escalating(repeat="1h"))
    world.wait(timedelta(minutes=30))
    world.wait(timedelta(minutes=30))
    assert heard(world.told)[2:] == ["ops repeat", "phone repeat"]


# ------------------------------------------------------------------ silences


def test_what_fires_under_a_silence_is_told_when_it_ends_and_so_is_its_end() -> None:
    world = World(low())
    world.see(eth("5"))
    world.silence(HOUR, rules=("lo*",))
    assert world.see(eth("2")) == N
    (alert,) = world.live
    assert (alert.state, alert.held.startswith("silenced by bob")) == (AlertState.FIRING, True)
    assert world.wait(HOUR - MINUTE - SOON) == N
    assert world.wait(SOON) == ["low firing"]
    assert world.fact("Held back").startswith("silenced by bob")
    assert world.fact("Amount") == "2 ETH"
    assert world.see(eth("5")) == ["low resolved"]


def test_what_fires_and_ends_under_a_silence_is_told_to_nobody_and_stays_in_view() -> None:
    world = World(low())
    world.see(eth("5"))
    world.silence(HOUR, wallets=("hot",))
    world.see(eth("2"))
    world.see(eth("5"))
    assert world.wait(2 * HOUR) == N
    (alert,) = world.alerts.values()
    assert (alert.state, alert.closed) == (AlertState.RESOLVED, False)
    assert alert.held.startswith("silenced by bob")


def test_an_end_under_a_silence_of_what_was_told_before_is_told_when_the_silence_ends() -> None:
    world = firing()
    world.silence(HOUR, severities=("warning",))
    assert world.see(eth("5")) == N
    ended = world.now
    world.restart(low(notify=["phone"]))
    assert world.see(eth("2")) == N  # another alert, silenced from its start
    assert world.wait(HOUR) == ["low resolved", "low firing"]
    told = {each.message.kind: each for each in world.told[1:]}
    assert told[Kind.RESOLVED].message.id == world.told[0].message.id != told[Kind.FIRING].message.id
    assert (told[Kind.RESOLVED].channel, told[Kind.FIRING].channel) == ("ops", "phone")
    resolved = dict(told[Kind.RESOLVED].message.facts)["Resolved"]
    assert resolved == f"{ended:%Y-%m-%d %H:%M:%S} UTC"
    assert world.wait(HOUR) == N


def test_repeats_and_escalations_wait_for_the_end_of_a_silence() -> None:
    world = firing(escalating(repeat="1h"))
    world.silence(3 * HOUR, tags=("ga?",))
    assert world.wait(2 * HOUR) == N
    assert world.see(eth("1")) == N
    assert world.wait(HOUR) == ["low escalated"]
    assert world.wait(SOON) == ["low repeat", "low repeat"]


def test_a_silence_that_is_expired_early_ends_then() -> None:
    world = World(low())
    world.silence(HOUR, rules=("low",))
    world.see(eth("2"))
    world.silences.clear()
    assert world.wait(SOON) == ["low firing"]


def test_all_kinds_of_matchers_of_a_silence_must_match() -> None:
    world = World(low(severity="critical"))
    world.silence(HOUR, rules=("low",), severities=("warning",))
    world.silence(HOUR, rules=("low",), wallets=("cold",))
    world.silence(HOUR, tags=("treasury",))
    assert world.see(eth("2")) == ["low firing"]


def test_a_change_under_a_silence_is_kept_and_sent_to_nobody() -> None:
    world = World(ChangeRule(id="moved"))
    world.see(eth("5"))
    world.silence(HOUR, rules=("moved",))
    world.see(eth("4"))
    (kept,) = world.told
    assert kept.state is DeliveryState.WITHHELD
    assert "silenced by bob" in kept.last_error
    assert world.wait(2 * HOUR) == N


def test_the_notice_about_an_account_that_is_no_longer_reported_can_be_silenced_and_is_told_afterwards() -> (
    None
):
    world = World()
    world.see(eth("5"))
    world.silence(HOUR, rules=("watcher.unreported",))
    for _ in range(5):
        world.see(omitted(HOT))
    assert heard(world.told) == []
    assert world.wait(HOUR) == ["watcher.unreported firing"]


# ------------------------------------------------------------------ inhibition


def test_an_alert_is_inhibited_while_another_fires_on_the_same_wallet() -> None:
    only_hot = {"wallets": ["hot"]}
    silent = NoDataRule.model_validate({"id": "silent", "longer_than": "30m", "match": only_hot})
    world = World(silent, low(inhibited_by=["silent"], repeat="1h"))
    world.see(eth("2"))
    assert world.wait(HOUR) == ["silent firing"]  # the repeat that is due waits
    assert world.see(eth("2")) == ["silent resolved"]
    assert world.wait(SOON) == ["low repeat"]
    world = World(silent, low(inhibited_by=["silent"]))
    world.see(eth("5"))
    assert world.wait(HOUR) == ["silent firing"]
    assert world.see(eth("2")) == ["low firing", "silent resolved"]  # the same reading ended what inhibits


def test_what_inhibits_and_what_is_inhibited_may_fire_in_one_poll_in_any_order() -> None:
    deep = low(id="deep", below="1", notify=["ops"])
    for rules in ((low(inhibited_by=["deep"]), deep), (deep, low(inhibited_by=["deep"]))):
        world = World(*rules)
        world.see(eth("5"))
        assert world.see(eth("0.5")) == ["deep firing"]
        assert [alert.held for alert in world.live if alert.rule == "low"] == ["inhibited by rule deep"]
        assert world.see(eth("2")) == ["deep resolved"]
        assert world.wait(SOON) == ["low firing"]
        assert world.see(eth("5")) == ["low resolved"]


def test_what_fired_and_ended_while_inhibited_is_told_to_nobody() -> None:
    deep = low_usdc(id="deep", below="1")
    world = World(low(inhibited_by=["deep"]), deep)
    world.see(reading(HOT, {ETH: "5", USDC: "0.5"}))
    world.see(reading(HOT, {ETH: "2", USDC: "0.5"}))
    world.see(reading(HOT, {ETH: "5", USDC: "0.5"}))
    world.see(reading(HOT, {ETH: "5", USDC: "5"}))
    assert world.wait(HOUR) == N
    assert [each.message.rule for each in world.told] == ["deep", "deep"]


def test_another_wallet_inhibits_nothing() -> None:
    world = World(low(inhibited_by=["deep"]), low_usdc(id="deep", below="1"))
    assert world.see(reading(SWEEP, {USDC: "0.5"})) == ["deep firing"]
    assert world.see(eth("2")) == ["low firing"]


# ------------------------------------------------------------------ flapping


def flapping(**fields: Any) -> World:
    """A world in which `low` has just begun to flap, at its third resolved."""
    world = World(low(**fields))
    world.see(eth("5"))
    for _ in range(2):
        assert world.see(eth("2")) == ["low firing"]
        assert world.see(eth("5")) == ["low resolved"]
    assert world.see(eth("2")) == ["low firing"]
    assert world.see(eth("5")) == ["low notice"]
    assert world.title.endswith("is flapping: 6 transitions within 1h")
    return world


def test_flapping_is_said_once_and_what_was_told_of_is_resolved_when_it_is_calm() -> None:
    world = flapping()
    for _ in range(5):
        assert world.see(eth("2")) == N
        assert world.see(eth("5")) == N
    world.restart()
    assert world.wait(timedelta(minutes=29, seconds=59)) == N
    assert world.wait(timedelta(seconds=1)) == ["low resolved"]
    assert world.told[-1].message.id == world.told[-3].message.id
    assert len(world.alerts) == 8  # all of it stays in view


def test_what_fires_when_it_has_calmed_down_is_told_then_after_the_end_of_the_one_before() -> None:
    world = flapping(repeat="10m")
    assert world.see(eth("2")) == N
    (alert,) = world.live
    assert alert.held.startswith("flapping since")
    assert world.wait(timedelta(minutes=29)) == N
    assert world.wait(MINUTE) == ["low resolved", "low firing"]
    assert world.fact("Held back").startswith("flapping since")
    assert world.see(eth("5")) == ["low resolved"]  # it counts anew
    assert world.see(eth("2")) == ["low firing"]


def test_slow_changes_and_other_subjects_do_not_flap() -> None:
    world = World(low())
    world.see(eth("5"))
    for _ in range(8):
        assert world.see(eth("2"), after=timedelta(minutes=13)) == ["low firing"]
        assert world.see(eth("5"), after=timedelta(minutes=13)) == ["low resolved"]
    world = World(low(match={}))
    for amount in ("5", "2", "5", "2"):
        world.see(reading(HOT, {ETH: amount, USDC: amount}), reading(SWEEP, {ETH: amount}))
    assert "low notice" not in [f"{each.message.rule} {each.message.kind}" for each in world.told]


def test_alerts_that_edits_of_their_rule_closed_do_not_count_as_flapping() -> None:
    world = World(low())
    world.see(eth("5"))
    for tenth in range(10):
        assert world.see(eth("2")) == ["low firing"]
        world.restart(low(below=f"1.{tenth}1"))
        assert world.see(eth("2")) == ["low withdrawn"]
        world.restart(low(below="3"))


def test_flapping_under_a_silence_is_said_to_nobody() -> None:
    world = World(low())
    world.see(eth("5"))
    world.silence(HOUR, rules=("*",))
    for _ in range(10):
        world.see(eth("2"))
        world.see(eth("5"))
    assert heard(world.told) == []


def test_a_clock_that_is_set_back_holds_nothing_for_years() -> None:
    world = flapping()
    world.now -= timedelta(days=400)
    assert world.see(eth("2")) == ["low resolved", "low firing"]
