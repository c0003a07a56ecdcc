"""What nobody asked for is kept and listed, and no rule sees it until it is let in."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from tests.domain.given import BOND, DESK, ETH, HOT, SWEEP, WALLETS, World, reading
from watcher.domain.evaluation.quarantine import BELIEVED_AFTER
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Asset, Quarantined
from watcher.domain.readings.asset_policies import AssetEntry, Policies
from watcher.domain.rules import AssetRule, ChangeRule, Rule, ThresholdRule

N: list[str] = []
SPAM, REAL = Asset("ethereum", "0x" + "5" * 40), Asset("ethereum", "0x" + "a" * 40)
SYMBOLS = {ETH: "ETH", SPAM: "claim-at.example", REAL: "REAL", BOND: "BOND"}
ALL: tuple[Rule, ...] = (
    ChangeRule(id="moved"),
    AssetRule(id="new", event="appears"),
    AssetRule(id="gone", event="disappears"),
    ThresholdRule.model_validate({"id": "few", "below": "3"}),
)


def world(*rules: Rule, entries: tuple[dict[str, Any], ...] = ()) -> World:
    made = World(*(rules or ALL))
    policies = Policies([AssetEntry.model_validate(entry) for entry in entries])
    made.rules = Rules(rules or ALL, WALLETS, ("ops",), policies)
    return made


def see(made: World, amounts: dict[Asset, str], prices: dict[Asset, str] | None = None) -> list[str]:
    return made.see(reading(HOT, amounts, {ETH: "2000", **(prices or {})}, symbols=SYMBOLS))


def begun(*rules: Rule, entries: tuple[dict[str, Any], ...] = ()) -> World:
    made = world(*rules, entries=entries)
    assert see(made, {ETH: "5"}) == N
    return made


def test_a_wallet_with_fifty_airdropped_tokens_is_quiet() -> None:
    spam = {Asset("ethereum", f"0x{number:040x}"): "1" for number in range(50)}
    made = world()
    assert see(made, {ETH: "5", **spam}) == N
    later = {Asset("ethereum", f"0x{number:040x}"): "2" for number in range(100)}
    dust = dict.fromkeys(list(later)[60:80], "0.01")
    assert see(made, {ETH: "5", **later}, dust) == N
    assert see(made, {ETH: "5"}) == N
    assert see(made, {ETH: "5"}) == N, "gone again"
    assert len(made.states[HOT].quarantined) == 100
    assert len(made.changes) == 51 + 50 + 50 + 100, "history has it all"
    assert see(made, {ETH: "4"}) == ["moved event"]


def test_a_real_new_token_with_value_is_told() -> None:
    made = begun()
    assert see(made, {ETH: "5", REAL: "100"}, {REAL: "1"}) == ["moved event", "new event"]
    assert not made.states[HOT].quarantined


@pytest.mark.parametrize(
    ("price", "reason"), [(None, "it has no price"), ("0.5", "worth $0.50, less than $1.00")]
)
def test_why_a_token_waits_is_said(price: str | None, reason: str) -> None:
    made = begun()
    assert see(made, {ETH: "5", SPAM: "1"}, {SPAM: price} if price else None) == N
    assert made.states[HOT].quarantined == {SPAM: Quarantined(made.now, reason)}


def test_a_token_that_comes_to_be_worth_something_is_told_as_what_arrived() -> None:
    made = begun()
    assert see(made, {ETH: "5", REAL: "0.5"}, {REAL: "1"}) == N
    assert see(made, {ETH: "5", REAL: "0.5"}, {REAL: "1"}) == N
    assert see(made, {ETH: "5", REAL: "900.5"}, {REAL: "1"}) == ["moved event", "new event"]
    assert (made.fact("Before"), made.fact("After")) == ("0 REAL", "900.5 REAL")
    assert made.changes[-1].before == Decimal("0.5"), "history keeps what happened"
    assert see(made, {ETH: "5", REAL: "901"}, {REAL: "1"}) == ["moved event"]


def test_a_token_that_gets_a_price_later_is_told_then() -> None:
    made = begun()
    see(made, {ETH: "5", REAL: "500"})
    assert see(made, {ETH: "5", REAL: "500"}, {REAL: "1"}) == ["moved event", "new event"]
    assert see(made, {ETH: "5", REAL: "500"}, {REAL: "1"}) == N


def test_what_was_there_at_first_sight_is_let_in_without_a_word() -> None:
    made = world()
    assert see(made, {ETH: "5", REAL: "500"}) == N
    assert made.states[HOT].quarantined[REAL].baseline
    assert see(made, {ETH: "5", REAL: "500"}, {REAL: "1"}) == N
    assert see(made, {ETH: "5", REAL: "600"}, {REAL: "1"}) == ["moved event"]
    assert made.fact("Before") == "500 REAL"


def test_what_was_let_in_stays_in_whatever_its_price_does() -> None:
    made = begun()
    see(made, {ETH: "5", REAL: "100"}, {REAL: "1"})
    assert see(made, {ETH: "5", REAL: "90"}) == ["moved event"]
    assert see(made, {ETH: "5", REAL: "2"}, {REAL: "0.2"}) == ["moved event", "few firing"]
    see(made, {ETH: "5"})
    assert see(made, {ETH: "5"}) == ["moved event", "gone event"]
    assert see(made, {ETH: "5", REAL: "7"})[:2] == ["moved event", "new event"], "it was here before"


@pytest.mark.parametrize(
    "known",
    [
        {"rules": (ChangeRule.model_validate({"id": "moved", "match": {"assets": [SPAM.token.upper()]}}),)},
        {"entries": ({"match": {"assets": [SPAM.token]}, "allow": True},)},
        {"entries": ({"match": {"wallets": ["hot"]}, "floor_usd": "0"},)},
    ],
)
def test_a_contract_that_is_named_never_waits(known: dict[str, Any]) -> None:
    made = begun(*known.get("rules", ()), entries=known.get("entries", ()))
    assert "moved event" in see(made, {ETH: "5", SPAM: "1"})


def test_a_symbol_speaks_for_a_token_only_on_first_sight() -> None:
    named = ChangeRule.model_validate({"id": "moved", "match": {"assets": ["REAL", "claim-at.example"]}})
    made = world(named)
    see(made, {ETH: "5", REAL: "5"})
    assert see(made, {ETH: "5", REAL: "6"}) == ["moved event"]
    assert see(made, {ETH: "5", REAL: "6", SPAM: "1000000"}) == N


def test_editing_a_rule_to_name_what_waits_lets_it_in() -> None:
    made = begun()
    see(made, {ETH: "5", SPAM: "9"})
    low = ThresholdRule.model_validate({"id": "low", "below": "3", "match": {"assets": [SPAM.token]}})
    made.rules = Rules((low,), WALLETS, ("ops",), Policies())
    assert see(made, {ETH: "5", SPAM: "2"}) == ["low firing"]


def test_native_coins_and_teos_assets_never_wait() -> None:
    made = world()
    made.see(reading(HOT, {}), reading(DESK, {}))
    told = made.see(reading(HOT, {ETH: "0.0001"}), reading(DESK, {BOND: "5"}))
    assert "few firing" in told
    assert not made.states[HOT].quarantined


def hide(made: World, asset: Asset, by: str = "ann") -> None:
    state = made.states[HOT]
    entry = Quarantined(made.now, "not wanted", by=by)
    made.states[HOT] = state._replace(quarantined={**state.quarantined, asset: entry})


def test_what_somebody_hid_stays_hidden_and_its_alert_is_withdrawn() -> None:
    made = begun()
    assert "few firing" in see(made, {ETH: "5", REAL: "2"}, {REAL: "5"})
    hide(made, REAL)
    assert see(made, {ETH: "5", REAL: "2"}, {REAL: "5"}) == ["few withdrawn"]
    (alert,) = made.alerts.values()
    assert alert.closed
    assert alert.because == "hidden by ann: not wanted"
    assert see(made, {ETH: "5", REAL: "20000"}, {REAL: "5"}) == N
    made.states[HOT] = made.states[HOT]._replace(quarantined={})
    assert see(made, {ETH: "5", REAL: "20001"}, {REAL: "5"}) == ["moved event"], "released by hand"


def test_what_no_rule_sees_is_not_worth_a_poll() -> None:
    made = begun()
    see(made, {ETH: "5", SPAM: "1"})
    assert see(made, {ETH: "5", SPAM: "900000000"}) == N
    assert made.states[HOT].held
    assert made.last.again == ()


def test_a_quarantine_lives_through_quiet_readings_and_misses() -> None:
    made = begun()
    see(made, {ETH: "5", SPAM: "1"})
    kept = made.states[HOT].quarantined
    for _ in range(3):
        see(made, {ETH: "5", SPAM: "1"})
    assert made.states[HOT].quarantined == kept


def test_the_first_entry_that_says_something_decides() -> None:
    entries = [
        {"match": {"assets": ["0xa*"]}, "jump": "off"},
        {"match": {"wallets": ["hot"]}, "jump": "5000", "floor_usd": "$10"},
        {"floor_usd": "20"},
    ]
    policies = Policies([AssetEntry.model_validate(entry) for entry in entries])
    hot, desk = WALLETS[HOT], WALLETS[DESK]
    assert tuple(policies.of(hot, REAL, "")) == (False, Decimal(10), None, None)
    assert tuple(policies.of(hot, SPAM, "")) == (False, Decimal(10), Decimal(5000), None)
    assert tuple(policies.of(desk, SPAM, "")) == (False, Decimal(20), Decimal(1000), None)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({}, "says nothing"),
        ({"jump": "10"}, "at least 100"),
        ({"floor_usd": "-1"}, "must not be negative"),
        ({"floor_usd": 0.5}, "put the number in quotes"),
        ({"rebasing": "0.5"}, "a percentage a day"),
        ({"rebasing": "50%"}, "at most 20%"),
    ],
)
def test_an_entry_that_makes_no_sense_is_refused(entry: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        AssetEntry.model_validate(entry)


def test_a_jump_that_is_allowed_is_told_at_once() -> None:
    made = begun(entries=({"match": {"assets": ["ETH"]}, "jump": "off"},))
    assert see(made, {ETH: "50000"}) == ["moved event"]


def test_a_sum_of_values_does_not_wait_for_the_price_of_spam() -> None:
    total = {"id": "sum", "metric": "value_usd", "per": "wallet", "below": "9000"}
    made = world(ThresholdRule.model_validate(total))
    spam = {Asset("ethereum", f"0x{number:040x}"): "1" for number in range(50)}
    assert see(made, {ETH: "5", **spam}) == N
    assert see(made, {ETH: "4", **spam}) == ["sum firing"]
    assert see(made, {ETH: "4", REAL: "1200", **spam}) == N, "it has no price yet"
    assert see(made, {ETH: "4", REAL: "1200", **spam}, {REAL: "1"}) == N, "anybody may have sent it"
    state = made.states[HOT]
    made.states[HOT] = state._replace(newcomers={})  # released
    assert see(made, {ETH: "4", REAL: "1200", **spam}, {REAL: "1"}) == ["sum resolved"]
    hide(made, REAL)
    assert see(made, {ETH: "4", REAL: "1200", **spam}, {REAL: "1"}) == ["sum firing"]


def test_a_doubt_about_spam_does_not_blind_a_sum() -> None:
    total = {"id": "sum", "metric": "value_usd", "per": "wallet", "below": "9000"}
    made = world(ThresholdRule.model_validate(total))
    assert see(made, {ETH: "5", SPAM: "1"}) == N
    assert see(made, {ETH: "4"}) == ["sum firing"]
    assert made.states[HOT].held.keys() == {SPAM}


def test_an_asset_that_is_hidden_is_not_taken_for_absent() -> None:
    named = {"id": "low", "below": "3", "match": {"assets": [REAL.token], "chains": ["ethereum"]}}
    made = world(ThresholdRule.model_validate(named))
    see(made, {ETH: "5", REAL: "100"}, {REAL: "1"})
    hide(made, REAL)
    for _ in range(3):
        assert see(made, {ETH: "5", REAL: "100"}, {REAL: "1"}) == N


def test_what_may_be_gone_again_is_not_let_in_for_its_price() -> None:
    made = begun()
    assert see(made, {ETH: "5", SPAM: "1"}, {SPAM: "0.5"}) == N
    assert see(made, {ETH: "5", SPAM: "0"}, {SPAM: "2"}) == N
    assert SPAM in made.states[HOT].quarantined


def test_a_token_of_the_same_name_elsewhere_does_not_take_the_name_away() -> None:
    here, there = Asset("ethereum", "0x" + "a" * 40), Asset("base-wallet", "0x" + "b" * 40)
    names = {here: "USDC", there: "USDC", ETH: "ETH"}
    made = world(ThresholdRule.model_validate({"id": "r", "below": "3", "match": {"assets": ["USDC"]}}))
    made.see(reading(SWEEP, {ETH: "1", there: "500"}, {ETH: "100", there: "1"}, symbols=names))
    held = {ETH: "1", there: "500", here: "700"}
    made.see(reading(SWEEP, held, {ETH: "100", there: "1", here: "1"}, symbols=names))
    assert made.states[SWEEP].newcomers == {}, "it is the one of that name on its chain"


def test_a_newcomer_that_was_emptied_does_not_come_to_be_believed_by_waiting() -> None:
    made = begun()
    see(made, {ETH: "5", REAL: "10"}, {REAL: "500"})
    for _ in range(2):
        see(made, {ETH: "5", REAL: "0"}, {REAL: "500"})
    made.now += 2 * BELIEVED_AFTER
    see(made, {ETH: "5", REAL: "0"}, {REAL: "500"})
    see(made, {ETH: "5", REAL: "10"}, {REAL: "500"})
    assert made.states[HOT].newcomers == {REAL: made.now}


def test_a_newcomer_that_a_rule_comes_to_name_is_none_from_its_next_reading_on() -> None:
    made = begun()
    see(made, {ETH: "5", REAL: "10"}, {REAL: "500"})
    assert REAL in made.states[HOT].newcomers
    named = {"id": "real", "below": "3", "match": {"assets": [REAL.token]}}
    made.restart(ThresholdRule.model_validate(named))
    see(made, {ETH: "5", REAL: "10"}, {REAL: "500"})
    assert made.states[HOT].newcomers == {}
