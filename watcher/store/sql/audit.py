"""The audit log. The caller owns the transaction."""

# ruff: noqa: S608 (only constants of this file are joined into statements)

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice

from watcher.domain.audit import Actor, AuditAction, AuditEntry, AuditFilter
from watcher.store.codec import from_ms, storable, to_ms
from watcher.store.sql.database import Database, number

_COLUMNS = ("at", "name", "via", "address", "action", "targets", "detail")
_WRITE = f"INSERT INTO audit ({', '.join(_COLUMNS)}) VALUES ({', '.join(f':{name}' for name in _COLUMNS)})"


def write(database: Database, entry: AuditEntry | None) -> None:
    """Add an entry; none where nothing was done."""
    if entry is None:
        return
    who, targets = entry.actor, json.dumps(entry.targets, ensure_ascii=False)
    texts = map(storable, (who.name, who.via, who.address, str(entry.action), targets, entry.detail))
    database.rows(_WRITE, **dict(zip(_COLUMNS, (to_ms(who.at), *texts), strict=True)))


def newest(database: Database, wanted: AuditFilter, limit: int, skip: int = 0) -> list[AuditEntry]:
    """Entries, the newest first."""
    return list(islice(_found(database, wanted), skip, skip + limit))


def count(database: Database, wanted: AuditFilter) -> int:
    """How many entries there are of those."""
    if wanted.text:
        return sum(1 for _ in _found(database, wanted))
    where, values = _where(wanted)
    return number(database, f"SELECT count(*) FROM audit WHERE {where}", **values)


def _found(database: Database, wanted: AuditFilter) -> Iterator[AuditEntry]:
    where, values = _where(wanted)
    sql = f"SELECT id, {', '.join(_COLUMNS)} FROM audit WHERE {where} ORDER BY at DESC, id DESC"
    for key, at, name, via, address, action, targets, detail in database.stream(sql, **values):
        actor = Actor(name, via, from_ms(at), address)
        entry = AuditEntry(actor, AuditAction(action), tuple(json.loads(targets)), detail, key)
        if wanted.takes(entry):
            yield entry


def _where(wanted: AuditFilter) -> tuple[str, dict[str, object]]:
    """All but the text, of which a database knows the case of ASCII alone."""
    values: dict[str, object] = {"since": to_ms(wanted.since) if wanted.since is not None else 0}
    where = "at >= :since"
    for column, value in (("action", wanted.action), ("name", wanted.name)):
        if value:
            values[column] = str(value)
            where += f" AND {column} = :{column}"
    return where, values
