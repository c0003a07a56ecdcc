"""Hints of an EVM node: token transfers from its logs, native coins from its blocks or its balances.

It follows the chain block by block. What was missed is asked for as soon as the node is heard again, and what
a reorganisation takes back is told as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping

from watcher.domain.values.durations import format_duration
from watcher.hints.evm.asking import PAUSES, ChainQuestions, EvmPlan
from watcher.hints.evm.chain import ToldChain
from watcher.hints.evm.node import EvmNode, RefusedCallError
from watcher.hints.evm.wire import BlockHead, FullBlock, Moved
from watcher.hints.web_socket import NodeAddress, NodeLimits, TooLongError
from watcher.ports.clock import Clock
from watcher.ports.hints import Alive, Bookmark, Hint, HintGap, HintSourceError, Told

LOG_SPAN = 1000
"""Blocks of one look for logs, at first. Providers allow from ten to ten thousand, or so many logs: after an
error it is half as many."""

MOST_LOOKS = 200
"""Looks for logs in one go. What is left then is a gap."""

LATE = 3
"""Blocks before the last one told whose logs are asked for again: heads and logs come by subscriptions of
their own, and nothing says in which order."""

ONLY_LOGS = 50
"""How many times as many blocks are caught up with where only their logs are asked for."""

WINDOW = 8
"""Blocks that are asked for at once."""

MOST_TURNS = 8
"""Reorganisations while some blocks are read; a node that has more does not know its own chain."""


class EvmHints:
    """Source of hints over one node; it knows what it told of the chain, from one connection to the next."""

    def __init__(
        self, name: str, plan: EvmPlan, address: NodeAddress, clock: Clock, limits: NodeLimits
    ) -> None:
        self.name = name
        self._plan, self._address, self._clock, self._limits = plan, address, clock, limits
        self._most = plan.catch_up * (1 if plan.native == "blocks" else ONLY_LOGS)
        self._told = ToldChain()
        self._balances: dict[str, int] = {}
        self._span, self._window = LOG_SPAN, WINDOW
        self._logs_from = 0
        """The first block whose logs are asked for at all: those before it cannot be had."""
        self._lost: HintGap | None = None
        """What cannot be told any more, until that is told."""
        self._stuck = ""
        """The hash of the head at which the node fell silent."""

    def remember(self, facts: Mapping[str, str]) -> None:
        if facts.get("chain") == self._plan.chain:
            self._told.recall(facts)

    async def close(self) -> None:
        """Nothing is open but what `listen` has opened, and closes."""

    async def listen(self) -> AsyncIterator[Told]:
        async with EvmNode(self._address, self._plan.accounts.keys(), self._limits) as node:
            ask = ChainQuestions(node, self._address.host, self._plan)
            await ask.check_chain()
            await ask.subscribe()
            newest = await ask.newest()
            if newest.hash == self._stuck:
                raise HintSourceError(f"{self._address.host} is still at block {newest.number}")
            async for told in self._resume(ask, newest):
                yield told
            async for told in self._follow(ask, newest):
                yield told

    async def _resume(self, ask: ChainQuestions, newest: BlockHead) -> AsyncIterator[Told]:
        """Tell what was missed since the last connection, or the last run."""
        if self._told.at is None:
            self._told.begin(newest, self._clock.now())
            await self._without_balances(ask)
            yield Alive()
        else:
            taken = await self._turned(ask, newest.number)
            if taken is None:
                self._lose(f"{self._address.host} knows another chain than before")
                self._told.begin(newest, self._clock.now())
            self._too_far(newest.number)
            await self._without_balances(ask)
            yield self._lost or Alive()
            self._lost = None
            for hint in self._hints(taken or ()):
                yield hint
            async for told in self._looks(ask, self._at + 1 - LATE, newest.number):
                yield told
            async for told in self._advance(ask, newest):
                yield told
        yield self._bookmark()

    async def _follow(self, ask: ChainQuestions, head: BlockHead) -> AsyncIterator[Told]:
        """Tell what the node tells, until it falls silent."""
        loop, patience = asyncio.get_running_loop(), self._plan.silent_after
        heard = loop.time()
        while True:
            try:
                async with asyncio.timeout_at(heard + patience.total_seconds()):
                    event = await ask.node.event()
            except TimeoutError:
                self._stuck = head.hash
                text = f"no block for {format_duration(patience)}: {self._address.host} is at {head.number}"
                raise HintSourceError(text) from None
            if isinstance(event, Moved):
                for hint in self._hints([event]):
                    yield hint
                continue
            heard, head = loop.time(), event
            async for told in self._on_head(ask, head):
                yield told
            yield Alive()

    async def _on_head(self, ask: ChainQuestions, head: BlockHead) -> AsyncIterator[Told]:
        if self._told.hash_of(head.number) == head.hash:
            return
        if not self._told.attaches(head):
            taken = await self._turned(ask, head.number)
            if taken is None:
                yield HintGap(None, f"{self._address.host} has replaced more blocks than are remembered")
                self._told.skip_to(head.number - 1)
            for hint in self._hints(taken or ()):
                yield hint
        self._too_far(head.number)
        if self._lost:
            yield self._lost
            self._lost = None
        if head.number > self._at + 1:  # heads were left out, so perhaps logs were too
            async for told in self._looks(ask, self._at + 1, head.number):
                yield told
        async for told in self._advance(ask, head):
            yield told

    async def _advance(self, ask: ChainQuestions, head: BlockHead) -> AsyncIterator[Told]:
        """Tell of native coins up to a head, and go on from there."""
        if self._plan.native == "blocks":
            async for told in self._scan(ask, head.number):
                yield told
            return
        if head.number > self._at:
            for hint in self._hints(self._told.reached(head, self._clock.now())):
                yield hint
        if self._plan.native == "balances":
            if ask.node.newest is not None and ask.node.newest.number > head.number:
                return  # that one says more, and it may be on its way for longer than a block takes
            for hint in await self._compared(ask, head):
                yield hint
        yield self._bookmark()

    async def _scan(self, ask: ChainQuestions, last: int) -> AsyncIterator[Told]:
        """Tell of the blocks after the last one told, as far as they are there."""
        turns = 0
        while self._at < last:
            first = self._at + 1
            blocks = await self._read(ask, first, min(last, first + self._window - 1))
            for block in blocks:
                if block is None:
                    return  # the next head asks for it again
                if not self._told.attaches(block.head):
                    break
                for hint in self._hints(block.moved):
                    yield hint
                for hint in self._hints(self._told.reached(block.head, self._clock.now())):
                    yield hint
            else:
                yield self._bookmark()
                continue
            turns += 1
            taken = await self._turned(ask, last)
            if taken is None or turns > MOST_TURNS:
                raise HintSourceError(f"the blocks of {self._address.host} do not fit together")
            for hint in self._hints(taken):
                yield hint

    async def _read(self, ask: ChainQuestions, first: int, last: int) -> list[FullBlock | None]:
        """Some blocks. One that is too long is left out by the next connection, and told as a gap."""
        try:
            blocks = await ask.blocks(first, last)
        except TooLongError as error:
            if first == last:
                self._lose(f"block {first}: {error.why}")
                self._told.skip_to(first)
                self._window = WINDOW
            else:
                self._window = 1
            raise
        return blocks

    async def _looks(self, ask: ChainQuestions, first: int, last: int) -> AsyncIterator[Told]:
        """Tell of the transfers of some blocks, looked for in parts as large as the node allows."""
        first, pauses = max(first, self._logs_from), iter(PAUSES)
        for _ in range(MOST_LOOKS):
            if first > last:
                return
            until = min(last, first + self._span - 1)
            try:
                found = await ask.logs(first, until)
            except TooLongError as error:
                self._fewer(first, error.why)
                raise
            except RefusedCallError as error:
                if until > first:
                    self._span = (until - first + 1) // 2
                elif pause := next(pauses, None):  # a block that is not everywhere yet
                    await asyncio.sleep(pause)
                else:
                    yield HintGap(self._told.since, f"{self._address.host} tells no logs: {error.said}")
                    return
                continue
            for hint in self._hints(found):
                yield hint
            first = until + 1
        yield HintGap(self._told.since, f"{self._address.host} tells the logs of too few blocks at once")

    def _fewer(self, block: int, why: str) -> None:
        if self._span == 1:
            self._logs_from = block + 1
            self._lose(f"logs of block {block}: {why}")
        self._span = max(1, self._span // 2)

    async def _turned(self, ask: ChainQuestions, newest: int) -> list[Moved] | None:
        """What a reorganisation took back, after a step back to the last block told that is still part of the
        chain. None: there is none among those remembered.

        A node that knows none of the last ones, and the same ones before them, lags behind.
        """
        replaced = False
        remembered = self._told.remembered()
        for number in remembered:
            found = await ask.head(number) if number <= newest else None
            if found is not None and found.hash == self._told.hash_of(number):
                return self._told.back_to(number) if replaced else []
            replaced = replaced or found is not None
        return None if remembered or newest < self._at else []

    def _lose(self, why: str) -> None:
        """Note for the next thing told that something cannot be told any more."""
        before = self._lost
        since = before.since if before else self._told.since
        self._lost = HintGap(since, f"{before.why}; {why}" if before else why)

    def _too_far(self, newest: int) -> None:
        """Leave out what would take too long."""
        missed = newest - self._at
        if missed > self._most:
            self._lose(f"{missed} blocks were missed, and the last {self._most} of them are looked at")
            self._told.skip_to(newest - self._most)

    async def _without_balances(self, ask: ChainQuestions) -> None:
        """Find what there was when the last run ended."""
        if self._plan.native != "balances" or self._balances:
            return
        try:
            self._balances = await ask.balances(self._at)
        except RefusedCallError as error:
            self._lose(f"{self._address.host} knows no balances of block {self._at}: {error.said}")

    async def _compared(self, ask: ChainQuestions, head: BlockHead) -> list[Hint]:
        try:
            now = await ask.balances()
        except RefusedCallError as error:
            text = f"{self._address.host} tells no balances: {error.said}"
            raise HintSourceError(text, refused=error.refused) from None
        before, self._balances = self._balances, now
        changed = tuple(address for address, held in now.items() if before.get(address, held) != held)
        return self._told_as(Moved("balance", head.number, head.hash, changed, head.at))

    def _hints(self, moves: Iterable[Moved]) -> list[Hint]:
        """Hints of what moved, which are remembered in case that they are taken back."""
        hints: list[Hint] = []
        for moved in moves:
            self._told.note(moved)
            hints += self._told_as(moved)
        return hints

    def _told_as(self, moved: Moved) -> list[Hint]:
        """Hints of one event. What is taken back has another id than what was told, and so has the same
        transaction in another block: each time the balance was another one."""
        end = f":{moved.block}" + (":removed" if moved.removed else "")
        happened = None if moved.removed else moved.at
        where = self._plan.accounts
        return [Hint(where[each], f"{moved.event}:{each}{end}", happened) for each in moved.addresses]

    def _bookmark(self) -> Bookmark:
        return Bookmark({"chain": self._plan.chain, **self._told.facts()})

    @property
    def _at(self) -> int:
        return self._told.at or 0
