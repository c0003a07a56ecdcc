"""What the store knows, for people and scripts: read-only, beside a running daemon."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from watcher.domain.model import Account
from watcher.ports.members import MemberState
from watcher.ports.queries import PollMark
from watcher.store.answering import answered_by, streamed_by
from watcher.store.codec import time
from watcher.store.sql import ledger
from watcher.store.sql.questions import SharedQuestions
from watcher.store.sqlite import (
    chart_data,
    hinted,
    marks,
    snapshot,
    spark_data,
    statement_data,
)
from watcher.store.sqlite import history as change_rows
from watcher.store.sqlite.connection import StoreConnection, check_version, connect_existing
from watcher.store.sqlite.errors import translated


class SqliteQueries(SharedQuestions):
    """Questions to a store on disk. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with translated(path):
            self._conn = connect_existing(path, "ro")
            try:
                check_version(path, self._conn)
            except BaseException:
                self._conn.close()
                raise

    def __enter__(self) -> SqliteQueries:
        return self

    def __exit__(self, *_: object) -> None:
        self._conn.close()

    past = answered_by(snapshot.read)
    history = answered_by(change_rows.history)
    oldest = answered_by(change_rows.oldest)
    recorded = answered_by(change_rows.recorded)
    known_since = answered_by(chart_data.known_since)
    tracks = answered_by(chart_data.read)
    statement = answered_by(statement_data.read)
    moved = streamed_by(statement_data.moved)
    price_steps = answered_by(statement_data.price_steps)
    sparks = answered_by(spark_data.read)
    then = answered_by(spark_data.then)
    mark = answered_by(marks.mark)
    changes = answered_by(marks.changes)
    newest = answered_by(marks.newest)

    facts = answered_by(ledger.facts)
    hinted_polls = answered_by(hinted.polls)
    hint_tallies = answered_by(hinted.tallies)

    def poll_marks(self) -> Iterator[PollMark]:
        sql = "SELECT source, chain, address, last_reading, misses FROM accounts"
        yield from (PollMark(Account(*key), time(at), misses) for *key, at, misses in self._conn.execute(sql))

    def size(self) -> int | None:
        log = self._path.with_name(self._path.name + "-wal")
        found = [path.stat().st_size for path in (self._path, log) if path.exists()]
        return sum(found) if found else None

    def members(self) -> list[MemberState]:
        return []

    def work(self) -> None:
        """One alone has it."""

    @contextmanager
    def asked(self) -> Iterator[StoreConnection]:
        """All that is read in here is of one moment, whatever the daemon writes meanwhile."""
        with translated(self._path):
            self._conn.execute("BEGIN")
            try:
                yield self._conn
            finally:
                self._conn.rollback()
