"""Commands: changes by people, each a transaction of its own beside those that poll."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from watcher.domain.alerts.lifecycle import Ack
from watcher.domain.alerts.silences import Silence
from watcher.domain.audit import Actor, AuditAction, AuditEntry
from watcher.domain.model import Account, Asset, Quarantined
from watcher.ports.commands import Acknowledged
from watcher.store import audit as entries
from watcher.store.sql import alerts, audit, deliveries
from watcher.store.sql.database import Database

D = TypeVar("D", bound=Database)
T = TypeVar("T")


class SqlCommands(ABC, Generic[D]):
    """The one way to write beside those that poll: these decide from the newest state of the store."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor

    @abstractmethod
    def _do(self, work: Callable[[D], T]) -> T:
        """Do it as one transaction; it may be begun anew."""

    @abstractmethod
    def _hide(self, database: D, holdings: Sequence[tuple[Account, Asset]], hidden: Quarantined) -> None: ...

    @abstractmethod
    def _release(self, database: D, holdings: Sequence[tuple[Account, Asset]]) -> None: ...

    def acknowledge(self, ids: Sequence[str], comment: str = "") -> Mapping[str, Acknowledged]:
        ack = Ack.of(self._actor, comment)

        def work(database: D) -> Mapping[str, Acknowledged]:
            found = {each: alerts.acknowledge(database, each, ack) for each in ids}
            done = [each.what for each in found.values() if each.done and each.what is not None]
            audit.write(database, entries.acknowledged(self._actor, done, comment))
            return found

        return self._do(work)

    def add_silence(self, silence: Silence) -> None:
        def work(database: D) -> None:
            alerts.add_silence(database, silence)
            audit.write(database, entries.silenced(self._actor, silence))

        self._do(work)

    def expire_silences(self, ids: Sequence[str]) -> list[str]:
        def work(database: D) -> list[str]:
            found = alerts.expire_silences(database, ids, self._actor.at)
            audit.write(database, entries.ended(self._actor, found))
            return [each.id for each in found]

        return self._do(work)

    def retry(self, ids: Sequence[str]) -> list[str]:
        now = self._actor.at
        return self._do(lambda db: self._noted(db, AuditAction.RETRY, deliveries.retry(db, ids, now)))

    def drop(self, ids: Sequence[str]) -> list[str]:
        return self._do(lambda db: self._noted(db, AuditAction.DROP, deliveries.drop(db, ids)))

    def _noted(self, database: D, action: AuditAction, ids: list[str]) -> list[str]:
        found = [each for each in (deliveries.one(database, one) for one in ids) if each is not None]
        audit.write(database, entries.delivered(self._actor, action, found))
        return ids

    def hide(self, holdings: Sequence[tuple[Account, Asset]], reason: str) -> None:
        def work(database: D) -> None:
            self._hide(database, holdings, Quarantined(self._actor.at, reason, by=self._actor.name))
            audit.write(database, entries.hidden(self._actor, AuditAction.HIDE, holdings, reason))

        self._do(work)

    def release(self, holdings: Sequence[tuple[Account, Asset]]) -> None:
        def work(database: D) -> None:
            self._release(database, holdings)
            audit.write(database, entries.hidden(self._actor, AuditAction.RELEASE, holdings))

        self._do(work)

    def note(self, action: AuditAction, targets: Sequence[str], detail: str = "") -> None:
        self._do(lambda db: audit.write(db, AuditEntry(self._actor, action, tuple(targets), detail)))
