"""Commands: changes by people, each a transaction of its own beside the members at work."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from watcher.domain.alerts.lifecycle import Ack
from watcher.domain.alerts.silences import Silence
from watcher.domain.audit import Actor, AuditAction, AuditEntry
from watcher.domain.model import Account, Asset, Quarantined
from watcher.ports.commands import Acknowledged
from watcher.store import audit as entries
from watcher.store.codec import to_ms
from watcher.store.postgres import alerts, outbox, sums
from watcher.store.postgres.look import columns, lock
from watcher.store.postgres.migrate import check_version, version_of
from watcher.store.postgres.pool import Connection, Pool
from watcher.store.postgres.questions import deliveries
from watcher.store.postgres.transactions import repeated

T = TypeVar("T")

_NOTE = (
    "INSERT INTO audit (at, name, via, address, action, targets, detail) VALUES (%s, %s, %s, %s, %s, %s, %s)"
)
_ASSETS = (
    "SELECT id, chain, token FROM assets JOIN unnest(%s::words[], %s::words[]) AS w (chain, token)"
    " USING (chain, token)"
)
_HIDE = (
    "INSERT INTO quarantine (account, asset, since, reason, baseline, by, newcomer)"
    " VALUES (%s, %s, %s, %s, false, %s, false) ON CONFLICT (account, asset) DO UPDATE SET"
    " since = excluded.since, reason = excluded.reason, baseline = false, by = excluded.by, newcomer = false"
)
_RELEASE = "DELETE FROM quarantine WHERE account = %s AND asset = %s"
_TOUCH = "UPDATE accounts SET misses = misses WHERE id = ANY(%s::bigint[])"
"""Whoever remembers them reads them anew."""


class PostgresCommands:
    """The one way to write beside those that poll: these decide from the newest state of the store."""

    def __init__(self, pool: Pool, actor: Actor) -> None:
        self._pool, self._actor = pool, actor

    def acknowledge(self, ids: Sequence[str], comment: str = "") -> Mapping[str, Acknowledged]:
        ack = Ack.of(self._actor, comment)

        def work(conn: Connection) -> Mapping[str, Acknowledged]:
            found = {each: alerts.acknowledge(conn, each, ack) for each in ids}
            done = [each.what for each in found.values() if each.done and each.what is not None]
            _write(conn, entries.acknowledged(self._actor, done, comment))
            return found

        return self._do(work)

    def add_silence(self, silence: Silence) -> None:
        def work(conn: Connection) -> None:
            alerts.add_silence(conn, silence)
            _write(conn, entries.silenced(self._actor, silence))

        self._do(work)

    def expire_silences(self, ids: Sequence[str]) -> list[str]:
        def work(conn: Connection) -> list[str]:
            found = alerts.expire_silences(conn, ids, self._actor.at)
            _write(conn, entries.ended(self._actor, found))
            return [each.id for each in found]

        return self._do(work)

    def retry(self, ids: Sequence[str]) -> list[str]:
        return self._do(
            lambda conn: self._noted(conn, AuditAction.RETRY, outbox.retry(conn, ids, self._actor.at))
        )

    def drop(self, ids: Sequence[str]) -> list[str]:
        return self._do(
            lambda conn: self._noted(conn, AuditAction.DROP, outbox.drop(conn, ids, self._actor.at))
        )

    def hide(self, holdings: Sequence[tuple[Account, Asset]], reason: str) -> None:
        hidden = Quarantined(self._actor.at, reason, by=self._actor.name)

        def work(conn: Connection) -> None:
            for where in self._found(conn, holdings):
                conn.execute(_HIDE, (*where, to_ms(hidden.since), hidden.reason, hidden.by))
            _write(conn, entries.hidden(self._actor, AuditAction.HIDE, holdings, reason))

        self._do(work)

    def release(self, holdings: Sequence[tuple[Account, Asset]]) -> None:
        def work(conn: Connection) -> None:
            for where in self._found(conn, holdings):
                conn.execute(_RELEASE, where)
            _write(conn, entries.hidden(self._actor, AuditAction.RELEASE, holdings))

        self._do(work)

    def note(self, action: AuditAction, targets: Sequence[str], detail: str = "") -> None:
        self._do(lambda conn: _write(conn, AuditEntry(self._actor, action, tuple(targets), detail)))

    def _found(self, conn: Connection, holdings: Sequence[tuple[Account, Asset]]) -> list[tuple[int, int]]:
        """Numbers of account and asset of each, of accounts that nobody else changes meanwhile; what is said
        of them is left to be judged in sums."""
        accounts = {
            account: found[0] for account, found in lock(conn, [each for each, _ in holdings]).items()
        }
        rows = conn.execute(_ASSETS, columns({asset for _, asset in holdings}, 2))
        assets = {Asset(*row[1:]): row[0] for row in rows}
        conn.execute(_TOUCH, (list(accounts.values()),))
        sums.owe_all_of(conn, sorted(accounts))
        return [(accounts[account], assets[asset]) for account, asset in holdings]

    def _noted(self, conn: Connection, action: AuditAction, ids: list[str]) -> list[str]:
        found = [each for each in (deliveries.one(conn, identity) for identity in ids) if each is not None]
        _write(conn, entries.delivered(self._actor, action, found))
        return ids

    def _do(self, work: Callable[[Connection], T]) -> T:
        def checked(conn: Connection) -> T:
            check_version(self._pool.place, version_of(conn))
            return work(conn)

        return repeated(self._pool, checked)


def _write(conn: Connection, entry: AuditEntry | None) -> None:
    """Add an entry to the audit log; none where nothing was done."""
    if entry is not None:
        who, targets = entry.actor, json.dumps(entry.targets, ensure_ascii=False)
        said = (who.name, who.via, who.address, str(entry.action), targets, entry.detail)
        conn.execute(_NOTE, (to_ms(who.at), *said))
