"""A unit that changes is told as such, and is no transfer."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.domain.given import BOND, DESK, MINUTE, NOTE, WALLETS, World, reading
from watcher.domain.evaluation.rescaling import RESCALED_RULE
from watcher.domain.model import Account, Reading, Wallet
from watcher.domain.rules import AssetRule, ChangeRule, Rule, RunwayRule, ThresholdRule

N: list[str] = []
TOLD = [f"{RESCALED_RULE} notice"]
OTHER = Account("teos", "teos", "0xdd")
RULES: tuple[Rule, ...] = (
    ChangeRule(id="moved"),
    ChangeRule.model_validate({"id": "slow", "by": "10%", "within": "1h"}),
    ChangeRule.model_validate({"id": "since", "by": "10%", "since": "notified"}),
    AssetRule(id="gone", event="disappears"),
)


def world(*rules: Rule) -> World:
    return World(*(rules or RULES), wallets={**WALLETS, OTHER: Wallet("other", "teos", OTHER.address)})


def counted(amount: str, scale: int, account: Account = DESK) -> Reading:
    return reading(account, {BOND: amount, NOTE: "7"})._replace(scales={BOND: scale, NOTE: 1})


def test_a_new_scale_is_told_once_and_moves_nothing() -> None:
    made = world()
    made.see(counted("25", 1000), counted("4", 1000, OTHER))
    assert made.see(counted("250", 100), counted("40", 100, OTHER)) == [*TOLD, *TOLD]
    ids = [each.id for each in made.told]
    assert len(set(ids)) == 1, "one delivery, however many accounts hold it"
    assert made.title == "BOND: one unit is 100 sparks now; nothing moved"
    assert made.fact("Before") == "1,000 sparks in one unit"
    assert made.states[DESK].amounts[BOND] == 250
    assert made.changes[-2].before is None, "history begins anew"
    assert made.see(counted("250", 100), counted("40", 100, OTHER)) == N


def test_what_moves_besides_is_told_in_the_new_unit() -> None:
    made = world(ChangeRule(id="moved"))
    made.see(counted("25", 1000))
    assert sorted(made.see(counted("240", 100))) == ["moved event", *TOLD]
    facts = {label: text for each in made.told for label, text in each.message.facts if label in ("Moved",)}
    assert facts["Moved"].startswith("\N{MINUS SIGN}10 BOND")
    bonds = [(each.before, each.after) for each in made.changes if each.asset == BOND]
    assert bonds == [(None, Decimal(25)), (None, Decimal(250)), (Decimal(250), Decimal(240))]


@pytest.mark.parametrize(("old", "new"), [(1000, 3), (7, 1000), (3, 7), (10**30, 1)])
def test_a_restated_amount_is_exactly_what_the_source_will_say(old: int, new: int) -> None:
    from watcher.domain.values.decimals import units

    for sparks in (1, 2, 10**25 + 1, 123456789012345678901234567891):
        made = world(ChangeRule(id="moved"))
        made.see(counted(str(units(sparks, old)), old))
        assert made.see(counted(str(units(sparks, new)), new)) == TOLD


def test_rules_that_look_back_begin_anew() -> None:
    made = world()
    made.see(counted("25", 1000))
    assert made.see(counted("24", 1000)) == ["moved event"]
    assert made.see(counted("240", 100)) == TOLD
    assert made.see(counted("239", 100)) == ["moved event"]
    assert made.see(counted("200", 100)) == ["moved event", "slow event", "since event"]


def test_what_moves_besides_is_not_compared_with_the_old_unit() -> None:
    slow, since = RULES[1:3]
    runway = RunwayRule.model_validate({"id": "runway", "shorter_than": "12h", "trailing": "3h"})
    made = world(slow, since, runway)
    for amount in ("270", "260", "250"):
        assert made.see(counted(amount, 100), after=timedelta(minutes=30)) == N
    assert made.see(counted("25", 1000), after=timedelta(minutes=30)) == TOLD, "lasts 25 hours, not 2"
    assert made.see(counted("24.9", 1000), after=timedelta(minutes=1)) == N
    made = world(slow, since)
    made.see(counted("250", 100))
    made.see(counted("245", 100))
    assert made.see(counted("24.4", 1000)) == TOLD, "0.1 moved"
    assert made.see(counted("21.9", 1000)) == ["slow event", "since event"]


def test_a_scale_survives_misses_restarts_and_answers_that_do_not_speak_of_it() -> None:
    made = world()
    made.see(counted("25", 1000))
    made.restart()
    made.see(reading(DESK, {NOTE: "7"})._replace(scales={NOTE: 1}))
    assert made.states[DESK].scales == {BOND: 1000, NOTE: 1}
    assert made.see(counted("250", 100), after=timedelta(days=1)) == TOLD


def test_an_amount_held_in_the_old_unit_confirms_nothing() -> None:
    made = world(ChangeRule(id="moved"))
    made.see(counted("25", 1000))
    assert made.see(counted("0", 1000)) == N
    assert made.states[DESK].held
    assert made.see(counted("0", 100)) == TOLD, "held anew"
    assert made.see(counted("0", 100)) == ["moved event"]


def test_a_level_is_judged_in_the_new_unit() -> None:
    made = world(ThresholdRule.model_validate({"id": "low", "below": "30"}))
    assert "low firing" in made.see(counted("25", 1000))
    assert sorted(made.see(counted("250", 100))) == ["low resolved", *TOLD]


def test_a_first_scale_is_nothing_new() -> None:
    made = world()
    made.see(reading(DESK, {BOND: "25"}))
    assert made.see(counted("25", 1000), after=MINUTE) == N
    assert made.states[DESK].scales[BOND] == 1000
    assert Decimal(25) == made.states[DESK].amounts[BOND]
