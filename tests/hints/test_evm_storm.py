"""Cuts, silence, reorganisations and restarts in any order: all that is on the chain in the end was told."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.anvil import ALICE, BOB, CAROL, Anvil, running_anvil
from tests.hints.evm import evm_source
from tests.hints.hearing import Hearing
from tests.relay import Relay, relaying
from watcher.hints.evm.wire import TRANSFER, topic_of

pytestmark = pytest.mark.needs("anvil")

WATCHED = {ALICE, BOB}
PEOPLE = (ALICE, BOB, CAROL)
STEPS = 80
MOVES = ("send", "send", "send", "token", "token", "token")
ACTS = (*MOVES, "mine", "reorg", "cut", "shut", "open", "open", "silent", "loud", "loud", "restart")


class Storm:
    """Whatever can happen to a node, to the way to it, and to who listens."""

    def __init__(self, node: Anvil, relay: Relay, seed: int) -> None:
        self.heard = Hearing()
        self._node, self._relay, self._random = node, relay, random.Random(seed)
        self._task: asyncio.Task[None] | None = None

    async def restart(self) -> None:
        """Another run, which has nothing of the last one but its facts."""
        await self.stop()
        source = evm_source(f"ws://127.0.0.1:{self._relay.port}")
        source.remember(self.heard.facts)
        self._task = asyncio.create_task(self.heard.listen(source, pause=0.01))

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def step(self) -> None:
        node, relay, act = self._node, self._relay, self._random.choice(ACTS)
        if act in ("send", "token"):
            move = node.send if act == "send" else node.transfer
            await move(self._random.choice(PEOPLE), self._random.choice(PEOPLE))
        elif act == "mine":
            await node.mine(self._random.randint(1, 3))
        elif act == "reorg" and (depth := min(self._random.randint(1, 4), await node.height() - 1)) > 0:
            await node.rpc("anvil_reorg", depth, [])
        elif act in ("cut", "shut"):
            relay.shut = relay.shut or act == "shut"
            relay.cut()
        elif act in ("open", "silent", "loud"):
            relay.shut = relay.shut and act != "open"
            relay.silent = act == "silent" or (relay.silent and act != "loud")
        elif act == "restart":
            await self.restart()

    async def end(self) -> None:
        """Let the sun shine until everything was told."""
        self._relay.shut = self._relay.silent = False
        await self._node.send(CAROL, CAROL)
        height = str(await self._node.height())
        await self.heard.until(lambda: self.heard.facts.get("block") == height)


@asynccontextmanager
async def storm(seed: int) -> AsyncIterator[tuple[Storm, Anvil]]:
    async with running_anvil() as node, relaying(node.port) as relay:
        await node.mine()
        storm = Storm(node, relay, seed)
        await storm.restart()
        try:
            await storm.heard.until(lambda: storm.heard.facts)
            yield storm, node
        finally:
            await storm.stop()


async def on_the_chain(node: Anvil) -> set[str]:
    """The ids of what moved at watched addresses, from the node itself."""
    found: set[str] = set()
    for number in range(await node.height() + 1):
        block = await node.rpc("eth_getBlockByNumber", hex(number), True)
        for each in block["transactions"]:
            both = {each["from"], each["to"]}
            found |= {f"{each['hash']}:{who}:{block['hash']}" for who in both & WATCHED}
    for log in await node.rpc("eth_getLogs", {"fromBlock": "0x0", "topics": [TRANSFER]}):
        event, block = log["transactionHash"], log["blockHash"]
        found |= {f"{event}:{who}:{block}" for who in WATCHED if topic_of(who) in log["topics"]}
    return found


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happens_all_that_is_on_the_chain_was_told(seed: int) -> None:
    async with storm(seed) as (there, node):
        for _ in range(STEPS):
            await there.step()
        await there.end()
        expected = await on_the_chain(node)
    assert expected
    assert expected <= there.heard.hints.keys()
    assert there.heard.gaps == []
