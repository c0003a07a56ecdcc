"""Transactions on a real PostgreSQL, whose every statement is put in an order by a seed.

Members are threads of which one runs at a time. Before each statement and each commit a thread waits for
its turn, and chance says whose it is. Who waits for a lock of the database is passed over until it has it, so
what others do meanwhile is chance too, and the same seed brings the same order each time.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from watcher.store.postgres.pool import PostgresConnection

SHOWN = 80
COMMITS, BEFORE, AFTER = "commits", "and dies before", "and dies after"
LONGEST = 60.0
"""Seconds of the machine's time that one step may take, on a machine that is busy."""

_STUCK = "SELECT pid FROM unnest(%s::integer[]) pid WHERE cardinality(pg_blocking_pids(pid)) > 0"


class Killed(BaseException):
    """The member dies here. `kept`: what it was at is committed, and it did not hear of that."""

    def __init__(self, *, kept: bool) -> None:
        super().__init__()
        self.kept = kept


class Conductor:
    """Whose turn it is."""

    def __init__(self, seed: str, server: psycopg.Connection[Any], kills: float) -> None:
        """`kills`: share of turns at which a member dies."""
        self._chance = random.Random(f"conductor {seed}")
        self._server, self._kills = server, kills
        self._changed = threading.Condition()
        self._waits: dict[str, str] = {}
        """Who waits for a turn, and for what."""
        self._turn = ""
        self._dies = ""
        self._running: dict[str, int] = {}
        """Who runs, and the number of its process at the server, if it is there."""
        self._lines: deque[str] = deque(maxlen=SHOWN)
        self._digest = blake2b(digest_size=8)
        self.now = 0.0
        """Seconds of the simulation."""
        self.steps = 0
        self.over = False

    @property
    def history(self) -> list[str]:
        return list(self._lines)

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()

    def note(self, words: str) -> None:
        line = f"{self.now:10.3f} {words}"
        self._lines.append(line)
        self._digest.update(line.encode())

    def turn(self, what: str, connection: psycopg.Connection[Any] | None = None) -> bool:
        """Wait for a turn of this thread, if it is a member's. It may be its last: Killed, or, where it dies
        after what it is about to do, True."""
        name = threading.current_thread().name
        with self._changed:
            if name not in self._running:
                return False
            del self._running[name]
            self._waits[name] = what
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._turn == name)
            self._turn, dies = "", self._dies
            self._running[name] = connection.info.backend_pid if connection is not None else 0
            self._changed.notify_all()
        if dies == BEFORE:
            raise Killed(kept=False)
        return dies == AFTER

    def run(self, members: Mapping[str, Callable[[], None]]) -> None:
        """Until each has come to its end."""

        def live(name: str, work: Callable[[], None]) -> None:
            try:
                work()
            finally:
                with self._changed:
                    self._running.pop(name, None)
                    self._changed.notify_all()

        threads = []
        for name, work in sorted(members.items()):
            self._running[name] = 0
            threads.append(threading.Thread(target=live, args=(name, work), name=name, daemon=True))
        for thread in threads:
            thread.start()
        while self._settled():
            self._give()
        for thread in threads:
            thread.join(LONGEST)

    def _settled(self) -> bool:
        """Wait until all wait for a turn, or for each other's locks; whether anybody is left."""
        with self._changed:
            while not self._changed.wait_for(lambda: not self._running, 0.005):
                at_server = [pid for pid in self._running.values() if pid]
                stuck = {row[0] for row in self._server.execute(_STUCK, (at_server,))}
                # If nobody else can go on the server finds out who waits for whom, and ends one of them.
                if self._waits and stuck.issuperset(self._running.values()):
                    break
            return bool(self._waits or self._running)

    def _give(self) -> None:
        with self._changed:
            name = self._chance.choice(sorted(self._waits))
            what = self._waits.pop(name)
            self.steps += 1
            self.now += self._chance.choice((0.0, 0.0, 0.001, 0.002, 0.05, 1.0))
            self._dies = ""
            if not self.over and what != "begins" and self._chance.random() < self._kills:
                self._dies = self._chance.choice((BEFORE, AFTER)) if what == COMMITS else BEFORE
            self.note(f"{name} {what} {self._dies}")
            # It runs from now on; until it has woken up nobody else is given a turn.
            self._turn, self._running[name] = name, 0
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._turn)


CONDUCTOR: list[Conductor] = []
"""Who conducts now; the last of them."""


class ConductedConnection(PostgresConnection):
    """A connection whose statements are sent one by one, each in its turn."""

    def execute(self, query: Any, params: Any = None, **more: Any) -> psycopg.Cursor[Any]:
        if CONDUCTOR:
            CONDUCTOR[-1].turn(_words(query), self)
        return super().execute(query, params, **more)

    @contextmanager
    def pipeline(self) -> Iterator[Any]:
        yield None

    @contextmanager
    def transaction(self, *args: Any, **more: Any) -> Iterator[psycopg.Transaction]:
        dies, outer = False, self.info.transaction_status == TransactionStatus.IDLE
        with super().transaction(*args, **more) as transaction:
            yield transaction
            if CONDUCTOR and outer:
                dies = CONDUCTOR[-1].turn(COMMITS, self)
        if dies:
            raise Killed(kept=True)


def _words(query: Any) -> str:
    return " ".join(str(query).split())[:60]
