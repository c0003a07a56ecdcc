"""What an EVM node tells of a wallet that is polled every six hours is an alert at once, by the daemon."""

from __future__ import annotations

import pytest

from tests.anvil import ALICE, BOB, running_anvil
from tests.endtoend.bench import Installation
from tests.endtoend.hints import Say, seldom, told_at_once_and_after_a_time_without_daemon


@pytest.mark.needs("anvil")
@pytest.mark.parametrize("what", ["coins", "a token"])
async def test_a_transfer_on_a_node(there: Installation, what: str, record_property: Say) -> None:
    async with running_anvil() as node:

        async def move(amount: str) -> None:
            there.sim.world.set_amount(ALICE, "ethereum", "COIN", amount)
            await (node.send(ALICE, BOB) if what == "coins" else node.transfer(BOB, ALICE))

        there.env["NODE_URL"] = node.url
        seldom(there, ALICE, "ethereum", '{kind: evm, url: "${NODE_URL}", chains: [ethereum]}')
        await told_at_once_and_after_a_time_without_daemon(there, "cold", move, record_property)
