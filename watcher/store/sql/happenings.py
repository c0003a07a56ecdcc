"""Happenings: alerts and events together, in the orders that people look through them.

One table beside `alerts` and `messages`, kept by triggers in the transaction that writes those: neither could
be searched and sorted together with the other. The caller owns the transaction.
"""

# ruff: noqa: S608 (only constants of this file are joined into statements)

from __future__ import annotations

import re

from watcher.domain.alerts.events import Acknowledgeable
from watcher.domain.alerts.selection import AlertFilter
from watcher.ports.queries import MOST_MARKS, AlertMark, ChartQuery
from watcher.store.codec import from_ms, storable, time, to_ms
from watcher.store.sql import alerts, events
from watcher.store.sql.database import Database, number

_WORST = "urgency, rank, at DESC, id"
_NEWEST = "at DESC, id"


def listed(
    database: Database, wanted: AlertFilter, limit: int, skip: int = 0, *, worst: bool = False
) -> list[Acknowledgeable]:
    """Those that are asked for, the newest or the worst first."""
    where, values = _where(database, wanted)
    order = _WORST if worst else _NEWEST
    sql = f"SELECT id, message FROM happenings {where} ORDER BY {order} LIMIT :limit OFFSET :skip"
    rows = list(database.rows(sql, limit=limit, skip=skip, **values))
    found: dict[str, Acknowledgeable] = {
        **{each.id: each for each in alerts.several(database, [name for name, n in rows if n is None])},
        **{each.id: each for each in events.several(database, [name for name, n in rows if n is not None])},
    }
    return [found[name] for name, _ in rows]


def count(database: Database, wanted: AlertFilter) -> int:
    """How many there are of those."""
    where, values = _where(database, wanted)
    return number(database, f"SELECT count(*) FROM happenings {where}", **values)


def marks(database: Database, wanted: ChartQuery) -> list[AlertMark]:
    """What fired or happened on the wallet of a chart in its time, newest first."""
    sql = (
        "SELECT fired_at, resolved_at, severity, rule, because, id FROM alerts"
        " WHERE wallet = :wallet AND fired_at > :since AND fired_at <= :until"
        " AND (NOT closed OR told_at IS NOT NULL)"
        " UNION ALL SELECT at, NULL, severity, rule, title, '' FROM messages"
        " WHERE wallet = :wallet AND kind = 'event' AND at > :since AND at <= :until"
        " ORDER BY 1 DESC LIMIT :most"
    )
    since, until = to_ms(wanted.since), to_ms(wanted.until)
    rows = database.rows(sql, wallet=wanted.wallet, most=MOST_MARKS, since=since, until=until)
    return [AlertMark(from_ms(row[0]), time(row[1]), *row[2:]) for row in rows]


def _where(database: Database, wanted: AlertFilter) -> tuple[str, dict[str, object]]:
    conditions: list[tuple[str, str, object]] = []
    if wanted.stages:
        conditions.append((database.among("state", "stages"), "stages", sorted(map(str, wanted.stages))))
    if wanted.rule:
        conditions.append(("rule = :rule", "rule", wanted.rule))
    if wanted.wallet:
        conditions.append(("wallet = :wallet", "wallet", wanted.wallet))
    if wanted.severity is not None:
        conditions.append(("rank = :rank", "rank", wanted.severity.rank))
    if wanted.acknowledged is not None:
        conditions.append(("acknowledged = :acknowledged", "acknowledged", wanted.acknowledged))
    if wanted.since is not None:
        conditions.append(("ended >= :since", "since", to_ms(wanted.since)))
    if wanted.until is not None:
        conditions.append(("at < :until", "until", to_ms(wanted.until)))
    if wanted.among is not None:
        conditions.append((database.among("id", "ids"), "ids", sorted(wanted.among)))
    if wanted.text:
        words = f"{database.folded('words')} LIKE :text ESCAPE '\\'"
        conditions.append((words, "text", _pattern(wanted.text)))
    where = " AND ".join(condition for condition, _, _ in conditions)
    return f"WHERE {where}" if where else "", {name: value for _, name, value in conditions}


def _pattern(text: str) -> str:
    """Of letters only A to Z have two cases."""
    small = re.sub("[A-Z]", lambda found: found[0].lower(), text)
    escaped = re.sub(r"([\\%_])", r"\\\1", small)
    return f"%{storable(escaped)}%"
