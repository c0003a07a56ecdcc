"""The simulation as a process of its own, and the admin API that steers it."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from typing import Any

import aiohttp
import pytest

from tests.sim.conftest import Client
from watcher.sim import Simulation, scenario

EVM = "0x" + "ab" * 20
MANY = f"/v1/wallet/balance/many?wallets=ethereum:{EVM}"


async def admin(client: Client, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    async with client.session.request(method, f"{client.sim.url}/admin/{path}", json=body) as answer:
        return answer.status, await answer.json()


async def test_the_admin_api_sets_amounts_prices_and_sparks(sim: Simulation, client: Client) -> None:
    amount = {"address": EVM, "chain": "ethereum", "token": "ETH", "amount": "0.10000000000000001"}
    assert (await admin(client, "POST", "amount", amount))[0] == 200
    await admin(client, "POST", "price", {"chain": "ethereum", "token": "ETH", "price": "3100.5"})
    text = (await client.coinstats(MANY)).text
    assert '"amount":0.10000000000000001,' in text
    assert '"price":3100.5,' in text
    await admin(client, "POST", "amount", {**amount, "amount": None})
    assert (await client.coinstats(MANY)).json[0]["balances"] == []
    await admin(client, "POST", "asset", {"asset_id": "0x10001", "spark_factor": "100"})
    await admin(client, "POST", "sparks", {"address": EVM, "asset_id": "0x10001", "sparks": "12"})
    row = await client.teos(f"Balances(address='{EVM}',uniqueAssetId='0x10001')")
    assert row.json["Amount"] == "12"


async def test_the_admin_api_adds_and_clears_faults_and_reads_the_meter(
    sim: Simulation, client: Client
) -> None:
    await admin(client, "POST", "faults", {"name": "500", "where": "coinstats"})
    assert (await client.coinstats(MANY)).status == 500
    await admin(client, "DELETE", "faults")
    assert (await client.coinstats(MANY)).status == 200
    await client.teos("Ping")
    _, meter = await admin(client, "GET", "meter")
    assert meter["coinstats"] == {"credits_used": 40, "requests": 2, "credits_limit": 20000}
    assert meter["teos"] == {"calls": 1}
    await admin(client, "POST", "reset-period")
    await admin(client, "POST", "switches", {"coinstats": {"credits_limit": 30}, "teos": {"wrapped": True}})
    assert sim.coinstats.credits_used == 0
    assert (await client.coinstats(MANY)).status == 406
    assert sim.teos.wrapped


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("amount", {"address": EVM}),
        ("amount", {"address": EVM, "chain": "ethereum", "token": "ETH", "amount": 1.5}),
        ("faults", {"name": "no such fault"}),
        ("switches", {"coinstats": {"key": "x"}}),
    ],
)
async def test_a_wrong_admin_call_is_told(client: Client, path: str, body: Any) -> None:
    status, answer = await admin(client, "POST", path, body)
    assert status == 400
    assert answer["error"]


async def test_an_unknown_admin_call_is_404(client: Client) -> None:
    assert (await admin(client, "POST", "nothing"))[0] == 404


async def test_the_process_tells_its_urls_and_wallets_and_ends_on_sigterm() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "watcher.sim", "--story", "30", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    async with asyncio.timeout(30):
        urls = json.loads(await process.stdout.readline())
        wallets = [(await process.stdout.readline()).decode().split() for _ in scenario.sample_wallets()]
        async with aiohttp.ClientSession() as session, session.get(f"{urls['admin']}/meter") as answer:
            meter = await answer.json()
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    assert meter["coinstats"]["credits_limit"] == 20_000_000  # the story is read while it lasts
    assert urls["coinstats"] == urls["url"] + "/coinstats"
    assert urls["teos"] == urls["url"] + "/teos"
    assert wallets == [
        [wallet.name, wallet.source, wallet.address, *wallet.chains, *wallet.assets]
        for wallet in scenario.sample_wallets()
    ]


async def test_a_simulation_starts_again_on_its_port_with_its_world() -> None:
    sim = Simulation()
    async with sim:
        first = sim.url
        sim.world.set_amount(EVM, "ethereum", "ETH", "1")
    async with sim:
        assert sim.url == first
        assert sim.world.amount(EVM, "ethereum", "ETH") == "1"
