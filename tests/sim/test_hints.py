"""What moves in the simulation is posted as a hint that the product takes, and CoinStats shows it later."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.fakes import FakeClock
from tests.hints.webhooks import KEY, webhook
from tests.sim.conftest import Client
from tests.web.given import serving
from watcher.hints.webhook.source import Webhook
from watcher.ports.hints import Where
from watcher.sim import Simulation, scenario
from watcher.sim.hints import HintPoster
from watcher.sim.sample import HOLDER, ISSUER, SOLAR, TREASURY

HOME = TREASURY.address


@pytest.fixture
def hook() -> Webhook:
    return webhook(name="sim", accounts=())


@pytest.fixture
async def poster(sim: Simulation, hook: Webhook, tmp_path: Path) -> AsyncIterator[HintPoster]:
    scenario.prepare(sim)
    async with serving(tmp_path, postings={"sim": hook}, clock=FakeClock(datetime.now(UTC))) as page:
        yield sim.post_hints(f"{page.url}/hints/sim", KEY)


async def told(poster: HintPoster, hook: Webhook) -> set[Where]:
    await poster.drain()
    found = set()
    while (hint := hook._inbox.take()) is not None:
        found.add(hint.where)
    return found


async def test_a_move_is_a_hint_about_its_wallet_and_its_chain(
    sim: Simulation, poster: HintPoster, hook: Webhook
) -> None:
    sim.world.set_amount(HOME, "base-wallet", "ETH", "12")
    assert await told(poster, hook) == {Where("base", HOME)}
    sim.world.transfer(ISSUER.address, HOLDER.address, SOLAR, 5)
    assert await told(poster, hook) == {Where("", ISSUER.address), Where("", HOLDER.address)}
    sim.world.drain(HOME, "ethereum")
    sim.world.remove(HOME, "base-wallet", "USDC")
    assert await told(poster, hook) == {Where("ethereum", HOME), Where("base", HOME)}
    assert set(poster.answers) == {200}


async def test_what_does_not_move_is_no_hint_and_hints_may_stop(
    sim: Simulation, poster: HintPoster, hook: Webhook
) -> None:
    sim.world.set_price("ethereum", "ETH", "1")
    sim.world.set_amount(HOME, "base-wallet", "ETH", sim.world.amount(HOME, "base-wallet", "ETH") or "")
    poster.on = False
    sim.world.set_amount(HOME, "base-wallet", "ETH", "13")
    assert await told(poster, hook) == set()
    poster.say(HOME)
    assert await told(poster, hook) == {Where("", HOME)}


async def test_nobody_there_to_be_posted_to_is_counted_and_nothing_more(sim: Simulation) -> None:
    poster = sim.post_hints(f"{sim.stranger.url.rpartition(':')[0]}:9/hints/sim", KEY)
    poster.say(HOME)
    await poster.drain()
    assert poster.answers == {0: 1}


async def test_another_process_begins_it_by_the_admin_api(sim: Simulation, client: Client) -> None:
    hints = {"url": f"{sim.url}/nowhere", "key": KEY}
    async with client.session.post(f"{sim.url}/admin/hints", json=hints) as answer:
        assert answer.status == 200
    assert sim.hints is not None
    sim.world.set_amount(HOME, "ethereum", "ETH", "1")
    await sim.hints.drain()
    assert sim.hints.answers == {404: 1}


async def amounts(client: Client, chain: str = "ethereum") -> list[str]:
    reply = await client.coinstats(
        f"/v1/wallet/balances?address={HOME}&connectionId={chain}&blockchain={chain}"
    )
    return [str(coin["amount"]) for coin in reply.json[0]["balances"]]


async def test_a_change_is_shown_once_the_lag_is_over(sim: Simulation, client: Client) -> None:
    world, clock = sim.world, sim.world.clock
    clock.freeze()
    world.set_amount(HOME, "ethereum", "ETH", "1")
    sim.coinstats.lag = 3.0
    shown = []
    for amount in ("2", "3"):
        world.set_amount(HOME, "ethereum", "ETH", amount)
        clock.advance(1.0)
    for _ in range(4):
        shown.append(await amounts(client))
        clock.advance(1.0)
    assert shown == [["1"], ["2"], ["3"], ["3"]]
    world.drain(HOME, "ethereum")
    assert await amounts(client) == ["3"]
    clock.advance(3.0)
    assert await amounts(client) == []
    assert not any(world.earlier.values())
