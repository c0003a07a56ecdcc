"""The audit log. The caller owns the transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from itertools import islice

from watcher.domain.audit import Actor, AuditAction, AuditEntry, AuditFilter
from watcher.store.sqlite.codec import from_ms, storable, to_ms


def write(conn: sqlite3.Connection, entry: AuditEntry | None) -> None:
    """Add an entry; none where nothing was done."""
    if entry is None:
        return
    who, targets = entry.actor, json.dumps(entry.targets, ensure_ascii=False)
    texts = map(storable, (who.name, who.via, who.address, entry.action, targets, entry.detail))
    sql = "INSERT INTO audit (at, name, via, address, action, targets, detail) VALUES (?, ?, ?, ?, ?, ?, ?)"
    conn.execute(sql, (to_ms(who.at), *texts))


def newest(conn: sqlite3.Connection, wanted: AuditFilter, limit: int, skip: int) -> list[AuditEntry]:
    """Entries, the newest first."""
    return list(islice(_found(conn, wanted), skip, skip + limit))


def count(conn: sqlite3.Connection, wanted: AuditFilter) -> int:
    """How many entries there are of those."""
    return sum(1 for _ in _found(conn, wanted))


def _found(conn: sqlite3.Connection, wanted: AuditFilter) -> Iterator[AuditEntry]:
    # People write some entries a day: they are filtered here, by the same words as in memory.
    sql = (
        "SELECT id, at, name, via, address, action, targets, detail FROM audit WHERE at >= ?"
        " ORDER BY at DESC, id DESC"
    )
    since = to_ms(wanted.since) if wanted.since is not None else 0
    for number, at, name, via, address, action, targets, detail in conn.execute(sql, (since,)):
        actor = Actor(name, via, from_ms(at), address)
        entry = AuditEntry(actor, AuditAction(action), tuple(json.loads(targets)), detail, number)
        if wanted.takes(entry):
            yield entry
