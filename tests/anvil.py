"""A real EVM node on loopback (`anvil` of Foundry), and what a test does on its chain."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp

from watcher.hints.evm.wire import TRANSFER, topic_of

ALICE = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
BOB = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8"
CAROL = "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc"
"""The first accounts of every anvil: it signs for them, and each has 10,000 ether."""

TOKEN = "0x00000000000000000000000000000000000070c3"

EMITTER = (
    "606035"  # PUSH1 96, CALLDATALOAD: the value
    "5f52"  #   PUSH0, MSTORE: into memory, as the data of the log
    "604035"  # PUSH1 64, CALLDATALOAD: topic 2, the receiver
    "602035"  # PUSH1 32, CALLDATALOAD: topic 1, the sender
    "5f35"  #   PUSH0, CALLDATALOAD: topic 0, the event
    "6020"  #   PUSH1 32: bytes of data
    "5f"  #     PUSH0: where they begin
    "a3"  #     LOG3
    "00"  #     STOP
)
"""Code of a contract that writes one log as it is called: event, sender, receiver and value, a word each."""


class Anvil:
    """A node at `port`. Calls that fail raise AssertionError with what it said."""

    def __init__(self, port: int, session: aiohttp.ClientSession) -> None:
        self.port, self._session = port, session
        self.url = f"ws://127.0.0.1:{port}"

    async def rpc(self, method: str, *parameters: Any) -> Any:
        words = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        async with self._session.post(f"http://127.0.0.1:{self.port}", json=words) as response:
            answer = await response.json()
        assert "error" not in answer, answer["error"]
        return answer["result"]

    async def send(self, sender: str, receiver: str, wei: int = 1, data: str = "0x") -> str:
        """A transaction, mined; its hash."""
        words = {"from": sender, "to": receiver, "value": hex(wei), "data": data}
        receipt = await self.rpc("eth_sendTransactionSync", words)
        return str(receipt["transactionHash"])

    async def transfer(
        self, sender: str, receiver: str, amount: int = 1, event: str = TRANSFER, by: str = CAROL
    ) -> str:
        """A log of a token, as if `amount` of it had been moved."""
        words = [event, topic_of(sender), topic_of(receiver), f"0x{amount:064x}"]
        return await self.send(by, TOKEN, 0, "0x" + "".join(word[2:] for word in words))

    async def mine(self, blocks: int = 1) -> None:
        await self.rpc("anvil_mine", hex(blocks))

    async def height(self) -> int:
        return int(await self.rpc("eth_blockNumber"), 16)


@asynccontextmanager
async def running_anvil(*options: str, port: int = 0) -> AsyncIterator[Anvil]:
    """A node with an empty chain that calls itself Ethereum, and one token on it; it mines on demand."""
    program = shutil.which("anvil")
    assert program
    words = [program, "--port", str(port), "--chain-id", "1", *options]
    process = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    assert process.stdout
    try:
        async with asyncio.timeout(30):
            while b"Listening on" not in (line := await process.stdout.readline()):
                assert line, "anvil ended"
        async with aiohttp.ClientSession() as session:
            node = Anvil(int(line.rsplit(b":", 1)[1]), session)
            await node.rpc("anvil_setCode", TOKEN, "0x" + EMITTER)
            yield node
    finally:
        with suppress(ProcessLookupError):  # the npm package starts the program in a process of its own
            os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()
