"""The story of the demo: the same for the same seed, and every step does something."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.sim.conftest import Client
from watcher.sim import Simulation, scenario
from watcher.sim.scenario import Step


def told(seed: int) -> list[tuple[float, str]]:
    return [(step.at_seconds, step.caption) for step in scenario.story(seed, 60)]


def world(sim: Simulation) -> Any:
    amounts = {
        (address, chain, token): coin.amount
        for address, chains in sim.world.holdings.items()
        for chain, coins in chains.items()
        for token, coin in coins.items()
    }
    return amounts, dict(sim.world.prices), dict(sim.world.sparks), len(sim.faults.active)


def test_the_story_is_the_same_for_the_same_seed() -> None:
    assert told(4) == told(4)
    assert told(4) != told(5)
    sims = [Simulation(), Simulation()]
    for sim in sims:
        scenario.prepare(sim, 4)
        for step in scenario.story(4, 60):
            step.apply(sim)
    assert world(sims[0]) == world(sims[1])


@pytest.mark.parametrize("seed", range(1, 21))
def test_every_step_changes_the_world(seed: int) -> None:
    sim = Simulation()
    scenario.prepare(sim, seed)
    for step in scenario.story(seed, 60):
        before = world(sim)
        step.apply(sim)
        assert world(sim) != before, step.caption
        assert all(Decimal(amount) >= 0 for amount in world(sim)[0].values())


def test_the_story_fits_its_duration_and_leaves_time_for_the_last_alerts() -> None:
    for seconds in (10, 60, 300):
        times = [step.at_seconds for step in scenario.story(1, seconds)]
        assert times == sorted(times)
        assert times[0] > 0
        assert times[-1] <= seconds * 5 / 6


def test_with_hints_the_same_happens_and_a_flood_of_false_ones_beside_it() -> None:
    for seconds in (10, 60, 300):
        plain, hinted = scenario.story(1, seconds), scenario.story(1, seconds, hinted=True)
        said = sorted(step.caption for step in hinted if step.caption)
        assert len(said) == len(plain) + 1
        assert [step.at_seconds for step in hinted] == sorted(step.at_seconds for step in hinted)
        assert hinted[-1].at_seconds < seconds
        sims = [Simulation(), Simulation()]
        for sim, steps in zip(sims, (plain, hinted), strict=True):
            scenario.prepare(sim)
            for step in steps:
                step.apply(sim)
        assert world(sims[0]) == world(sims[1])


async def test_every_sample_wallet_is_answered_with_balances(sim: Simulation, client: Client) -> None:
    scenario.prepare(sim)
    for wallet in scenario.sample_wallets():
        if wallet.source == "coinstats":
            pairs = ",".join(f"{chain}:{wallet.address}" for chain in wallet.chains)
            answer = await client.coinstats(f"/v1/wallet/balance/many?wallets={pairs}")
            assert [bool(group["balances"]) for group in answer.json] == [True] * len(wallet.chains)
        else:
            assets = ",".join(f"'{asset}'" for asset in wallet.assets)
            call = f"Balances/GetAssetsBalances(Addresses=['{wallet.address}'],UniqueAssetIds=[{assets}])"
            assert len((await client.teos(call)).json) == len(wallet.assets)


async def test_a_played_story_tells_every_step_in_order(sim: Simulation) -> None:
    scenario.prepare(sim)
    steps = scenario.story(1, 0.05)
    heard: list[Step] = []
    await scenario.play(sim, list(reversed(steps)), heard.append)
    assert heard == steps
    ops = next(wallet for wallet in scenario.sample_wallets() if wallet.name == "operations")
    assert sim.world.holdings[ops.address]["binancesmartchain"] == {}
