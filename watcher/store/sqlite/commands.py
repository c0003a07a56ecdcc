"""Commands: changes by people, each a transaction of its own beside a running daemon."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from watcher.domain.alerts.lifecycle import Ack
from watcher.domain.alerts.silences import Silence
from watcher.domain.model import Account, Asset, Quarantined
from watcher.ports.commands import Acknowledged
from watcher.store.sqlite import alerts, outbox, quarantine
from watcher.store.sqlite.connection import transaction
from watcher.store.sqlite.errors import translated


class SqliteCommands:
    """The one way to write beside the daemon, which decides from the newest state of the store each time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def acknowledge(self, ids: Sequence[str], ack: Ack) -> Mapping[str, Acknowledged]:
        with self._writing() as conn:
            return {each: alerts.acknowledge(conn, each, ack) for each in ids}

    def add_silence(self, silence: Silence) -> None:
        with self._writing() as conn:
            alerts.add_silence(conn, silence)

    def expire_silences(self, ids: Sequence[str], now: datetime) -> list[str]:
        with self._writing() as conn:
            return [each for each in ids if alerts.expire_silence(conn, each, now)]

    def retry(self, ids: Sequence[str], now: datetime) -> list[str]:
        with self._writing() as conn:
            return outbox.retry(conn, ids, now)

    def drop(self, ids: Sequence[str], now: datetime) -> list[str]:
        with self._writing() as conn:
            return outbox.drop(conn, ids, now)

    def hide(self, holdings: Sequence[tuple[Account, Asset]], hidden: Quarantined) -> None:
        with self._writing() as conn:
            quarantine.hide(conn, holdings, hidden)

    def release(self, holdings: Sequence[tuple[Account, Asset]]) -> None:
        with self._writing() as conn:
            quarantine.release(conn, holdings)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with translated(self._path), transaction(self._path) as conn:
            yield conn
