"""An asset that a rule names and a complete reading does not: when that is a zero."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.domain.given import BOND, DESK, ETH, HOT, SOL, SWEEP, USDC, World, failed, reading
from watcher.domain.model import Asset
from watcher.domain.rules import ThresholdRule

F, R = ["low firing"], ["low resolved"]
N: list[str] = []
NEVER = "0xA0A0a0"


def low(*assets: str, **fields: Any) -> ThresholdRule:
    chains = fields.pop("chains", ["ethereum"])
    match = {"assets": assets, "chains": chains} if chains else {"assets": assets}
    return ThresholdRule.model_validate({"id": "low", "match": match, "below": "5", **fields})


def test_a_contract_named_with_its_chain_is_zero_from_the_second_complete_reading_on() -> None:
    world = World(low(NEVER))
    assert world.see(reading(HOT, {ETH: "1"})) == N
    assert world.see(failed(HOT)) == N
    assert world.see(reading(HOT, {ETH: "1"})) == F
    assert world.title == "hot: 0xa0a0a0 on ethereum: 0 is below 5"
    assert world.see(reading(HOT, {ETH: "1"})) == N
    token = Asset("ethereum", NEVER.lower())
    assert world.see(reading(HOT, {ETH: "1", token: "5"}, symbols={token: "TOK"})) == R


def test_one_answer_told_twice_is_no_second_reading() -> None:
    world = World(low(NEVER))
    world.see(reading(HOT, {ETH: "1"}))
    assert world.see(reading(HOT, {ETH: "1"}), after=timedelta(milliseconds=100)) == N
    assert world.see(reading(HOT, {ETH: "1"})) == F


def test_a_restart_in_between_does_not_begin_anew() -> None:
    world = World(low(NEVER, reads=2))
    world.see(reading(HOT, {ETH: "1"}))
    assert world.restart() == []
    assert world.see(reading(HOT, {ETH: "1"})) == N
    assert world.restart() == []
    assert world.see(reading(HOT, {ETH: "1"})) == F


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(low("USDX"), id="a symbol that nobody ever saw"),
        pytest.param(low("USDC"), id="a symbol that another account holds"),
        pytest.param(low("0xa0a*"), id="a pattern"),
        pytest.param(low(NEVER, chains=[]), id="a contract that may not be on this chain"),
        pytest.param(low(NEVER, chains=["eth*"]), id="a chain by a pattern"),
        pytest.param(low(NEVER, chains=["polygon"]), id="a contract on another chain"),
        pytest.param(low(NEVER, metric="price_usd"), id="what is not held has no price"),
        pytest.param(low("ethereum", chains=["ethereum"], above="9", below=None), id="no zero is above"),
    ],
)
def test_what_is_not_certain_is_no_zero(rule: ThresholdRule) -> None:
    world = World(rule)
    for _ in range(3):
        assert world.see(reading(HOT, {}), reading(SWEEP, {USDC: "7", SOL: "7"})) == N


@pytest.mark.parametrize("name", ["0xA0B8", "0x0a0b8"])
def test_a_contract_that_another_account_has_on_this_chain_is_known_to_exist(name: str) -> None:
    world = World(low(name, chains=[]))
    world.see(reading(HOT, {}), reading(SWEEP, {USDC: "7"}))
    assert world.see(reading(HOT, {})) == F
    assert world.title == "hot: 0 USDC is below 5 USDC"


def test_a_native_coin_is_named_by_its_id_and_chain_once_it_was_seen() -> None:
    world = World(low("ethereum"))
    world.see(reading(HOT, {USDC: "1"}))
    assert world.see(reading(HOT, {USDC: "1"})) == N
    world.see(reading(SWEEP, {ETH: "7"}))
    assert world.see(reading(HOT, {USDC: "1"})) == F


def test_an_unclear_or_partial_answer_shows_nothing_to_be_absent() -> None:
    token = Asset("ethereum", NEVER.lower())
    world = World(low(NEVER))
    world.see(reading(HOT, {ETH: "1"}))
    assert world.see(reading(HOT, {ETH: "1"}, unclear=[token])) == N
    assert world.see(reading(HOT, {ETH: "1"}, complete=[])) == N
    assert world.see(reading(HOT, {ETH: "1"})) == F


def test_teos_never_says_what_an_account_does_not_hold() -> None:
    world = World(low("0xfc7", chains=["teos"]))
    for _ in range(3):
        assert world.see(reading(DESK, {BOND: "7"})) == N
