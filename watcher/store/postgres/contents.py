"""All that a schema keeps, for a copy into another store; and an empty schema that such a copy fills."""

# ruff: noqa: S608 - only names of tables and columns are joined into statements

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from watcher.domain.alerts.events import Event
from watcher.domain.values.errors import StoreError, StoreInUseError
from watcher.domain.values.formatting import counted
from watcher.ports.copying import TABLES, CopiedTable, Row
from watcher.ports.members import PLAN
from watcher.store.codec import canonical, to_ms
from watcher.store.postgres import learnt
from watcher.store.postgres.errors import translated
from watcher.store.postgres.migrate import check_version, migrate, version_of
from watcher.store.postgres.pool import Connection, Pool, stream, take_as_long
from watcher.store.postgres.questions.asking import number
from watcher.store.rows import message_from
from watcher.store.sql.history import runs

_NUMBERS = {"changes": "change_numbers", "requests": "request_numbers"}
"""Sequences of tables that are parted by time; those of the others belong to their columns."""


class PostgresContents:
    """Tables over a connection that is within a transaction."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    def count(self, table: CopiedTable) -> int:
        return number(self._conn, f"SELECT count(*) FROM {table.name}")

    def rows(self, table: CopiedTable) -> Iterator[Row]:
        if table.name == "runs":  # where one daemon writes, none begins while another one is at work
            yield from ((to_ms(run.began), to_ms(run.seen)) for run in runs(self._conn))
            return
        news = learnt.rows(self._conn) if table.name == "facts" else {}
        convert = tuple(_exact if column in table.amounts else _plain for column in table.columns)
        for row in stream(self._conn, f"SELECT {', '.join(table.columns)} FROM {table.name}"):
            values = tuple(write(value) for write, value in zip(convert, row, strict=True))
            if values[:2] in news:
                values = (*values[:2], learnt.joined(values[2], news[values[:2]]), *values[3:])
            yield values

    def numbers(self) -> Mapping[str, int]:
        sql = "SELECT coalesce(pg_sequence_last_value({}), 0)"
        return {
            table.name: number(self._conn, sql.format(_sequence(table))) for table in TABLES if table.number
        }


class PostgresFilling(PostgresContents):
    """Tables of an empty schema, which are filled."""

    def kept(self, text: str) -> str:
        return text.replace("\0", "�")

    def fill(self, table: CopiedTable, rows: Iterable[Row]) -> None:
        # Triggers have filled it with what follows from the other tables, and not with how it came about.
        self._conn.execute(f"DELETE FROM {table.name}")
        columns = [*table.columns, *(name for name, _ in _MORE.get(table.name, ()))]
        more = [value for _, value in _MORE.get(table.name, ())]
        with (
            self._conn.cursor() as cursor,
            cursor.copy(f"COPY {table.name} ({', '.join(columns)}) FROM STDIN") as into,
        ):
            for row in rows:
                into.write_row((*row, *(value(row) for value in more)))
        if table.name == "facts":
            learnt.spread(self._conn)

    def go_on_from(self, numbers: Mapping[str, int]) -> None:
        for table in TABLES:
            if table.number and numbers[table.name]:
                self._conn.execute(f"SELECT setval({_sequence(table)}, %s)", (numbers[table.name],))


def _sequence(table: CopiedTable) -> str:
    own = _NUMBERS.get(table.name)
    name = f"'{own}'" if own else f"pg_get_serial_sequence('{table.name}', '{table.number}')"
    return f"{name}::regclass"


def _exact(value: Decimal | None) -> str | None:
    return None if value is None else canonical(value)


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value


def _because(row: Row) -> str:
    """What a message says of why, which `happenings` has too."""
    return Event(message_from(row[1:])).because


_MORE: Mapping[str, tuple[tuple[str, Callable[[Row], str]], ...]] = {
    "messages": (("because", _because),),
    "runs": (("member", lambda _: ""),),
}
"""By table: columns that only this store has, and what is in them."""


@contextmanager
def leaving(pool: Pool) -> Iterator[PostgresContents]:
    """All that is in the schema, of one moment."""
    with pool.connection() as conn, translated(pool.place):
        check_version(pool.place, version_of(conn))
        conn.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        _begin(pool, conn)
        yield PostgresContents(conn)


@contextmanager
def filling(pool: Pool) -> Iterator[PostgresFilling]:
    """An empty schema, which is made if it is missing; what fills it is kept when the block ends well."""
    migrate(pool)
    with pool.connection() as conn, translated(pool.place):
        conn.execute("BEGIN")
        _begin(pool, conn)
        names = [table.name for table in TABLES]
        conn.execute(f"LOCK TABLE {', '.join(names)} IN EXCLUSIVE MODE")
        for name in names:
            if conn.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone():
                raise StoreError(
                    f"{pool.place}: schema {pool.schema} is not empty (table {name}); a store is copied into "
                    "an empty one, name another schema"
                )
        yield PostgresFilling(conn)
        conn.execute("COMMIT")
        conn.execute(f"ANALYZE {', '.join(names)}")


def _begin(pool: Pool, conn: Connection) -> None:
    """However long it takes, nobody plans meanwhile. StoreInUseError if members are at work."""
    take_as_long(conn)
    conn.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    sql = f"SELECT pg_try_advisory_xact_lock(lock_class('role'), hashtext('{PLAN}'))"
    (alone,) = next(iter(conn.execute(sql)))
    members = [
        name for (name,) in conn.execute("SELECT name FROM members WHERE held('name', name) ORDER BY 1")
    ]
    if members or not alone:
        who = f"{counted(len(members), 'member')} ({', '.join(members)})" if members else "somebody"
        raise StoreInUseError(f"{pool.place}: {who} at work on schema {pool.schema}; stop all of them first")
