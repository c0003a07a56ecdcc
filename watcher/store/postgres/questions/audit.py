"""The audit log. The caller owns the transaction."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice

from watcher.domain.audit import Actor, AuditAction, AuditEntry, AuditFilter
from watcher.store.codec import from_ms, to_ms
from watcher.store.postgres.pool import Connection
from watcher.store.postgres.questions.asking import number, stream


def newest(conn: Connection, wanted: AuditFilter, limit: int, skip: int = 0) -> list[AuditEntry]:
    """Entries, the newest first."""
    return list(islice(_found(conn, wanted), skip, skip + limit))


def count(conn: Connection, wanted: AuditFilter) -> int:
    """How many entries there are of those."""
    if wanted.text:
        return sum(1 for _ in _found(conn, wanted))
    where, values = _where(wanted)
    return number(conn, f"SELECT count(*) FROM audit WHERE {where}", values)  # noqa: S608


def _found(conn: Connection, wanted: AuditFilter) -> Iterator[AuditEntry]:
    where, values = _where(wanted)
    sql = (
        "SELECT id, at, name, via, address, action, targets, detail FROM audit"  # noqa: S608
        f" WHERE {where} ORDER BY at DESC, id DESC"
    )
    for key, at, name, via, address, action, targets, detail in stream(conn, sql, values):
        actor = Actor(name, via, from_ms(at), address)
        entry = AuditEntry(actor, AuditAction(action), tuple(json.loads(targets)), detail, key)
        if wanted.takes(entry):
            yield entry


def _where(wanted: AuditFilter) -> tuple[str, dict[str, object]]:
    """All but the text, of which the case is told here."""
    values: dict[str, object] = {"since": to_ms(wanted.since) if wanted.since is not None else 0}
    where = "at >= %(since)s"
    for column, value in (("action", wanted.action), ("name", wanted.name)):
        if value:
            values[column] = str(value)
            where += f" AND {column} = %({column})s"
    return where, values
