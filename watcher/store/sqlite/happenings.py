"""Happenings: alerts and events together, in the orders that people look through them.

One table beside `alerts` and `messages`, kept by triggers (`migrations.py`) in the transaction that writes
those: neither could be searched and sorted together with the other. The caller owns the transaction.
"""

from __future__ import annotations

import json
import sqlite3

from watcher.domain.alerts.events import Acknowledgeable
from watcher.domain.alerts.selection import AlertFilter
from watcher.store.codec import storable, to_ms
from watcher.store.sqlite import alerts, events

_WORST = "urgency, rank, at DESC, id"
_NEWEST = "at DESC, id"


def listed(
    conn: sqlite3.Connection, wanted: AlertFilter, limit: int, skip: int = 0, *, worst: bool = False
) -> list[Acknowledgeable]:
    """Those that are asked for, the newest or the worst first."""
    where, values = _where(wanted)
    order = _WORST if worst else _NEWEST
    sql = f"SELECT id, message FROM happenings {where} ORDER BY {order} LIMIT :limit OFFSET :skip"  # noqa: S608
    rows = conn.execute(sql, {**values, "limit": limit, "skip": skip}).fetchall()
    found: dict[str, Acknowledgeable] = {
        **{each.id: each for each in alerts.several(conn, [name for name, n in rows if n is None])},
        **{each.id: each for each in events.several(conn, [name for name, n in rows if n is not None])},
    }
    return [found[name] for name, _ in rows]


def count(conn: sqlite3.Connection, wanted: AlertFilter) -> int:
    """How many there are of those."""
    where, values = _where(wanted)
    found: int = conn.execute(f"SELECT count(*) FROM happenings {where}", values).fetchone()[0]  # noqa: S608
    return found


def _where(wanted: AlertFilter) -> tuple[str, dict[str, object]]:
    conditions: list[tuple[str, str, object]] = []
    if wanted.stages:
        stages = json.dumps(sorted(wanted.stages))
        conditions.append(("state IN (SELECT value FROM json_each(:stages))", "stages", stages))
    if wanted.rule:
        conditions.append(("rule = :rule", "rule", wanted.rule))
    if wanted.wallet:
        conditions.append(("wallet = :wallet", "wallet", wanted.wallet))
    if wanted.severity is not None:
        conditions.append(("rank = :rank", "rank", wanted.severity.rank))
    if wanted.acknowledged is not None:
        conditions.append(("acknowledged = :acknowledged", "acknowledged", int(wanted.acknowledged)))
    if wanted.since is not None:
        conditions.append(("ended >= :since", "since", to_ms(wanted.since)))
    if wanted.until is not None:
        conditions.append(("at < :until", "until", to_ms(wanted.until)))
    if wanted.among is not None:
        ids = json.dumps(sorted(wanted.among))
        conditions.append(("id IN (SELECT value FROM json_each(:ids))", "ids", ids))
    if wanted.text:
        conditions.append(("words LIKE :text ESCAPE '\\'", "text", _pattern(wanted.text)))
    where = " AND ".join(condition for condition, _, _ in conditions)
    return f"WHERE {where}" if where else "", {name: value for _, name, value in conditions}


def _pattern(text: str) -> str:
    for sign in "\\%_":
        text = text.replace(sign, f"\\{sign}")
    return f"%{storable(text)}%"
