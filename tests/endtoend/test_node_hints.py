"""What an Electrum server or a Solana node tells of a wallet that is polled every six hours is an alert at
once, by the real daemon; and what moved while that was down is one after its start."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tests.endtoend.bench import Installation, stop, text_of
from tests.hints.electrum_server import an_electrum_server
from tests.hints.solana_server import a_solana_node
from watcher.domain.values.scripts import script_hash, script_of

GENESIS = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"
SOL = "CM78CPUeXjn8o3yroDHxUtKsZZgoy4GPkPPXfouKNH12"

USDC = "A1TMhSGzQxMr1TboBKtgixKz1sS6REASMxPo1qsyTSJd"

Move = Callable[[str], Awaitable[None]]


def seldom(there: Installation, address: str, chain: str, hints: str) -> None:
    """A wallet that is polled every six hours, and hinted at."""
    wallet = f"{{name: cold, source: coinstats, address: {address}, chains: [{chain}], every: 6h}}"
    there.edit("watcher.yaml", "channels:", f"  - {wallet}\nchannels:")
    there.file("watcher.yaml").write_text(
        f"{there.file('watcher.yaml').read_text()}hints:\n  node: {hints}\n"
    )
    there.sim.world.set_amount(address, chain, "COIN", "5", symbol="COIN", price="3")


async def told(there: Installation, amount: str) -> float:
    """Seconds until the change is told."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert amount in text_of(await there.hook.told("cold", "moved", amount))
    return loop.time() - began


async def run_through(there: Installation, ready: Awaitable[None], move: Move) -> None:
    async with there.daemon() as daemon:
        await there.coinstats.recorded(2)
        await ready
        await move("6.25")
        assert await told(there, "6.25") < 3, "some 0.2 s, on a machine that does nothing else"
        await stop(there, daemon)
    await move("7.5")
    async with there.daemon() as daemon:
        await told(there, "7.5")
        await stop(there, daemon)


async def test_a_payment_on_bitcoin(there: Installation) -> None:
    script = script_of(GENESIS, "bitcoin")
    assert script is not None
    async with an_electrum_server() as server:

        async def move(amount: str) -> None:
            there.sim.world.set_amount(GENESIS, "bitcoin", "COIN", amount)
            server.pay(script_hash(script))

        url = f"tcp://127.0.0.1:{server.port}"
        seldom(there, GENESIS, "bitcoin", f'{{kind: electrum, url: "{url}", chains: [bitcoin]}}')
        await run_through(there, server.until(calls=1), move)


async def test_a_token_that_comes_in_on_solana(there: Installation) -> None:
    async with a_solana_node() as server:

        async def move(amount: str) -> None:
            there.sim.world.set_amount(SOL, "solana", "COIN", amount)
            await server.hold(USDC, SOL, int(float(amount) * 100))

        await move("5")
        there.env["SOL_URL"] = f"ws://127.0.0.1:{server.port}/ws?api-key=s3cr3t-key"
        rpc = f"http://127.0.0.1:{server.port}/rpc"
        seldom(there, SOL, "solana", f'{{kind: solana, url: "${{SOL_URL}}", rpc_url: "{rpc}"}}')
        await run_through(there, server.until(4, "getTokenAccountsByOwner"), move)
        assert "s3cr3t-key" not in there.log()
