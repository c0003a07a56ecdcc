"""Commands: changes by people, each a transaction of its own beside a running daemon."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from watcher.domain.alerts.lifecycle import Ack
from watcher.domain.alerts.silences import Silence
from watcher.domain.audit import Actor, AuditAction, AuditEntry
from watcher.domain.model import Account, Asset, Quarantined
from watcher.ports.commands import Acknowledged
from watcher.store import audit as entries
from watcher.store.sqlite import alerts, audit, outbox, quarantine
from watcher.store.sqlite.connection import transaction
from watcher.store.sqlite.errors import translated


class SqliteCommands:
    """The one way to write beside the daemon, which decides from the newest state of the store each time."""

    def __init__(self, path: Path, actor: Actor) -> None:
        self._path, self._actor = path, actor

    def acknowledge(self, ids: Sequence[str], comment: str = "") -> Mapping[str, Acknowledged]:
        with self._writing() as conn:
            ack = Ack.of(self._actor, comment)
            found = {each: alerts.acknowledge(conn, each, ack) for each in ids}
            done = [each.what for each in found.values() if each.done and each.what is not None]
            audit.write(conn, entries.acknowledged(self._actor, done, comment))
        return found

    def add_silence(self, silence: Silence) -> None:
        with self._writing() as conn:
            alerts.add_silence(conn, silence)
            audit.write(conn, entries.silenced(self._actor, silence))

    def expire_silences(self, ids: Sequence[str]) -> list[str]:
        with self._writing() as conn:
            known = {each.id: each for each in alerts.silences(conn)}
            found = [each for each in ids if alerts.expire_silence(conn, each, self._actor.at)]
            audit.write(conn, entries.ended(self._actor, [known[each] for each in found]))
        return found

    def retry(self, ids: Sequence[str]) -> list[str]:
        with self._writing() as conn:
            found = outbox.retry(conn, ids, self._actor.at)
            self._note_deliveries(conn, AuditAction.RETRY, found)
        return found

    def drop(self, ids: Sequence[str]) -> list[str]:
        with self._writing() as conn:
            found = outbox.drop(conn, ids, self._actor.at)
            self._note_deliveries(conn, AuditAction.DROP, found)
        return found

    def hide(self, holdings: Sequence[tuple[Account, Asset]], reason: str) -> None:
        with self._writing() as conn:
            quarantine.hide(conn, holdings, Quarantined(self._actor.at, reason, by=self._actor.name))
            audit.write(conn, entries.hidden(self._actor, AuditAction.HIDE, holdings, reason))

    def release(self, holdings: Sequence[tuple[Account, Asset]]) -> None:
        with self._writing() as conn:
            quarantine.release(conn, holdings)
            audit.write(conn, entries.hidden(self._actor, AuditAction.RELEASE, holdings))

    def note(self, action: AuditAction, targets: Sequence[str], detail: str = "") -> None:
        with self._writing() as conn:
            audit.write(conn, AuditEntry(self._actor, action, tuple(targets), detail))

    def _note_deliveries(self, conn: sqlite3.Connection, action: AuditAction, ids: Sequence[str]) -> None:
        found = [outbox.one(conn, each) for each in ids]
        audit.write(
            conn, entries.delivered(self._actor, action, [each for each in found if each is not None])
        )

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with translated(self._path), transaction(self._path) as conn:
            yield conn
