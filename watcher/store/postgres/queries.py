"""What the store knows, for people and scripts: read-only, beside running daemons."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Self

from psycopg.pq import TransactionStatus

from watcher.store.answering import answered_by, streamed_by
from watcher.store.postgres import learnt
from watcher.store.postgres.errors import translated
from watcher.store.postgres.migrate import check_version, version_of
from watcher.store.postgres.pool import Connection, Pool
from watcher.store.postgres.questions import charts, hinted, marks, statements
from watcher.store.postgres.questions import history as change_rows
from watcher.store.postgres.questions import members as member_rows
from watcher.store.postgres.questions import past as whole_past
from watcher.store.postgres.questions import sparks as spark_data
from watcher.store.postgres.questions.asking import number
from watcher.store.sql.questions import SharedQuestions


class PostgresQueries(SharedQuestions):
    """Questions to one schema. All answers of a `with` block are of one moment."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._using = ExitStack()
        self._conn: Connection | None = None

    def __enter__(self) -> Self:
        with ExitStack() as using:
            conn = using.enter_context(self._pool.connection())
            check_version(self._pool.place, version_of(conn))
            conn.execute(_BEGIN)
            self._conn, self._using = conn, using.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._conn = None
        self._using.close()

    poll_marks = streamed_by(whole_past.poll_marks)
    past = answered_by(whole_past.read)
    history = answered_by(change_rows.history)
    oldest = answered_by(change_rows.oldest)
    recorded = answered_by(change_rows.recorded)
    known_since = answered_by(charts.known_since)
    tracks = answered_by(charts.read)
    statement = answered_by(statements.read)
    moved = streamed_by(statements.moved)
    price_steps = answered_by(statements.price_steps)
    sparks = answered_by(spark_data.read)
    then = answered_by(spark_data.then)
    mark = answered_by(marks.mark_of)
    changes = answered_by(marks.changes_in)
    newest = answered_by(marks.newest)

    facts = answered_by(learnt.whole)
    hinted_polls = answered_by(hinted.polls)
    hint_tallies = answered_by(hinted.tallies)

    members = answered_by(member_rows.all_of)
    work = answered_by(member_rows.work_of)

    def size(self) -> int | None:
        """Bytes of all tables and indexes of the schema."""
        with self.asked() as conn:
            return number(conn, _SIZE)

    @contextmanager
    def asked(self) -> Iterator[Connection]:
        """Errors of the database are ours out of here. After one that the server lives through, the next
        question begins another transaction."""
        assert self._conn is not None, "questions are asked in a `with` block"  # noqa: S101
        with translated(self._pool.place):
            if self._conn.info.transaction_status is TransactionStatus.INERROR:
                self._conn.rollback()
                self._conn.execute(_BEGIN)
            yield self._conn


_BEGIN = (
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
    " SET LOCAL statement_timeout = '5min'; SET LOCAL idle_in_transaction_session_timeout = '10min'"
)
"""Reports and backtests take their time, which who polls does not have."""

_SIZE = """
    SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'm')
"""
