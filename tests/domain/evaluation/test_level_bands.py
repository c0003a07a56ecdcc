"""One comparison for many rules says what each of them says."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.domain.given import ETH, HOT, World, failed, reading
from watcher.domain.evaluation.fast_path import calm_check, patience
from watcher.domain.rules import NoDataRule, ThresholdRule
from watcher.domain.values.verdict import Answer

NUMBERS = st.integers(0, 6).map(lambda number: Decimal(number) / 2)


@st.composite
def thresholds(draw: st.DrawFn) -> ThresholdRule:
    def condition() -> dict[str, Any]:
        metric = draw(st.sampled_from(["amount", "value_usd", "price_usd"]))
        return {"metric": metric, draw(st.sampled_from(["below", "above"])): str(draw(NUMBERS))}

    fields = condition() if draw(st.integers(0, 4)) else {"any": [condition(), condition()]}
    return ThresholdRule.model_validate({"id": "r", **fields})


@given(st.lists(thresholds(), max_size=8), NUMBERS, st.none() | NUMBERS)
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
