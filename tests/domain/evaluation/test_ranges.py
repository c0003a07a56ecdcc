"""What has no price now blinds nothing that it cannot decide: rules are judged at both ends of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.given import BOND, DESK, ETH, HOT, Stored, World, reading
from watcher.domain.model import Asset
from watcher.domain.rules import RatioRule, Rule, ThresholdRule, Total
from watcher.domain.rules.conditions import Condition
from watcher.domain.values.ranges import Range
from watcher.domain.values.verdict import Answer

OLD = Asset("ethereum", "0x01d")
F, R = ["total firing"], ["total resolved"]
N: list[str] = []


@pytest.fixture(params=[(0, World), (1000, Stored)], ids=["kept", "made each time"])
def world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type[World]:
    few, kind = request.param
    monkeypatch.setattr("watcher.domain.aggregates.total.FEW", few)
    made: type[World] = kind
    return made


def total(**fields: Any) -> ThresholdRule:
    fields = {"metric": "value_usd", "per": "wallet", "match": {"wallets": ["hot"]}, **fields}
    return ThresholdRule.model_validate({"id": "total", **fields})


def holds(eth: str, old: str | None = "100", price: str | None = None) -> Any:
    amounts = {ETH: eth} | ({OLD: old} if old else {})
    prices = {ETH: "2000"} | ({OLD: price} if price else {})
    return reading(HOT, amounts, prices, symbols={ETH: "ETH", OLD: "OLD"})


def priced(world: type[World], rule: Rule) -> World:
    """10 ETH and 100 OLD at $0.50; then OLD has no price any more."""
    there = world(rule)
    there.see(holds("10", price="0.5"))
    there.see(holds("10"))
    return there


def test_a_drain_is_told_though_a_small_part_has_no_price(world: type[World]) -> None:
    there = priced(world, total(below="5000"))
    assert there.told == []
    assert there.see(holds("0.05")) == F
    assert "at most $600.00 is below $5,000.00; OLD at its last price $0.50 divided" in there.fact("Because")
    assert "no price since 2026-03-01 12:02:00 UTC" in there.fact("Because")
    assert there.fact("Value") == "from $105.00 to $600.00"


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({"below": "20500.01"}, "met"),
        ({"below": "20500"}, "unknown"),  # at ten times its price the sum is just not below
        ({"below": "20005"}, "not met"),
        ({"below": "20005.01"}, "unknown"),
        ({"above": "20004.99"}, "met"),
        ({"above": "20005"}, "unknown"),
        ({"above": "20500"}, "not met"),
        ({"above": "20499.99"}, "unknown"),
    ],
)
def test_a_sum_is_decided_where_both_ends_say_the_same(
    world: type[World], fields: dict[str, str], answer: str
) -> None:
    rule = total(**fields)
    there = world(rule)
    there.see(holds("10", price="0.5"))
    there.see(holds("10"))
    (found,) = totals_of(there)
    assert rule.answer_sums((found,), firing=False) is Answer(answer)
    assert rule.judge_sums((found,), firing=False).answer is Answer(answer)


def totals_of(there: World) -> list[Total]:
    from watcher.domain.aggregates.contributions import View

    view = View(there.past(), there.now, there.symbols, {}, {}, {})
    there.memo.under(there.rules, view.past).sums.look(view)
    return [each.total(view) for summed in there.memo.sums.by_key.values() for each in summed.sums]


def test_while_it_fires_the_clear_level_is_held_against_both_ends(world: type[World]) -> None:
    there = world(total(below="5000", clear_above="9000"))
    there.see(holds("1", price="0.5"))
    there.see(holds("1"))
    assert [each.message.rule for each in there.told] == ["total"]
    assert there.see(holds("4.4")) == N  # from $8,805 to $9,300: not sure to be above
    assert there.see(holds("4.5")) == R  # at least $9,005
    assert "at least $9,005.00 is above $9,000.00; OLD at its last price" in there.fact("Because")


def test_what_never_had_a_price_may_be_worth_anything_from_nothing_up(world: type[World]) -> None:
    there = world(total(above="5000"))
    assert there.see(holds("3")) == F  # the rest alone is above
    assert "at least $6,000.00 is above $5,000.00; OLD never had a price" in there.fact("Because")
    assert there.see(holds("2")) == N  # it may be below by now, or not
    there = world(total(below="5000"))
    assert there.see(holds("2")) == N
    assert [alert.rule for alert in there.live] == ["watcher.blind.total"]
    assert there.see(holds("2", None), holds("2", price="1")) == F


def test_what_never_had_a_price_does_not_keep_an_alert_that_the_rest_has_ended(world: type[World]) -> None:
    there = world(total(below="5000"))
    there.see(holds("2", None))
    assert [each.message.rule for each in there.told] == ["total"]
    assert there.see(holds("3")) == R
    assert "at least $6,000.00 is not below $5,000.00" in there.fact("Because")


def test_one_asset_is_judged_by_its_last_price_while_it_has_none() -> None:
    there = World(
        ThresholdRule(id="total", metric="value_usd", below=Decimal(5000), match={"assets": ["ETH"]})  # type: ignore[arg-type]
    )
    there.see(reading(HOT, {ETH: "10"}, {ETH: "2000"}))
    assert there.see(reading(HOT, {ETH: "10"})) == N
    assert there.see(reading(HOT, {ETH: "2"})) == N  # from $400 to $40,000
    assert there.see(reading(HOT, {ETH: "0.05"})) == F
    assert "at most $1,000.00 is below $5,000.00; ETH at its last price" in there.fact("Because")
    assert there.see(reading(HOT, {ETH: "30"})) == R  # at least $6,000
    there = World(ThresholdRule(id="total", metric="price_usd", above=Decimal(30000)))
    there.see(reading(HOT, {ETH: "10"}, {ETH: "40000"}))
    assert there.live
    assert there.see(reading(HOT, {ETH: "10"})) == N


@pytest.mark.parametrize(
    ("reserve", "answer"),
    [("1.1", "not met"), ("0.9", "unknown"), ("0.09", "met")],
)
def test_a_ratio_is_decided_where_both_ends_say_the_same(reserve: str, answer: str) -> None:
    rule = RatioRule.model_validate(
        {
            "id": "cover",
            "of": {"match": {"assets": ["ETH", "OLD"], "wallets": ["hot"]}},
            "to": {"match": {"assets": ["BOND"], "wallets": ["desk"]}, "metric": "amount"},
            "below": "1",
        }
    )
    there = World(rule)
    symbols = {ETH: "ETH", OLD: "OLD", BOND: "BOND"}
    there.see(reading(DESK, {BOND: "2000"}, symbols=symbols))
    there.see(reading(HOT, {ETH: reserve, OLD: "100"}, {ETH: "2000", OLD: "1"}, symbols=symbols))
    there.see(reading(HOT, {ETH: reserve, OLD: "100"}, {ETH: "2000"}, symbols=symbols))
    found = tuple(totals_of(there))
    assert rule.answer_sums(found, firing=False) is Answer(answer)
    verdict = rule.judge_sums(found, firing=False)
    assert verdict.answer is Answer(answer)
    if answer == "unknown":
        assert "the price of OLD on ethereum is in doubt" in verdict.because
    else:
        assert "OLD at its last price $1.00 divided and multiplied by 10" in verdict.because


def test_a_whole_that_may_be_anything_decides_where_the_known_of_it_does() -> None:
    rule = RatioRule.model_validate(
        {"id": "r", "of": {"match": {"assets": ["SOL"]}}, "to": {"match": {"assets": ["ETH"]}}, "below": "1"}
    )
    of, whole = Total(None, Decimal(5)), Range(Decimal(6), None, "X never had a price")
    to = Total(None, None, value_between=whole)
    assert rule.answer_sums((of, to), firing=False) is Answer.MET
    assert rule.judge_sums((of, to), firing=False).because.endswith("is below 1; X never had a price")
    nothing = Total(None, None, value_between=Range(Decimal(0), None, "X never had a price"))
    assert rule.answer_sums((of, nothing), firing=False) is Answer.UNKNOWN
    assert rule.judge_sums((of, nothing), firing=False).answer is Answer.UNKNOWN


AMOUNT = st.decimals(0, 1000, places=3)
PRICE = st.decimals(Decimal("0.01"), 1000, places=2)


@given(
    eth=AMOUNT, old=AMOUNT, last=PRICE, factor=st.decimals(Decimal("0.1"), 10, places=3),
    level=st.decimals(1, 100_000, places=2), side=st.sampled_from(["below", "above"]), firing=st.booleans(),
    band=st.decimals(0, 500, places=2),
)  # fmt: skip
def test_what_is_decided_at_both_ends_is_so_at_every_price_between(
    eth: Decimal, old: Decimal, last: Decimal, factor: Decimal, level: Decimal, side: str, firing: bool,
    band: Decimal,
) -> None:  # fmt: skip
    clear = {"clear_above": level + band} if side == "below" else {"clear_below": level - band}
    rule = total(**{side: level}, **clear)
    rest, one = eth * 2000, old * last
    between = Range(rest + one / 10, rest + one * 10, "assumed")
    answer = rule.answer_sums((Total(None, None, value_between=between),), firing=firing)
    true = rule.answer_sums((Total(None, rest + one * factor),), firing=firing)
    assert answer in (true, Answer.UNKNOWN)
    if not one:
        assert answer is true


def test_an_amount_is_known_whatever_is_known_of_its_price() -> None:
    condition = Condition(metric="amount", below=Decimal(3))
    for price in (None, Range(Decimal(1), None, "it never had a price")):
        assert condition.between(Decimal(2), price) == Range(Decimal(2), Decimal(2))
