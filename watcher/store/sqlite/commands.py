"""Commands on SQLite: each a transaction beside a running daemon."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from watcher.domain.audit import Actor
from watcher.domain.model import Account, Asset, Quarantined
from watcher.store.sql.commands import SqlCommands
from watcher.store.sqlite import quarantine
from watcher.store.sqlite.connection import StoreConnection, transaction
from watcher.store.sqlite.errors import translated

T = TypeVar("T")


class SqliteCommands(SqlCommands[StoreConnection]):
    """To one file."""

    def __init__(self, path: Path, actor: Actor) -> None:
        super().__init__(actor)
        self._path = path

    def _do(self, work: Callable[[StoreConnection], T]) -> T:
        with translated(self._path), transaction(self._path) as conn:
            return work(conn)

    def _hide(
        self, database: StoreConnection, holdings: Sequence[tuple[Account, Asset]], hidden: Quarantined
    ) -> None:
        quarantine.hide(database, holdings, hidden)

    def _release(self, database: StoreConnection, holdings: Sequence[tuple[Account, Asset]]) -> None:
        quarantine.release(database, holdings)
