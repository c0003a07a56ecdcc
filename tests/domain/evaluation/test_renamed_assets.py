"""Rules and alerts are about assets by their identity: they outlive the symbol that they were written for."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.domain.given import ETH, HOT, SOL, SWEEP, USDC, World, reading
from watcher.domain.model import Asset
from watcher.domain.rules import ThresholdRule

N: list[str] = []
TOLD = ["watcher.renamed notice"]
LOW = ThresholdRule.model_validate(
    {"id": "low", "below": "3", "clear_above": "4", "match": {"assets": ["OLD"]}, "for": "90s"}
)


def see(world: World, amount: str, symbol: str) -> list[str]:
    names: Mapping[Asset, str] = {ETH: symbol, USDC: "USDC"}
    return world.see(reading(HOT, {ETH: amount, USDC: "1"}, symbols=names))


@pytest.mark.parametrize("restarts", [False, True])
def test_an_alert_on_an_asset_that_changes_its_name_is_resolved_by_its_amount(restarts: bool) -> None:
    world = World(LOW)
    assert [see(world, "2", "OLD"), see(world, "2", "OLD"), see(world, "2", "OLD")] == [N, N, ["low firing"]]
    assert see(world, "2", "NEW") == TOLD
    if restarts:
        world.restart()
    assert see(world, "3.5", "NEW") == N, "not yet beyond its clear level"
    assert see(world, "5", "NEW") == ["low resolved"]
    assert [see(world, "2", "NEW") for _ in range(3)] == [N, N, ["low firing"]], "the rule carries on"


def test_a_pending_alert_ripens_under_the_new_name() -> None:
    world = World(LOW)
    assert see(world, "2", "OLD") == N
    assert see(world, "2", "NEW") == TOLD
    assert see(world, "2", "NEW") == ["low firing"]


def test_a_name_that_comes_back_changes_nothing() -> None:
    world = World(LOW)
    told = [see(world, "2", symbol) for symbol in ("OLD", "NEW", "OLD", "NEW", "OLD")]
    assert told == [N, TOLD, ["low firing"], N, N], "one notice, whatever comes"


def test_a_source_that_remembers_a_former_name_of_what_it_does_not_hold_changes_no_name() -> None:
    """`Reading.symbols` may name more assets than the reading holds; another source heard of the new name."""
    total = ThresholdRule.model_validate(
        {"id": "low", "per": "all", "below": "3", "match": {"assets": ["NEW"]}}
    )
    world = World(total)
    remembers = reading(SWEEP, {SOL: "7"})._replace(symbols={SOL: "SOL", ETH: "OLD", USDC: "USDC"})
    world.see(remembers)
    assert world.symbols[USDC] == "USDC", "a name where there was none"
    for _ in range(3):
        assert see(world, "5", "NEW") == N
        assert world.see(remembers) == N
        assert world.symbols[ETH] == "NEW"
