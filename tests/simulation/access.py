"""A member's way to the store: it takes time, it may fail, and it ends with the member.

Each call is one atomic step of the store somewhere between its beginning and its end, or it does not happen.
What is lost is at times the call, and at times only the word that it was done.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, Self, TypeVar

from tests.simulation.loop import MEMBER
from watcher.domain.audit import Actor
from watcher.domain.credits.allowance import Allowance, Booking, CreditRefusal, Grant
from watcher.domain.decision import Decision, SumKey
from watcher.domain.messages.delivery import Delivery
from watcher.domain.model import EMPTY, Account
from watcher.domain.records import replace
from watcher.domain.values.errors import StoreBusyError
from watcher.ports.commands import Commands
from watcher.ports.members import Lease
from watcher.ports.queries import Queries
from watcher.ports.store import Concluding, Deciding, Settlement

if TYPE_CHECKING:
    from tests.simulation.invariants import Invariants
    from tests.simulation.server import Server
    from watcher.store.memory.store import MemoryStore

R = TypeVar("R")

READ = frozenset(
    {
        "spent", "under_way", "load", "attempts", "unread_since", "live_alerts", "facts", "due", "next_due",
        "others_wrote",
    }
)  # fmt: skip
"""Calls that write nothing."""

QUICK = (0.0, 0.0, 0.001, 0.002, 0.005, 0.02)


class Ways:
    """How the store is reached now, by all members or one."""

    def __init__(self, seed: str) -> None:
        self.chance = random.Random(f"store {seed}")
        self.slow = 0.0
        """Seconds that a call takes at most, while disks are slow."""
        self.failing = 0.0
        """Share of calls that fail."""
        self.loses_words = False
        """Whether what fails may have been done: so it is where a network lies between."""
        self.away = False

    def be_slow(self, most: float) -> None:
        self.slow = most

    def fail(self, share: float) -> None:
        self.failing = share

    def go_away(self, _much: float) -> None:
        self.away = True

    def heal(self) -> None:
        self.slow, self.failing, self.away = 0.0, 0.0, False

    def delay(self) -> float:
        chance = self.chance.random()
        return chance * self.slow if self.slow else QUICK[int(chance * len(QUICK))]


class Way:
    """One member's way to the store. What it carries is done as one step, if it arrives."""

    def __init__(self, ways: Ways, watched: Invariants, cut_off: Callable[[str], bool]) -> None:
        self.ways, self._watched, self._cut_off = ways, watched, cut_off
        self._ordered, self._free = not ways.loses_words, 0.0
        """One thread, one call after the other, where the store is a file; several where it is a server."""
        self._loop = asyncio.get_running_loop()

    def call(self, what: str, work: Callable[[], R]) -> asyncio.Future[R]:
        """One call. Who gives up waiting for it does not call it back, as with a thread's work."""
        loop = self._loop
        done: asyncio.Future[R] = loop.create_future()
        begins = max(loop.time(), self._free) + self.ways.delay()
        if self._ordered:
            self._free = begins
        loop.call_at(begins, self._begin, what, work, done)
        return done

    def _begin(self, what: str, work: Callable[[], R], done: asyncio.Future[R]) -> None:
        ways, member, loop = self.ways, MEMBER.get(), self._loop
        if self._cut_off(member):
            wait = ways.chance.choice((5.0, 15.0))
            loop.call_later(wait, _fail, done, StoreBusyError(f"the store does not answer ({what})"))
            return
        fails = ways.failing and ways.chance.random() < ways.failing
        if ways.away or (fails and not (ways.loses_words and ways.chance.random() < 0.5)):
            _fail(done, StoreBusyError(f"the store is away ({what})"))
            return
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 (it is handed to whoever waits, as a thread's is)
            _fail(done, error)
        else:
            self._watched.after_store(what, member)
            delay = ways.delay()
            if delay:
                loop.call_later(delay, self._end, what, member, done, result, bool(fails))
            else:
                self._end(what, member, done, result, bool(fails))

    def _end(self, what: str, member: str, done: asyncio.Future[R], result: R, fails: bool) -> None:
        if fails or (self.ways.loses_words and self._cut_off(member)):
            _fail(done, StoreBusyError(f"nobody knows whether it was kept ({what})"))
        elif not done.done():
            done.set_result(result)


class StoreInReach:
    """The store port of one member. `server`: of a store that many share."""

    def __init__(
        self,
        store: MemoryStore,
        way: Way,
        watched: Invariants,
        arrived: Callable[[Delivery], bool],
        server: Server | None = None,
    ) -> None:
        self._store, self.way, self._watched, self._arrived = store, way, watched, arrived
        self._server = server
        self._lease: Lease | None = None
        self.members, self.shared = store.members, store.shared

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        """Any other call."""
        if name.startswith("_"):
            raise AttributeError(name)
        method = getattr(self._store, name)

        def call(*args: Any, **more: Any) -> Awaitable[Any]:
            return self._call(name, lambda: method(*args, **more))

        return call

    def led(self, lease: Lease) -> Self:
        other = copy(self)
        other._lease = lease
        return other

    def queries(self) -> Queries:
        return self._store.queries()

    def commands(self, actor: Actor) -> Commands:
        return self._store.commands(actor)

    def _call(self, what: str, work: Callable[[], Coroutine[Any, Any, R]]) -> Awaitable[R]:
        return self.way.call(what, lambda: self._at_once(what, work()))

    def _at_once(self, what: str, work: Coroutine[Any, Any, R]) -> R:
        """All of it is done in one step, for it never waits; if it still may be."""
        try:
            if self._server is not None and what not in READ:
                self._server.check(self._lease)
            work.send(None)
        except StopIteration as result:
            if self._server is not None and self._lease is not None and what not in READ:
                self._watched.writes(self._lease, self._server.leases.get(self._lease.role))
            return result.value  # type: ignore[no-any-return]
        finally:
            work.close()
        raise AssertionError(f"{what} waits")

    def _kept(self, decision: Decision, settlement: Settlement | None) -> Decision:
        self._watched.concluded(decision, settlement)
        if self._server is None:
            return decision
        self._server.concluded(decision, settlement)
        return replace(decision, again=())

    async def reserve(self, booking: Booking, allowance: Allowance) -> Grant | CreditRefusal:
        async def work() -> Grant | CreditRefusal:
            answer = await self._store.reserve(booking, allowance)
            self._watched.reserved(booking, answer, allowance.credits)
            return answer

        return await self._call("reserve", work)

    async def conclude(
        self, accounts: Sequence[Account], decide: Deciding, settlement: Settlement | None = None
    ) -> Decision:
        async def work() -> Decision:
            return self._kept(await self._store.conclude(accounts, decide, settlement), settlement)

        return await self._call("conclude", work)

    async def conclude_read(self, read: Callable[[], Concluding]) -> Decision:
        async def work() -> Decision:
            accounts, decide, settlement = read()
            return self._kept(await self._store.conclude(accounts, decide, settlement), settlement)

        return await self._call("conclude", work)

    async def conclude_sums(
        self, read: Callable[[Mapping[SumKey, bool]], tuple[Sequence[Account], Deciding]], most: int
    ) -> Decision | None:
        async def work() -> Decision | None:
            decision = await self._store.conclude_sums(read, most)
            return self._kept(decision, None) if decision is not None else None

        return await self._call("conclude", work)

    async def fail(self, settlement: Settlement) -> None:
        async def work() -> None:
            await self._store.fail(settlement)
            self._watched.failed(settlement)

        await self._call("fail", work)

    async def settle(
        self, deliveries: Sequence[Delivery], instead: Mapping[str, Delivery] = EMPTY
    ) -> list[Delivery]:
        async def work() -> list[Delivery]:
            found = await self._store.settle(deliveries, instead)
            self._watched.settled(deliveries, self._arrived)
            return found

        return await self._call("settle", work)

    async def close(self) -> None:
        """The store outlives whoever uses it."""


def _fail(done: asyncio.Future[Any], error: Exception) -> None:
    if not done.done():
        done.set_exception(error)
        done.exception()  # whoever has given up waiting need not hear of it
