"""Whatever comes, in whatever order: what a channel can never be told about an alert."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.domain.given import ETH, HOT, SWEEP, World, failed, omitted, reading
from watcher.domain.messages.delivery import Delivery, DeliveryState
from watcher.domain.messages.message import Kind
from watcher.domain.rules import NoDataRule, Rule, ThresholdRule

MODEST = settings(max_examples=60)
ETHER = {"assets": ["ETH"]}
FIRST = {
    "low": timedelta(minutes=30), "slow": timedelta(minutes=20), "high": timedelta(days=999),
    "silent": timedelta(minutes=45),
}  # fmt: skip
"""The shortest wait before a repeat."""


def rules(notify: list[str]) -> tuple[Rule, ...]:
    common: dict[str, Any] = {"match": ETHER, "notify": notify}
    grow = {"every": "20m", "grow": 1.5, "up_to": "2h"}
    escalate = {"after": "25m", "notify": ["phone"]}
    return (
        ThresholdRule.model_validate(
            {"id": "low", "below": "3", "clear_above": "5", "repeat": "30m", "escalate": escalate, **common}
        ),
        ThresholdRule.model_validate(
            {
                "id": "slow", "below": "4", "for": "20m", "reads": 2, "repeat": grow,
                "keep_firing_for": "15m", "inhibited_by": ["low", "silent"], **common,
            }
        ),
        ThresholdRule.model_validate({"id": "high", "above": "6", "inhibited_by": ["slow"], **common}),
        NoDataRule.model_validate({"id": "silent", "longer_than": "40m", "repeat": "45m", "notify": notify}),
    )  # fmt: skip


ACCOUNTS = st.sampled_from([HOT, SWEEP])
SEEN = st.one_of(
    st.builds(lambda account, amount: reading(account, {ETH: str(amount)}), ACCOUNTS, st.integers(0, 8)),
    ACCOUNTS.map(failed),
    ACCOUNTS.map(omitted),
)
DEEDS = st.sampled_from(
    ["wait", "wait", "restart", "ack", "silence low", "silence hot", "silence all", "expire", "notify"]
)
MINUTES = st.one_of(st.integers(1, 3), st.integers(1, 25))
STEPS = st.lists(st.tuples(MINUTES, st.one_of(SEEN, SEEN, DEEDS)), max_size=60)


def play(world: World, step: Any, minutes: int, notify: list[str]) -> None:
    after = timedelta(minutes=minutes)
    if not isinstance(step, str):
        world.see(step, after=after)
        return
    world.now += timedelta(seconds=1)
    if step == "wait":
        world.wait(after)
    elif step == "ack":
        world.acknowledge()
    elif step == "expire":
        world.silences.clear()
    elif step == "notify":
        notify.reverse()
        world.restart(*rules(notify[:1]))
    elif step == "restart":
        world.restart(after=after)
    else:
        globs = {"low": {"rules": ("low",)}, "hot": {"wallets": ("hot",)}, "all": {"rules": ("*",)}}
        world.silence(4 * after, **globs[step.split()[1]])


def told(world: World) -> list[Delivery]:
    return [each for each in world.told if each.state is DeliveryState.PENDING]


@MODEST
@given(STEPS)
def test_no_channel_hears_an_end_without_a_beginning_two_beginnings_or_a_repeat_too_early(
    steps: list[tuple[int, Any]],
) -> None:
    notify = ["ops", "mail"]
    world = World(*rules(["ops"]), channels=("ops", "mail", "phone"))
    for minutes, step in steps:
        play(world, step, minutes, notify)
    last: dict[str, Any] = {}
    open_alerts: dict[tuple[str, str], str] = {}
    ended: set[str] = set()
    heard: dict[str, set[str]] = {}
    for each in told(world):
        message = each.message
        if message.rule not in FIRST or message.kind is Kind.NOTICE:
            continue
        key = (message.rule, message.subject)
        assert message.id not in ended or message.kind is Kind.RESOLVED, "told of what is over"
        if message.kind is Kind.FIRING:
            assert open_alerts.setdefault(key, message.id) == message.id, "two firings at once"
            assert each.channel not in heard.get(message.id, ()), "two beginnings"
        elif message.kind is Kind.RESOLVED:
            assert each.channel in heard[message.id], "an end without a beginning"
            heard[message.id].discard(each.channel)
            ended.add(message.id)
            if open_alerts.get(key) == message.id:
                del open_alerts[key]
        elif message.kind is Kind.REPEAT:
            assert message.id in heard, "a repeat of what was never told"
            early = message.at - last[message.id]
            assert not early or early >= FIRST[message.rule], "a repeat before its time"
        if message.kind is not Kind.RESOLVED:
            heard.setdefault(message.id, set()).add(each.channel)
        if message.kind in (Kind.FIRING, Kind.REPEAT):
            last[message.id] = message.at
    # Who heard of a beginning and of no end yet: it still fires, or its end is owed.
    waiting = {alert.id for alert in world.alerts.values() if alert.live or alert.owing}
    assert {identity for identity, channels in heard.items() if channels} <= waiting


@MODEST
@given(STEPS)
def test_when_nothing_holds_it_back_everybody_has_been_told_what_fires_and_what_is_over(
    steps: list[tuple[int, Any]],
) -> None:
    world = World(*rules(["ops"]), channels=("ops", "phone"))
    for minutes, step in steps:
        if step != "notify":
            play(world, step, minutes, ["ops", "ops"])
    world.silences.clear()
    world.wait(timedelta(minutes=31))  # whatever flapped is calm
    world.wait(timedelta(seconds=15))
    assert not [alert for alert in world.alerts.values() if alert.owing]
    said = {each.message.id for each in told(world)}
    for alert in world.live:
        if alert.fired_at is not None:
            assert alert.held.startswith("inhibited") or alert.id in said
            assert bool(alert.held) == (alert.owed is not None) or alert.id in said


@MODEST
@given(STEPS)
def test_what_was_acknowledged_is_never_repeated_or_escalated(steps: list[tuple[int, Any]]) -> None:
    world = World(*rules(["ops"]), channels=("ops", "phone"))
    for minutes, step in steps:
        acknowledged = {alert.id for alert in world.live if alert.acknowledged}
        before = len(world.told)
        if step != "notify":
            play(world, step, minutes, ["ops", "ops"])
        for each in world.told[before:]:
            nagging = each.message.kind in (Kind.REPEAT, Kind.ESCALATION)
            assert not (nagging and each.message.id in acknowledged)
