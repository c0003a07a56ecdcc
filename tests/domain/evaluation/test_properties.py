"""Whatever comes, in whatever order: what can never be told."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.domain.given import ETH, HOT, SOL, START, SWEEP, USDC, World, failed, omitted, reading
from watcher.domain.evaluation.builtin_notices import UNREPORTED_RULE
from watcher.domain.messages.message import Kind
from watcher.domain.model import Account, Asset, Miss, Reading
from watcher.domain.rules import AssetRule, ChangeRule, NoDataRule, Rule, ThresholdRule

MODEST = settings(max_examples=60)
REPEAT = timedelta(minutes=30)

LEVELS: tuple[Rule, ...] = (
    ThresholdRule.model_validate({"id": "low", "below": "3", "clear_above": "5", "repeat": "30m"}),
    ThresholdRule.model_validate({"id": "slow", "above": "4", "for": "20m", "reads": 2, "repeat": "30m"}),
    ThresholdRule.model_validate({"id": "worth", "metric": "value_usd", "below": "6", "repeat": "30m"}),
    NoDataRule.model_validate({"id": "silent", "longer_than": "40m", "repeat": "30m"}),
)
EVENTS: tuple[Rule, ...] = (
    ChangeRule(id="moved"),
    AssetRule(id="new", event="appears"),
    AssetRule(id="gone", event="disappears"),
)

AMOUNTS = st.dictionaries(st.sampled_from([ETH, USDC]), st.integers(0, 8).map(str))
ACCOUNTS = st.sampled_from([HOT, SWEEP])


@st.composite
def outcomes(draw: st.DrawFn) -> Reading | Miss:
    account: Account = draw(ACCOUNTS)
    kind = draw(st.sampled_from(["read", "read", "read", "partial", "failed", "omitted"]))
    if kind in ("failed", "omitted"):
        return failed(account) if kind == "failed" else omitted(account)
    amounts = draw(AMOUNTS)
    prices = draw(st.dictionaries(st.sampled_from([ETH, USDC]), st.integers(0, 3).map(str)))
    unclear = draw(st.sets(st.sampled_from([ETH, USDC]))) - amounts.keys()
    if kind == "partial":
        return reading(account, amounts, prices, complete=[], unclear=unclear)
    return reading(account, amounts, prices, unclear=unclear)


STEPS = st.lists(
    st.tuples(st.integers(1, 25), st.one_of(outcomes(), st.sampled_from(["wait", "restart"]))), max_size=40
)


def play(world: World, step: Any, minutes: int) -> None:
    after = timedelta(minutes=minutes)
    if step == "wait":
        world.wait(after)
    elif step == "restart":
        world.restart(after=after)
    else:
        world.see(step, after=after)


@MODEST
@given(STEPS)
def test_firing_and_resolved_alternate_and_no_repeat_comes_early(steps: list[tuple[int, Any]]) -> None:
    world = World(*LEVELS)
    for minutes, step in steps:
        play(world, step, minutes)
    firing: dict[tuple[str, str], str] = {}
    told_at: dict[tuple[str, str], datetime] = {}
    for message in (each.message for each in world.told):
        key = (message.rule, message.subject)
        if message.kind is Kind.FIRING:
            assert key not in firing, "two firings without a resolved between"
            firing[key] = message.id
        elif message.kind is Kind.REPEAT:
            assert firing[key] == message.id, "a repeat of what does not fire"
            assert message.at - told_at[key] >= REPEAT, "a repeat before its time"
        elif message.kind is Kind.NOTICE:
            assert "flapping" in message.title
            continue
        else:
            assert message.kind is Kind.RESOLVED
            assert firing.pop(key) == message.id, "a resolved without a firing"
        told_at[key] = message.at
    known = {alert.id for alert in world.alerts.values() if alert.owing or (alert.live and alert.fired_at)}
    assert set(firing.values()) <= known
    assert all(alert.owed for alert in world.live if alert.fired_at and alert.id not in firing.values())


@MODEST
@given(STEPS)
def test_no_two_deliveries_and_no_two_alerts_share_an_id(steps: list[tuple[int, Any]]) -> None:
    world = World(*LEVELS, *EVENTS)
    for minutes, step in steps:
        play(world, step, minutes)
        assert not [
            each for each, count in Counter(alert.id for alert in world.last.alerts).items() if count > 1
        ]
    assert not [each for each, count in Counter(each.id for each in world.told).items() if count > 1]
    assert len({(alert.rule, alert.subject) for alert in world.live}) == len(world.live)


HELD: dict[Asset, str] = {ETH: "5", USDC: "7", SOL: "9"}
ONLY = st.sets(st.sampled_from(sorted(HELD)))


@st.composite
def honest_but_bad(draw: st.DrawFn) -> Reading | Miss:
    """An answer that leaves out or spoils what it will, and changes no amount that it states."""
    kind = draw(st.sampled_from(["failed", "omitted", "partial", "unclear", "whole"]))
    if kind in ("failed", "omitted"):
        return failed(SWEEP) if kind == "failed" else omitted(SWEEP)
    if kind == "whole":
        return reading(SWEEP, HELD)
    kept = draw(ONLY)
    if kind == "partial":
        return reading(SWEEP, {asset: HELD[asset] for asset in kept}, complete=[])
    # Complete on the chains that it names; what it spoils there, it names as unclear.
    chains = draw(st.sets(st.sampled_from(["ethereum", "solana"])))
    spoiled = {asset for asset in HELD if asset not in kept}
    amounts = {asset: HELD[asset] for asset in kept if asset.chain in chains}
    return reading(SWEEP, amounts, complete=chains, unclear=spoiled)


@MODEST
@given(st.lists(honest_but_bad(), max_size=25), st.booleans())
def test_no_miss_omission_or_partial_answer_ever_looks_like_a_change(bad: list[Any], restarts: bool) -> None:
    level = ThresholdRule.model_validate({"id": "low", "below": "5"})
    world = World(level, *EVENTS)
    for outcome in bad:
        world.see(outcome)
        if restarts:
            world.restart()
    assert [each for each in world.told if each.message.rule != UNREPORTED_RULE] == []
    assert all(change.before is None for change in world.changes)
    known = world.states[SWEEP].amounts if bad else {}
    assert all(str(amount) == HELD[asset] for asset, amount in known.items())


@MODEST
@given(st.lists(outcomes(), max_size=30))
def test_changes_form_an_unbroken_chain_and_lead_to_what_is_known(seen: list[Any]) -> None:
    world = World()
    for outcome in seen:
        world.see(outcome)
    known: dict[tuple[Account, Asset], Any] = {}
    for change in world.changes:
        before = known.get((change.account, change.asset))
        assert change.before == before or (before is None and change.before == 0)
        assert change.before_at is None or START <= change.before_at < change.after_at
        known[change.account, change.asset] = change.after
    amounts = {
        (a, asset): amount for a, state in world.states.items() for asset, amount in state.amounts.items()
    }
    assert amounts == known
