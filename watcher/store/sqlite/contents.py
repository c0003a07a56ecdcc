"""All that the file keeps, for a copy into another store; and a file that such a copy fills."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

from watcher.ports.copying import TABLES, CopiedTable, Row
from watcher.store.backup import growing
from watcher.store.sqlite.connection import StoreLock, check_version, connect, connect_existing, insert
from watcher.store.sqlite.errors import translated
from watcher.store.sqlite.upgrade import upgrade

_HIDDEN = {("deliveries", "number"): "rowid", ("hinted", "id"): "rowid"}
"""Columns that a table has without their being named in it."""

_AT_ONCE = 1000
"""Rows of one statement or more, at most."""


class SqliteContents:
    """Tables over a connection that is within a transaction."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn

    def count(self, table: CopiedTable) -> int:
        found: int = self._conn.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0]  # noqa: S608
        return found

    def rows(self, table: CopiedTable) -> Iterator[Row]:
        yield from self._conn.execute(f"SELECT {_columns(table)} FROM {table.name}")  # noqa: S608

    def numbers(self) -> Mapping[str, int]:
        found = {}
        for table in TABLES:
            if table.number:
                column = _HIDDEN.get((table.name, table.number), table.number)
                sql = f"SELECT coalesce(max({column}), 0) FROM {table.name}"  # noqa: S608
                found[table.name] = self._conn.execute(sql).fetchone()[0]
        return {**found, **dict(self._conn.execute("SELECT name, seq FROM sqlite_sequence"))}


class SqliteFilling(SqliteContents):
    """Tables of a new file, which are filled."""

    def kept(self, text: str) -> str:
        return text

    def fill(self, table: CopiedTable, rows: Iterable[Row]) -> None:
        # Triggers have filled it with what follows from the other tables, and not with how it came about.
        self._conn.execute(f"DELETE FROM {table.name}")  # noqa: S608
        into, left = f"INSERT INTO {table.name} ({_columns(table)})", iter(rows)
        while some := list(islice(left, _AT_ONCE)):
            insert(self._conn, into, len(table.columns), some)

    def go_on_from(self, numbers: Mapping[str, int]) -> None:
        for (name,) in self._conn.execute("SELECT name FROM sqlite_sequence").fetchall():
            self._conn.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = ?", (numbers[name], name))


def _columns(table: CopiedTable) -> str:
    return ", ".join(_HIDDEN.get((table.name, column), column) for column in table.columns)


@contextmanager
def leaving(path: Path) -> Iterator[SqliteContents]:
    """All that is in the file. StoreInUseError if a daemon works on it; none can begin meanwhile."""
    with translated(path), closing(connect_existing(path, "ro")) as conn:
        check_version(path, conn)
        lock = StoreLock(path)
        try:
            conn.execute("BEGIN")
            yield SqliteContents(conn)
        finally:
            lock.release()


@contextmanager
def filling(path: Path) -> Iterator[SqliteFilling]:
    """A new file, which is there when the block ends well. StoreError if there is one."""
    with growing(path, "copy") as partial, translated(path), closing(connect(partial)) as conn:
        upgrade(partial, conn)
        conn.execute("BEGIN IMMEDIATE")
        conn.execute("PRAGMA defer_foreign_keys = ON")  # an asset may name one that comes later
        yield SqliteFilling(conn)
        conn.execute("COMMIT")
