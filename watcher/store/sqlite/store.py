"""The store on SQLite: a port over one thread that owns the connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Self, TypeVar

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
from watcher.ports.store import Concluding, Deciding, Settlement
from watcher.store.sqlite.connection import StoreLock
from watcher.store.sqlite.errors import translated
from watcher.store.sqlite.transactions import Transactions
from watcher.system.files import make_folder

T = TypeVar("T")


class SqliteStore:
    """One thread opens, works and closes; each method is one transaction in it."""

    def __init__(self, path: Path, lock: StoreLock | None) -> None:
        self.path = path
        self.members: Members = SoleMember()
        self.shared: SharedWork | None = None
        self.figures: StoreFigures | None = None
        self._lock = lock
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._core: Transactions | None = None
        self._log = path.resolve().with_name(path.resolve().name + "-wal")
        self._written: tuple[int, int] | None = None
        self._version = 0

    @classmethod
    async def open(cls, path: Path, *, exclusive: bool) -> Self:
        with translated(path):
            make_folder(path.parent)
            store = cls(path, StoreLock(path) if exclusive else None)
        try:
            store._core = await asyncio.get_running_loop().run_in_executor(store._thread, Transactions, path)
        except BaseException:
            store._end()
            raise
        return store

    def led(self, lease: Lease) -> Self:  # noqa: ARG002
        return self

    def queries(self) -> Queries:
        # What reads a store like people do is loaded for who asks.
        from watcher.store.sqlite.queries import SqliteQueries

        return SqliteQueries(self.path)

    def commands(self, actor: Actor) -> Commands:
        from watcher.store.sqlite.commands import SqliteCommands

        return SqliteCommands(self.path, actor)

    async def close(self) -> None:
        """Finish what was begun, close the file, let the lock go."""
        if self._core is not None:
            core, self._core = self._core, None
            try:
                await asyncio.get_running_loop().run_in_executor(self._thread, core.close)
            finally:
                self._end()

    def _end(self) -> None:
        self._thread.shutdown(wait=False)
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    async def _do(self, work: Callable[[Transactions], T]) -> T:
        core = self._core
        if core is None:
            raise StoreError(f"{self.path}: the store is closed")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, core)

    async def reserve(self, booking: Booking, allowance: Allowance) -> Grant | CreditRefusal:
        return await self._do(lambda core: core.reserve(booking, allowance))

    async def spent(self, source: str, since: datetime) -> int:
        return await self._do(lambda core: core.spent(source, since))

    async def under_way(self, source: str, since: datetime) -> bool:
        return await self._do(lambda core: core.under_way(source, since))

    async def running(self, since: datetime, now: datetime) -> None:
        await self._do(lambda core: core.running(since, now))

    async def load(self, accounts: Sequence[Account]) -> Snapshot:
        return await self._do(lambda core: core.load(accounts))

    async def attempts(self, accounts: Sequence[Account]) -> Mapping[Account, datetime]:
        return await self._do(lambda core: core.load(accounts).attempts)

    async def unread_since(self, at: datetime) -> list[Account]:
        return await self._do(lambda core: core.unread_since(at))

    async def conclude(
        self, accounts: Sequence[Account], decide: Deciding, settlement: Settlement | None = None
    ) -> Decision:
        return await self._do(lambda core: core.conclude(accounts, decide, settlement))

    async def conclude_read(self, read: Callable[[], Concluding]) -> Decision:
        return await self._do(lambda core: core.conclude(*read()))

    async def conclude_sums(
        self, _read: Callable[[Mapping[SumKey, bool]], tuple[Sequence[Account], Deciding]], _most: int
    ) -> Decision | None:
        return None  # each decision sees everyone

    async def fail(self, settlement: Settlement) -> None:
        await self._do(lambda core: core.fail(settlement))

    async def live_alerts(self) -> list[Alert]:
        return await self._do(Transactions.live_alerts)

    async def tidy(self, now: datetime) -> bool:
        return await self._do(lambda core: core.tidy(now))

    async def keep_facts(self, source: str, facts: Mapping[str, str], now: datetime) -> None:
        await self._do(lambda core: core.keep_facts(source, facts, now))

    async def change_fact(
        self, source: str, name: str, change: Callable[[str | None], str], now: datetime
    ) -> str:
        return await self._do(lambda core: core.change_fact(source, name, change, now))

    async def facts(self, source: str) -> Mapping[str, str]:
        return await self._do(lambda core: core.facts(source))

    async def due(self, channel: str, now: datetime, limit: int, *, critical: bool = False) -> list[Delivery]:
        return await self._do(lambda core: core.due(channel, now, limit, critical=critical))

    async def next_due(self, channel: str) -> datetime | None:
        return await self._do(lambda core: core.next_due(channel))

    async def settle(
        self, deliveries: Sequence[Delivery], instead: Mapping[str, Delivery] = EMPTY
    ) -> list[Delivery]:
        return await self._do(lambda core: core.settle(deliveries, instead))

    async def others_wrote(self) -> bool:
        try:
            found = self._log.stat()
        except OSError:
            return False
        written, before = (found.st_mtime_ns, found.st_size), self._version
        if written == self._written:
            return False
        self._version = await self._do(Transactions.version)
        self._written = written
        return self._version != before
