"""One comparison for many rules, and one for many assets, says nothing where any rule would have spoken."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.domain.given import DESK, ETH, HOT, SWEEP, USDC, World, failed, reading
from watcher.domain.decision import Snapshot
from watcher.domain.evaluation.fast_path import calm_check, patience
from watcher.domain.model import Asset, Outcome, Quarantined
from watcher.domain.records import replace
from watcher.domain.rules import NoDataRule, Rule, ThresholdRule
from watcher.domain.values.verdict import Answer

DAI = Asset("ethereum", "0x6b17")


def rule(identity: str, **fields: Any) -> Rule:
    return ThresholdRule.model_validate({"id": identity, **fields})


class Thorough(World):
    """Looks at every asset every time."""

    def past(self) -> Snapshot:
        return replace(super().past(), names=None)


RULES: tuple[tuple[Rule, ...], ...] = (
    (rule("low", below="5"), rule("worth", metric="value_usd", below="6", clear_above="8")),
    (
        rule("eth", match={"assets": ["ETH"]}, below="5", reads=2),
        rule("much", metric="value_usd", above="20"),
    ),
    (rule("usdc", match={"assets": ["USDC"]}, metric="price_usd", below="1"), rule("low", below="2")),
    (rule("both", all=[{"below": "5"}, {"metric": "value_usd", "above": "6"}], **{"for": "2m"}),),
    (rule("band", above="9", clear_below="7"), rule("eth", match={"assets": ["E*"]}, below="4")),
)
NUMBERS = st.sampled_from(["0", "1", "3", "4.5", "5", "6", "8", "10"])


@st.composite
def answers(draw: st.DrawFn) -> Outcome:
    held = draw(st.dictionaries(st.sampled_from([ETH, USDC, DAI]), NUMBERS))
    prices = {
        asset: draw(st.sampled_from(["0.5", "1", "1.01", "2"])) for asset in held if draw(st.booleans())
    }
    names = {ETH: "ETH", USDC: draw(st.sampled_from(["USDC", "USDC", "ETH"])), DAI: "DAI"}
    unclear = [asset for asset in (ETH, USDC) if asset not in held and not draw(st.integers(0, 3))]
    return reading(HOT, held, prices, symbols=names, unclear=unclear)


@settings(max_examples=150)
@given(st.sampled_from(RULES), st.lists(answers(), min_size=2, max_size=12))
def test_a_glance_changes_nothing_that_is_told(rules: tuple[Rule, ...], seen: list[Outcome]) -> None:
    quick, thorough = World(*rules), Thorough(*rules)
    for outcome in seen:
        same = [world.see(outcome, after=timedelta(minutes=1)) for world in (quick, thorough)]
        assert same[0] == same[1]
        assert quick.alerts == thorough.alerts
        assert quick.states == thorough.states


def calm(world: World) -> bool:
    """Whether one glance was enough for the last answer."""
    state = world.states[HOT]
    path = world.memo.fast_path(state, world.past())
    return path is not None and path.calm


def test_amounts_that_stay_are_judged_anew_when_a_price_falls() -> None:
    world = World(rule("worth", metric="value_usd", below="5"))
    held = {ETH: "10", USDC: "10"}
    for _ in range(3):
        assert world.see(reading(HOT, held, {ETH: "2", USDC: "1"})) == []
    assert calm(world)
    assert world.see(reading(HOT, held, {ETH: "2", USDC: "0.4"})) == ["worth firing"]


def test_a_value_that_loses_its_price_is_unknown_and_not_zero() -> None:
    world = World(rule("worth", metric="value_usd", below="5"))
    world.see(reading(HOT, {ETH: "10", USDC: "10"}, {ETH: "2", USDC: "1"}))
    for _ in range(3):
        assert world.see(reading(HOT, {ETH: "10", USDC: "10"}, {ETH: "2"})) == []
    assert world.see(reading(HOT, {ETH: "10", USDC: "10"}, {ETH: "0.3"})) == ["worth firing"]


def test_readings_are_counted_once_a_level_is_crossed() -> None:
    world = World(rule("low", below="5", reads=3))
    world.see(reading(HOT, {ETH: "10"}))
    world.see(reading(HOT, {ETH: "10"}))
    same = reading(HOT, {ETH: "4"})  # one mapping, as a source gives it where nothing moved
    assert [world.see(same) for _ in range(3)] == [[], [], ["low firing"]]


def test_a_new_name_brings_an_asset_under_a_rule_though_nothing_moved() -> None:
    world = World(rule("low", match={"assets": ["GAS"]}, below="5"))
    held = {ETH: "3", USDC: "3"}
    for _ in range(3):
        assert world.see(reading(HOT, held)) == []
    assert world.see(reading(HOT, held, symbols={ETH: "GAS", USDC: "USDC"})) == ["low firing"]
    assert world.see(reading(HOT, held, symbols={ETH: "GAS", USDC: "GAS"})) == ["low firing"]


def test_what_leaves_quarantine_is_looked_at() -> None:
    world = World(rule("low", below="5"))
    held = {ETH: "10", USDC: "3"}
    world.see(reading(HOT, {ETH: "10"}))
    world.see(reading(HOT, {ETH: "10"}))
    world.states[HOT] = world.states[HOT]._replace(quarantined={USDC: Quarantined(world.now, "spam", by="x")})
    for _ in range(3):
        assert world.see(reading(HOT, held)) == []
    world.states[HOT] = world.states[HOT]._replace(quarantined={})
    assert world.see(reading(HOT, held)) == ["low firing"]


LEVELS = st.integers(0, 6).map(lambda number: Decimal(number) / 2)


@st.composite
def thresholds(draw: st.DrawFn) -> ThresholdRule:
    def condition() -> dict[str, Any]:
        metric = draw(st.sampled_from(["amount", "value_usd", "price_usd"]))
        return {"metric": metric, draw(st.sampled_from(["below", "above"])): str(draw(LEVELS))}

    fields = condition() if draw(st.integers(0, 4)) else {"any": [condition(), condition()]}
    return ThresholdRule.model_validate({"id": "r", **fields})


@given(st.lists(thresholds(), max_size=8), LEVELS, st.none() | LEVELS)
def test_all_are_calm_if_none_is_met(
    rules: list[ThresholdRule], amount: Decimal, price: Decimal | None
) -> None:
    calm = calm_check([(rule, rule.unmet()) for rule in rules])(amount, price)
    answers = [rule.answer(amount, price, firing=False) for rule in rules]
    if Answer.MET in answers:
        assert not calm
    if all(answer is Answer.NOT_MET for answer in answers):
        assert calm


def silent(hours: int) -> NoDataRule:
    return NoDataRule.model_validate({"id": f"silent-{hours}", "longer_than": f"{hours}h"})


def test_the_least_patient_rule_decides_when_silence_is_looked_at() -> None:
    assert patience([]) is None
    assert patience([silent(3), silent(2)]) == timedelta(hours=2)
    world = World(silent(3), silent(2))
    world.see(reading(HOT, {ETH: "1"}))
    world.see(failed(HOT), after=timedelta(minutes=119))
    assert world.see(failed(HOT), after=timedelta(minutes=2)) == ["silent-2 firing"]
    assert world.see(failed(HOT), after=timedelta(hours=1)) == ["silent-3 firing"]
    assert world.see(reading(HOT, {ETH: "1"})) == ["silent-3 resolved", "silent-2 resolved"]


def test_what_is_kept_of_accounts_is_bounded_and_found_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watcher.domain.evaluation.memo.MOST_ACCOUNTS", 1)
    world = World(rule("low", below="5"))
    for amount, told in (("10", []), ("4", ["low firing"]), ("10", ["low resolved"])):
        for account in (HOT, DESK, SWEEP):
            assert world.see(reading(account, {ETH: amount})) == told
            assert len(world.memo._concerned) <= 2


def test_assets_that_the_same_rules_select_share_what_is_found_of_these() -> None:
    world = World(rule("low", below="5"), rule("eth", match={"assets": ["ETH"]}, below="4"))
    chosen = world.memo.by(world.rules).of(HOT)
    eth, usdc, dai = (chosen.pick(*each) for each in ((ETH, "ETH"), (USDC, "USDC"), (DAI, "DAI")))
    assert usdc.levels is dai.levels
    assert usdc.calm is dai.calm
    assert [len(each.levels) for each in (eth, usdc)] == [2, 1]
    assert (usdc.symbol, dai.symbol) == ("USDC", "DAI")
