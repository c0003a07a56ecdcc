"""Connections to the database: each thread has one while it works, and those at rest wait for the next."""

from __future__ import annotations

import math
import re
import select
import socket
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import count
from string import ascii_lowercase, ascii_uppercase
from time import monotonic
from typing import Any, ClassVar, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.types.string import StrDumperUnknown
from pydantic import SecretStr

from watcher.domain.values.errors import StoreBusyError, StoreError
from watcher.ports.figures import StoreFigures
from watcher.store.postgres.errors import translated
from watcher.store.postgres.location import place_of

RV = TypeVar("RV")

WAIT = 10.0
"""Seconds that a thread waits for a connection that another one has."""
PATIENCE = 35.0
"""Seconds without a word of the server after which nobody is there: by then it has ended each statement."""

_NETWORK = {
    "connect_timeout": 5,
    "keepalives": 1, "keepalives_idle": 5, "keepalives_interval": 3, "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}  # fmt: skip
"""A machine that is gone without a word is noticed within some 15 seconds."""

_SESSION = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "3",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "15s",
    "lock_timeout": "5s",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "30s",
    "default_transaction_isolation": "read committed",
    "jit": "off",
}


class AnyText(StrDumperUnknown):
    """Text from outside as PostgreSQL can keep it: no zeros, and no halves of a surrogate pair."""

    def dump(self, obj: str) -> bytes:
        return obj.replace("\0", "\ufffd").encode("utf-8", "replace")


class PostgresConnection(psycopg.Connection[tuple[Any, ...]]):
    """One that is not waited on for ever. Of a server that stands still, and of a proxy whose server is gone,
    the network sees nothing."""

    patience = PATIENCE
    server = ""
    """When it began to serve. What was known of another one need not be so here: a copy that took over may
    lack the last moment."""

    NUMBER: ClassVar[str] = "number"
    LOCKED: ClassVar[str] = " FOR NO KEY UPDATE"
    FIND: ClassVar[str] = "strpos"
    BY_HAND: ClassVar[str] = ", changed_in = pg_current_xact_id()"

    def rows(self, sql: str, /, **values: object) -> Iterator[tuple[Any, ...]]:
        return self.execute(_percents(sql), values)

    def stream(self, sql: str, /, **values: object) -> Iterator[tuple[Any, ...]]:
        return stream(self, _percents(sql), values)

    def among(self, column: str, name: str) -> str:
        return f"{column} = ANY(:{name})"

    def begins(self, column: str, name: str) -> str:
        return f"starts_with({column}, :{name})"

    def folded(self, column: str) -> str:
        """What the database itself takes for one letter depends on its locale."""
        return f"translate({column}, '{ascii_uppercase}', '{ascii_lowercase}')"

    def cut(self) -> None:
        """End it from any thread, without a word to the server: who waits for an answer has an error."""
        with suppress(psycopg.Error, OSError), socket.socket(fileno=socket.dup(self.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        return super().wait(self._impatient(gen), interval, timeout)

    def _impatient(self, gen: PQGen[RV]) -> PQGen[RV]:
        """The same, until nothing has come for too long."""
        heard = monotonic()
        try:
            wanted = next(gen)
            while True:
                if ready := (yield wanted):
                    heard = monotonic()
                elif monotonic() - heard > self.patience:
                    self.cut()
                wanted = gen.send(ready)
        except StopIteration as end:
            answer: RV = end.value
            return answer


Connection = PostgresConnection

AT_ONCE = 5_000
"""Rows that are fetched with one wait."""

_NUMBERS = count(1)


def stream(
    conn: Connection, sql: str, asked: Sequence[Any] | Mapping[str, Any] = ()
) -> Iterator[tuple[Any, ...]]:
    """Rows of what may be long, a part at a time. Within a transaction, which ends it."""
    with conn.cursor(name=f"rows_{next(_NUMBERS)}", binary=True) as cursor:
        cursor.itersize = AT_ONCE
        cursor.execute(sql, asked)
        yield from cursor


@lru_cache(maxsize=256)
def _percents(sql: str) -> str:
    """The statement as psycopg takes it."""
    return re.sub(r"(?<!:):(\w+)", r"%(\1)s", sql.replace("%", "%%"))


def take_as_long(conn: Connection) -> None:
    """Let each statement of this transaction take its time."""
    conn.execute("SET LOCAL statement_timeout = 0")
    conn.patience = math.inf


class Pool:
    """Connections of one process to one schema. Each is in autocommit: who wants a transaction begins one.

    `size`: so many work at the same time. `name`: by which the server lists them.
    """

    def __init__(self, url: SecretStr, schema: str, size: int = 1, name: str = "") -> None:
        self.place, self.schema, self.size = place_of(url), schema, size
        self._url = url
        self._name = f"watcher/{name}" if name else "watcher"
        self.figures = StoreFigures(places=size)
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._changing = threading.Lock()
        self._free = threading.BoundedSemaphore(size)
        self._closed = False
        weakref.finalize(self, _close, self._idle)

    def connect(self, **parameters: str | int) -> Connection:
        """A connection of one's own, which is never at rest in here. StoreError if there is none."""
        with translated(self.place):
            secret = make_conninfo(self._url.get_secret_value(), **{**_NETWORK, **parameters})
            conn = PostgresConnection.connect(secret, autocommit=True, application_name=self._name)
            try:
                path = {"search_path": f'"{self.schema}"', **_SESSION}
                conn.adapters.register_dumper(str, AnyText)
                calls = ", ".join("set_config(%s, %s, false)" for _ in path)
                found = conn.execute(
                    f"SELECT pg_postmaster_start_time()::text, {calls}",
                    [part for pair in path.items() for part in pair],
                )
                conn.server = next(iter(found))[0]
            except BaseException:
                conn.close()
                raise
        return conn

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection for a while. What it was left in the middle of is undone."""
        if not self._free.acquire(timeout=WAIT):
            raise StoreBusyError(f"{self.place}: every connection is at work; see `pool`")
        try:
            conn = self._take() or self._made()
            try:
                with translated(self.place):
                    yield conn
            finally:
                self._put(conn)
        finally:
            self._free.release()

    def cut(self) -> None:
        """End all of them, also those at work: the server does not answer."""
        with self._changing:
            for conn in self._busy:
                conn.cut()
            _close(self._idle)

    def close(self) -> None:
        """Take up nothing more; what is at work ends in its time."""
        with self._changing:
            self._closed = True
            _close(self._idle)

    def _take(self) -> Connection | None:
        """One that was at rest, and which the server has not ended meanwhile."""
        while True:
            with self._changing:
                if self._closed:
                    raise StoreError(f"{self.place}: the store is closed")
                if not self._idle:
                    return None
                conn = self._idle.pop()
                if not _has_news(conn):
                    self._busy.add(conn)
                    return conn
            conn.close()

    def _made(self) -> Connection:
        conn = self.connect()
        with self._changing:
            self._busy.add(conn)
        return conn

    def _put(self, conn: Connection) -> None:
        try:
            if not conn.closed and conn.info.transaction_status is not TransactionStatus.IDLE:
                conn.rollback()
        except psycopg.Error:
            conn.close()
        conn.patience = PATIENCE
        with self._changing:  # a number of a file that is closed may soon be another one's
            self._busy.discard(conn)
            if not conn.closed and not self._closed:
                self._idle.append(conn)
                return
        conn.close()


def _has_news(conn: Connection) -> bool:
    """Whether the server has said anything unasked: above all, that it has ended the connection."""
    line = select.poll()
    line.register(conn.fileno(), select.POLLIN)
    return bool(line.poll(0))


def _close(connections: list[Connection]) -> None:
    while connections:
        connections.pop().close()
