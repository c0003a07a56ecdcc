"""What one process remembers of a server, and of no other one: a copy that takes over may lack some of it."""

from __future__ import annotations

import threading

from watcher.store.postgres.cache import AccountCache, PostgresSnapshotCache
from watcher.store.postgres.news import News
from watcher.store.postgres.pool import Connection


class Memory:
    """What one process remembers of one life of a server."""

    def __init__(self) -> None:
        self.accounts, self.small, self.news = AccountCache(), PostgresSnapshotCache(), News()
        self.gates: set[str] = set()
        """Sources that have one."""


class Memories:
    """What is remembered of the server that a connection is to, and nothing of any other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server, self._now = "", Memory()

    def of(self, conn: Connection) -> Memory:
        with self._lock:
            if conn.server != self._server:
                self._server, self._now = conn.server, Memory()
            return self._now
