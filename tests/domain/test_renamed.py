"""An alert is about an asset by its identity: it outlives the symbol that its rule selected it by."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.domain.given import ETH, HOT, USDC, World, reading
from watcher.domain.model import Asset
from watcher.domain.rules import ThresholdRule

N: list[str] = []
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
    assert see(world, "2", "NEW") == N
    if restarts:
        world.restart()
    assert see(world, "3.5", "NEW") == N, "not yet beyond its clear level"
    assert see(world, "5", "NEW") == ["low resolved"]
    assert [see(world, "2", "NEW") for _ in range(4)] == [N] * 4, "the rule no longer selects it"


def test_a_pending_alert_ripens_under_the_new_name() -> None:
    world = World(LOW)
    assert see(world, "2", "OLD") == N
    assert see(world, "2", "NEW") == N
    assert see(world, "2", "NEW") == ["low firing"]


def test_a_name_that_comes_back_changes_nothing() -> None:
    world = World(LOW)
    told = [see(world, "2", symbol) for symbol in ("OLD", "NEW", "OLD", "NEW", "OLD")]
    assert told == [N, N, ["low firing"], N, N]
