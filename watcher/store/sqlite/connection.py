"""Connection to the store's file: private and durable, or for reading only; and the one daemon's lock."""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Literal

from watcher.domain.values.errors import StoreError, StoreInUseError
from watcher.store.sqlite.location import check_place
from watcher.system.files import make_folder, opened

VERSION = 18
"""`user_version` of the schema that this watcher writes; a file with a higher one is left alone."""

BUSY_SECONDS = 5.0

AT_ONCE = 50
"""Rows of one statement."""


class StoreConnection(sqlite3.Connection):
    """A connection that is asked as `Database` says."""

    NUMBER: ClassVar[str] = "rowid"
    LOCKED: ClassVar[str] = ""  # one alone writes
    FIND: ClassVar[str] = "instr"
    BY_HAND: ClassVar[str] = ""

    def rows(self, sql: str, /, **values: object) -> Iterator[tuple[Any, ...]]:
        for name, each in values.items():
            if type(each) is list:
                values[name] = json.dumps(each)
        return self.execute(sql, values)

    stream = rows

    def among(self, column: str, name: str) -> str:
        return f"{column} IN (SELECT value FROM json_each(:{name}))"  # noqa: S608

    def begins(self, column: str, name: str) -> str:
        return f"({column} >= :{name} AND {column} < :{name} || char(1114111))"

    def folded(self, column: str) -> str:
        return column


def connect(path: Path) -> StoreConnection:
    """Open for writing; a new file is readable by its owner only, and so are its journals."""
    check_place(path)
    make_folder(path.parent)
    os.close(opened(path))
    conn = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, factory=StoreConnection)
    if path.stat().st_size == 0:
        # Only possible before the first table: pages of deleted rows can then be given back in steps.
        conn.execute("PRAGMA auto_vacuum = INCREMENTAL")
    conn.execute("PRAGMA journal_mode = WAL")
    _make_durable(conn)
    conn.execute("PRAGMA journal_size_limit = 16777216")
    return conn


def _make_durable(conn: sqlite3.Connection) -> None:
    # A reservation must survive a power cut, or credits could be spent twice.
    conn.execute("PRAGMA synchronous = FULL")
    conn.execute("PRAGMA foreign_keys = ON")


def connect_existing(path: Path, mode: Literal["ro", "rw"]) -> StoreConnection:
    """Open what is there, beside a running daemon: for reading only, or for a change by hand."""
    if not path.exists():
        raise StoreError(f"{path}: there is no store yet; `watcher run` or `watcher poll` makes it")
    check_place(path)
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, factory=StoreConnection)


def check_version(path: Path, conn: sqlite3.Connection) -> None:
    """StoreError for a schema that is not the one of this watcher."""
    version = conn.execute("PRAGMA user_version").fetchone()[0]
    if version != VERSION:
        remedy = (
            "`watcher run` brings it up to date, and keeps a copy"
            if version < VERSION
            else "use the watcher that wrote it, or a newer one"
        )
        raise StoreError(f"{path}: is of schema {version}, this watcher reads {VERSION}; {remedy}")


@contextmanager
def transaction(path: Path) -> Iterator[StoreConnection]:
    """One transaction in what is there, beside a running daemon: all of it or nothing."""
    conn = connect_existing(path, "rw")
    try:
        check_version(path, conn)
        _make_durable(conn)
        conn.execute("BEGIN IMMEDIATE")
        yield conn
        conn.execute("COMMIT")
    finally:
        conn.close()


def insert(
    conn: sqlite3.Connection, into: str, columns: int, rows: Sequence[tuple[Any, ...]], on_conflict: str = ""
) -> None:
    """Insert rows of so many columns, many in a statement. `into`: from INSERT up to the list of columns.

    Each statement gives the interpreter up and takes it back, while the event loop wants it too: one for
    each row would cost more than the writing.
    """
    whole = len(rows) - len(rows) % AT_ONCE
    for start in range(0, whole, AT_ONCE):
        some = rows[start : start + AT_ONCE]
        conn.execute(_statement(into, columns, AT_ONCE, on_conflict), tuple(chain.from_iterable(some)))
    if whole < len(rows):
        conn.executemany(_statement(into, columns, 1, on_conflict), rows[whole:])


@lru_cache
def _statement(into: str, columns: int, rows: int, on_conflict: str) -> str:
    row = f"({', '.join('?' * columns)})"
    return f"{into} VALUES {', '.join([row] * rows)} {on_conflict}"


class StoreLock:
    """One daemon a store: a lock that the kernel takes back when the process ends, however it ends.

    Held from creation to `release`. StoreInUseError names the process that holds it already.
    """

    def __init__(self, store: Path) -> None:
        path = store.with_name(store.name + ".lock")
        self._file = opened(path)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(self._file, 20, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._file)
            raise StoreInUseError(
                f"{store}: another watcher daemon (process {holder}) works on this store; stop it first"
            ) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        os.close(self._file)
