"""The audit log. The caller owns the transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from itertools import islice

from watcher.domain.audit import Actor, AuditAction, AuditEntry, AuditFilter
from watcher.store.codec import from_ms, storable, to_ms


def write(conn: sqlite3.Connection, entry: AuditEntry | None) -> None:
    """Add an entry; none where nothing was done."""
    if entry is None:
        return
    who, targets = entry.actor, json.dumps(entry.targets, ensure_ascii=False)
    texts = map(storable, (who.name, who.via, who.address, entry.action, targets, entry.detail))
    sql = "INSERT INTO audit (at, name, via, address, action, targets, detail) VALUES (?, ?, ?, ?, ?, ?, ?)"
    conn.execute(sql, (to_ms(who.at), *texts))


def newest(conn: sqlite3.Connection, wanted: AuditFilter, limit: int, skip: int = 0) -> list[AuditEntry]:
    """Entries, the newest first."""
    return list(islice(_found(conn, wanted), skip, skip + limit))


def count(conn: sqlite3.Connection, wanted: AuditFilter) -> int:
    """How many entries there are of those."""
    if wanted.text:
        return sum(1 for _ in _found(conn, wanted))
    where, values = _where(wanted)
    found: int = conn.execute(f"SELECT count(*) FROM audit WHERE {where}", values).fetchone()[0]  # noqa: S608
    return found


def _found(conn: sqlite3.Connection, wanted: AuditFilter) -> Iterator[AuditEntry]:
    where, values = _where(wanted)
    sql = (
        "SELECT id, at, name, via, address, action, targets, detail FROM audit"  # noqa: S608
        f" WHERE {where} ORDER BY at DESC, id DESC"
    )
    for number, at, name, via, address, action, targets, detail in conn.execute(sql, values):
        actor = Actor(name, via, from_ms(at), address)
        entry = AuditEntry(actor, AuditAction(action), tuple(json.loads(targets)), detail, number)
        if wanted.takes(entry):
            yield entry


def _where(wanted: AuditFilter) -> tuple[str, dict[str, object]]:
    """All but the text, of which SQLite knows the case of ASCII alone."""
    values: dict[str, object] = {"since": to_ms(wanted.since) if wanted.since is not None else 0}
    where = "at >= :since"
    for column, value in (("action", wanted.action), ("name", wanted.name)):
        if value:
            values[column] = str(value)
            where += f" AND {column} = :{column}"
    return where, values
