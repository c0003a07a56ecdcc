"""A store in memory, for what must leave no trace: rule tests and backtests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from watcher.domain.decision import Decision, Snapshot
from watcher.domain.model import Account
from watcher.domain.values.errors import StoreError
from watcher.ports.store import Recall, Settlement
from watcher.store.sqlite.connection import connect_memory
from watcher.store.sqlite.store import SqliteStore
from watcher.store.sqlite.transactions import Transactions

T = TypeVar("T")


class InMemoryStore(SqliteStore):
    """The same tables and the same work, without a file and without a thread: a call is done when it returns.

    `trying`: what is concluded is not kept. `on_conclusion` hears of everything that is concluded.
    """

    def __init__(self, on_conclusion: Callable[[Decision], None] = lambda _: None) -> None:
        super().__init__(Path(":memory:"), None)
        self._core = Transactions(self.path, connect_memory)
        self.on_conclusion = on_conclusion
        self.trying = False

    async def conclude(
        self,
        accounts: Sequence[Account],
        decide: Callable[[Snapshot, Recall], Decision],
        settlement: Settlement | None = None,
    ) -> Decision:
        if self.trying:
            conclusion = await self._do(lambda core: core.consider(accounts, decide))
        else:
            conclusion = await super().conclude(accounts, decide, settlement)
        self.on_conclusion(conclusion)
        return conclusion

    async def close(self) -> None:
        if self._core is not None:
            core, self._core = self._core, None
            core.close()

    async def _do(self, work: Callable[[Transactions], T]) -> T:
        if self._core is None:
            raise StoreError("the store in memory is closed")
        return work(self._core)
