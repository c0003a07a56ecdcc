"""Connections to the database: each thread has one while it works, and those at rest wait for the next."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.types.string import StrDumperUnknown
from pydantic import SecretStr

from watcher.domain.values.errors import StoreBusyError, StoreError
from watcher.store.postgres.errors import translated
from watcher.store.postgres.location import place_of

Connection = psycopg.Connection[tuple[Any, ...]]

WAIT = 10.0
"""Seconds that a thread waits for a connection that another one has."""

_NETWORK = {
    "connect_timeout": 5,
    "keepalives": 1, "keepalives_idle": 5, "keepalives_interval": 3, "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}  # fmt: skip
"""A machine that is gone without a word is noticed within some 15 seconds."""

_SESSION = {
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


class Pool:
    """Connections of one process to one schema. Each is in autocommit: who wants a transaction begins one.

    `size`: so many work at the same time. `name`: by which the server lists them.
    """

    def __init__(self, url: SecretStr, schema: str, size: int = 1, name: str = "") -> None:
        self.place, self.schema, self.size = place_of(url), schema, size
        self._url = url
        self._name = f"watcher/{name}" if name else "watcher"
        self._idle: list[Connection] = []
        self._free = threading.BoundedSemaphore(size)
        self._closed = False
        weakref.finalize(self, _close, self._idle)

    def connect(self, **parameters: str | int) -> Connection:
        """A connection of one's own, which is never at rest in here. StoreError if there is none."""
        with translated(self.place):
            secret = make_conninfo(self._url.get_secret_value(), **{**_NETWORK, **parameters})
            conn: Connection = psycopg.connect(secret, autocommit=True, application_name=self._name)
            try:
                path = {"search_path": f'"{self.schema}"', **_SESSION}
                conn.adapters.register_dumper(str, AnyText)
                calls = ", ".join("set_config(%s, %s, false)" for _ in path)
                conn.execute(f"SELECT {calls}", [part for pair in path.items() for part in pair])
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
            conn = self._take() or self.connect()
            try:
                with translated(self.place):
                    yield conn
            finally:
                self._put(conn)
        finally:
            self._free.release()

    def forget(self) -> None:
        """Close what is at rest: the server was lost, and those would all fail one by one."""
        _close(self._idle)

    def close(self) -> None:
        self._closed = True
        self.forget()

    def _take(self) -> Connection | None:
        if self._closed:
            raise StoreError(f"{self.place}: the store is closed")
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _put(self, conn: Connection) -> None:
        try:
            if not conn.closed and conn.info.transaction_status is not TransactionStatus.IDLE:
                conn.rollback()
        except psycopg.Error:
            conn.close()
        if conn.closed or self._closed:
            conn.close()
            return
        self._idle.append(conn)


def _close(connections: list[Connection]) -> None:
    while connections:
        connections.pop().close()
