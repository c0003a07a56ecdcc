"""What is asked of a node about its chain, and what it shall tell by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Literal, TypeVar

import msgspec

from watcher.domain.records import Record
from watcher.hints.evm.node import EvmNode, RefusedCallError
from watcher.hints.evm.wire import (
    DEPOSIT,
    TRANSFER,
    WITHDRAWAL,
    BlockHead,
    FullBlock,
    Moved,
    UnreadableError,
    read_block,
    read_head,
    read_logs,
    read_quantity,
    topic_of,
)
from watcher.ports.hints import HintSourceError, Where

Native = Literal["blocks", "balances", "none"]

PAUSES = (0.2, 0.5, 1.0)
"""Seconds to wait for a block whose head was told and that is not there yet: behind one address may stand
many nodes."""

AT_ONCE = 50
"""Calls for balances that wait for their answers at the same time."""

HEAD, WHOLE = False, True
"""Whether a block comes with its transactions, or with no more than their hashes."""

_T = TypeVar("_T")


class EvmPlan(Record, frozen=True):
    """What is listened to. `accounts`: watched address (lower case) → where that is.

    `chain_id`: the number that the node's chain must have, if that is known. `catch_up`: blocks.
    """

    chain: str
    chain_id: int | None
    accounts: Mapping[str, Where]
    native: Native
    addresses_per_filter: int
    catch_up: int
    silent_after: timedelta


class ChainQuestions:
    """Questions to the node of one connection. HintSourceError: it refuses an answer, or has none."""

    def __init__(self, node: EvmNode, host: str, plan: EvmPlan) -> None:
        self.node = node
        self._host, self._plan = host, plan

    async def check_chain(self) -> None:
        """See that the node knows the chain that is meant."""
        known = self._plan.chain_id
        number = await self._answer(read_quantity, "eth_chainId")
        if known is not None and number != known:
            text = f"{self._host} is a node of another chain: its id is {number}"
            raise HintSourceError(f"{text}, and that of {self._plan.chain} is {known}", refused=True)

    async def subscribe(self) -> None:
        """Have the node tell of each head, and of each transfer from or to a watched address."""
        for topics in self._filters():
            try:
                await self.node.call("eth_subscribe", "logs", {"topics": topics})
            except RefusedCallError as error:
                text = f"{self._host} refuses a subscription to {len(topics[-1] or ())} addresses"
                text += f" (addresses_per_filter): {error.said}"
                raise HintSourceError(text, refused=error.refused) from None
        await self.node.ask("eth_subscribe", "newHeads")

    async def newest(self) -> BlockHead:
        """The head of the chain."""
        head = await self._answer(read_head, "eth_getBlockByNumber", "latest", HEAD)
        if head is None:
            raise HintSourceError(f"{self._host} has no block yet")
        return head

    async def head(self, number: int) -> BlockHead | None:
        """The head of a block; None: there is no such block."""
        return await self._answer(read_head, "eth_getBlockByNumber", hex(number), HEAD)

    async def blocks(self, first: int, last: int) -> list[FullBlock | None]:
        """Blocks with what they moved. Of one alone it is waited for a little, should it not be there yet."""
        found = list(await asyncio.gather(*(self._block(number) for number in range(first, last + 1))))
        for pause in PAUSES if first == last else ():
            if found != [None]:
                break
            await asyncio.sleep(pause)
            found = [await self._block(first)]
        return found

    async def logs(self, first: int, last: int) -> list[Moved]:
        """The transfers of some blocks. RefusedCallError: they may be too many."""
        found = []
        for topics in self._filters():
            words = {"fromBlock": hex(first), "toBlock": hex(last), "topics": topics}
            with self._readable():
                found += read_logs(await self.node.call("eth_getLogs", words), self._plan.accounts)
        return found

    async def balances(self, block: int | None = None) -> dict[str, int]:
        """Native coins of all watched addresses (wei), now or after a block. RefusedCallError: not kept."""
        turn = asyncio.Semaphore(AT_ONCE)
        tag = "latest" if block is None else hex(block)

        async def one(address: str) -> int:
            async with turn:
                answer = await self.node.call("eth_getBalance", address, tag)
            with self._readable():
                return read_quantity(answer)

        addresses = list(self._plan.accounts)
        return dict(zip(addresses, await asyncio.gather(*map(one, addresses)), strict=True))

    async def _block(self, number: int) -> FullBlock | None:
        def read(data: msgspec.Raw) -> FullBlock | None:
            return read_block(data, self._plan.accounts)

        return await self._answer(read, "eth_getBlockByNumber", hex(number), WHOLE)

    async def _answer(self, read: Callable[[msgspec.Raw], _T], method: str, *parameters: str | bool) -> _T:
        answer = await self.node.ask(method, *parameters)
        with self._readable():
            return read(answer)

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except UnreadableError as error:
            raise self.node.misread(error) from None

    def _filters(self) -> list[list[str | list[str] | None]]:
        """Topics of logs from watched addresses, and of those to them, so many addresses in each."""
        named = [topic_of(address) for address in sorted(self._plan.accounts)]
        step = self._plan.addresses_per_filter
        filters: list[list[str | list[str] | None]] = []
        for first in range(0, len(named), step):
            part = named[first : first + step]
            filters += [[[TRANSFER, DEPOSIT, WITHDRAWAL], part], [TRANSFER, None, part]]
        return filters
