"""What an Electrum server or a Solana node tells of a wallet that is polled every six hours is an alert at
once, by the real daemon; and what moved while that was down is one after its start."""

from __future__ import annotations

from tests.endtoend.bench import Installation
from tests.endtoend.hints import Say, seldom, told_at_once_and_after_a_time_without_daemon
from tests.hints.electrum_server import an_electrum_server
from tests.hints.solana_server import a_solana_node
from watcher.domain.values.scripts import script_hash, script_of

GENESIS = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"
SOL = "CM78CPUeXjn8o3yroDHxUtKsZZgoy4GPkPPXfouKNH12"

USDC = "A1TMhSGzQxMr1TboBKtgixKz1sS6REASMxPo1qsyTSJd"


async def test_a_payment_on_bitcoin(there: Installation, record_property: Say) -> None:
    script = script_of(GENESIS, "bitcoin")
    assert script is not None
    async with an_electrum_server() as server:

        async def move(amount: str) -> None:
            there.sim.world.set_amount(GENESIS, "bitcoin", "COIN", amount)
            server.pay(script_hash(script))

        url = f"tcp://127.0.0.1:{server.port}"
        seldom(there, GENESIS, "bitcoin", f'{{kind: electrum, url: "{url}", chains: [bitcoin]}}')
        await told_at_once_and_after_a_time_without_daemon(there, "cold", move, record_property)


async def test_a_token_that_comes_in_on_solana(there: Installation, record_property: Say) -> None:
    async with a_solana_node() as server:

        async def move(amount: str) -> None:
            there.sim.world.set_amount(SOL, "solana", "COIN", amount)
            await server.hold(USDC, SOL, int(float(amount) * 100))

        await move("5")
        there.env["SOL_URL"] = f"ws://127.0.0.1:{server.port}/ws?api-key=s3cr3t-key"
        rpc = f"http://127.0.0.1:{server.port}/rpc"
        seldom(there, SOL, "solana", f'{{kind: solana, url: "${{SOL_URL}}", rpc_url: "{rpc}"}}')
        await told_at_once_and_after_a_time_without_daemon(there, "cold", move, record_property)
        assert "s3cr3t-key" not in there.log()
