"""The store on PostgreSQL: a port over a few threads, each of which has a connection while it works."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from watcher.domain.alerts.lifecycle import Alert
from watcher.domain.audit import Actor
from watcher.domain.credits.allowance import Allowance, Booking, CreditRefusal, Grant
from watcher.domain.decision import Decision, Snapshot, SumKey
from watcher.domain.messages.delivery import Delivery
from watcher.domain.model import EMPTY, Account
from watcher.domain.values.errors import StoreError
from watcher.ports.commands import Commands
from watcher.ports.figures import StoreFigures
from watcher.ports.members import Lease, Members, SoleMember
from watcher.ports.queries import Queries
from watcher.ports.shared_work import SharedWork
from watcher.ports.store import Concluding, Deciding, Settlement, StoreAccess
from watcher.store.codec import from_ms
from watcher.store.postgres.clock import DatabaseClock, Timer, ask_time
from watcher.store.postgres.members import PostgresMembers, joining
from watcher.store.postgres.migrate import migrate
from watcher.store.postgres.outage import Outage
from watcher.store.postgres.partitions import make_ahead
from watcher.store.postgres.pool import Pool
from watcher.store.postgres.transactions import PostgresTransactions, repeated

if TYPE_CHECKING:
    from watcher.store.postgres.jobs import PostgresSharedWork

T = TypeVar("T")

KEPT = 60.0
"""Seconds for which an answer is kept that cannot be concluded, because the server is away. After that its
request stays charged."""
GRACE = 2.0
"""Seconds that what is under way has to end, before its connections are cut."""


class Looking(StoreAccess, Protocol):
    """What answers those who look and command, on connections of their own."""

    @property
    def pool(self) -> Pool: ...


def prepare(pool: Pool) -> None:
    """Make the schema, or what of it is missing, and the tables of the time that begins."""
    migrate(pool)
    repeated(pool, lambda conn: make_ahead(conn, from_ms(next(iter(conn.execute("SELECT now_ms()")))[0])))


class PostgresStore:
    """Each method is one transaction, in whichever thread is free."""

    def __init__(self, pool: Pool, beside: Looking, member: str) -> None:
        self._pool, self._beside = pool, beside
        self._threads = ThreadPoolExecutor(max_workers=pool.size, thread_name_prefix="store")
        self.members: Members = SoleMember()
        self._outage: Outage | None = None
        """What a member outlasts; who is none is told of it at once."""
        self._work: PostgresSharedWork | None = None
        self._core: PostgresTransactions | None = PostgresTransactions(pool, member)

    @classmethod
    async def open(cls, pool: Pool, beside: Looking, member: str, *, exclusive: bool) -> Self:
        """`exclusive`: for a member, which shares with others what one alone may do."""
        store, clock = cls(pool, beside, member), DatabaseClock()
        store.members = SoleMember(clock)
        if exclusive:
            store._outage = Outage(pool.place, Timer(), clock)
            store.members = joining(pool, clock, store._outage, store._cut)
        try:
            await asyncio.get_running_loop().run_in_executor(store._threads, store._make_ready, clock)
        except BaseException:
            await store.close()
            raise
        return store

    def _make_ready(self, clock: DatabaseClock) -> None:
        prepare(self._pool)
        with self._pool.connection() as conn:
            ask_time(conn, clock)
        if self._core is not None:
            self._core.others_wrote()  # what comes after this is news

    @property
    def shared(self) -> SharedWork | None:
        return self._work

    @property
    def figures(self) -> StoreFigures:
        return self._pool.figures

    def share(self, pool: Pool) -> None:
        """Hand work to others, and take it, by these connections."""
        from watcher.store.postgres.jobs import PostgresSharedWork

        self._work = PostgresSharedWork(pool, self._outage)

    def led(self, lease: Lease) -> Self:
        other = copy(self)
        other._core = self._core.led(lease) if self._core is not None else None  # noqa: SLF001
        return other

    def queries(self) -> Queries:
        return self._beside.queries()

    def commands(self, actor: Actor) -> Commands:
        return self._beside.commands(actor)

    async def close(self) -> None:
        """Finish what was begun, then let the connections go."""
        if self._core is not None:
            self._core = None
            if isinstance(self.members, PostgresMembers):
                await self.members.close()
            await self._let_go()

    async def _let_go(self) -> None:
        """End all connections, also of those who look: a server that is gone answers nobody."""
        threads = [self._threads]
        self._pool.close()
        if self._work is not None:
            self._work.close()
            threads.append(self._work.threads)
        loop = asyncio.get_running_loop()
        ending = [loop.run_in_executor(None, each.shutdown) for each in threads]
        await asyncio.wait(ending, timeout=GRACE)
        self._cut()
        await asyncio.wait(ending, timeout=GRACE)

    def _cut(self) -> None:
        for each in (self._pool, self._beside.pool, *([self._work.pool] if self._work is not None else [])):
            each.cut()

    # ------------------------------------------------------------------ in threads

    async def _try(self, work: Callable[[PostgresTransactions], T]) -> T:
        core = self._core
        if core is None:
            raise StoreError(f"{self._pool.place}: the store is closed")
        done = work.__qualname__.split(".")[1]  # the method's name, here and there
        with self.figures.measured(done):
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, core)

    async def _once(self, work: Callable[[PostgresTransactions], T], *, writes: bool = False) -> T:
        """Do it, and say at once if the server is away."""
        if self._outage is None:
            return await self._try(work)
        return await self._outage.attempt(partial(self._try, work), writes=writes)

    async def _do(
        self, work: Callable[[PostgresTransactions], T], *, writes: bool = True, within: float = math.inf
    ) -> T:
        """Do it as soon as the server is there."""
        if self._outage is None:
            return await self._try(work)
        return await self._outage.outlast(partial(self._try, work), writes=writes, within=within)

    async def _ask(self, work: Callable[[PostgresTransactions], T]) -> T:
        return await self._do(work, writes=False)

    # ------------------------------------------------------------------ what the port asks for

    async def reserve(self, booking: Booking, allowance: Allowance) -> Grant | CreditRefusal:
        # Not anew: whoever waited for long asks again whether it is still to be asked for.
        return await self._once(lambda core: core.reserve(booking, allowance), writes=True)

    async def spent(self, source: str, since: datetime) -> int:
        return await self._ask(lambda core: core.spent(source, since))

    async def under_way(self, source: str, since: datetime) -> bool:
        return await self._ask(lambda core: core.under_way(source, since))

    async def running(self, since: datetime, now: datetime) -> None:
        await self._do(lambda core: core.running(since, now))

    async def load(self, accounts: Sequence[Account]) -> Snapshot:
        return await self._once(lambda core: core.load(accounts))

    async def attempts(self, accounts: Sequence[Account]) -> Mapping[Account, datetime]:
        return await self._ask(lambda core: core.attempts(accounts))

    async def unread_since(self, at: datetime) -> list[Account]:
        return await self._ask(lambda core: core.unread_since(at))

    async def conclude(
        self, accounts: Sequence[Account], decide: Deciding, settlement: Settlement | None = None
    ) -> Decision:
        if settlement is not None:
            return await self.conclude_read(lambda: (accounts, decide, settlement))
        return await self._do(lambda core: core.conclude(accounts, decide, None))

    async def conclude_read(self, read: Callable[[], Concluding]) -> Decision:
        was_read: list[Concluding] = []
        tried: list[Decision] = []

        def work(core: PostgresTransactions) -> Decision:
            if not was_read:
                was_read.append(read())
            return core.conclude(*was_read[0], tried)

        return await self._do(work, within=KEPT)

    async def conclude_sums(
        self, read: Callable[[Mapping[SumKey, bool]], tuple[Sequence[Account], Deciding]], most: int
    ) -> Decision | None:
        return await self._do(lambda core: core.conclude_sums(read, most))

    async def fail(self, settlement: Settlement) -> None:
        await self._do(lambda core: core.fail(settlement))

    async def live_alerts(self) -> list[Alert]:
        return await self._once(PostgresTransactions.live_alerts)

    async def tidy(self, now: datetime) -> bool:
        return await self._do(lambda core: core.tidy(now))

    async def keep_facts(self, source: str, facts: Mapping[str, str], now: datetime) -> None:
        await self._do(lambda core: core.keep_facts(source, facts, now), within=KEPT)

    async def change_fact(
        self, source: str, name: str, change: Callable[[str | None], str], now: datetime
    ) -> str:
        return await self._do(lambda core: core.change_fact(source, name, change, now))

    async def facts(self, source: str) -> Mapping[str, str]:
        return await self._ask(lambda core: core.facts(source))

    async def due(self, channel: str, now: datetime, limit: int, *, critical: bool = False) -> list[Delivery]:
        return await self._ask(lambda core: core.due(channel, now, limit, critical=critical))

    async def next_due(self, channel: str) -> datetime | None:
        return await self._ask(lambda core: core.next_due(channel))

    async def settle(
        self, deliveries: Sequence[Delivery], instead: Mapping[str, Delivery] = EMPTY
    ) -> list[Delivery]:
        return await self._do(lambda core: core.settle(deliveries, instead))

    async def others_wrote(self) -> bool:
        return await self._once(PostgresTransactions.others_wrote)
