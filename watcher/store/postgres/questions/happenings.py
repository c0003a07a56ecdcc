"""Happenings: alerts and events together, in the orders that people look through them.

The table is kept by triggers (`migrations/`) in the transaction that writes alerts and messages.
The caller owns the transaction.
"""

from __future__ import annotations

from watcher.domain.alerts.events import Acknowledgeable
from watcher.domain.alerts.selection import AlertFilter
from watcher.store.codec import to_ms
from watcher.store.postgres.pool import Connection
from watcher.store.postgres.questions import alerts, events
from watcher.store.postgres.questions.asking import number

_WORST = "urgency, rank, at DESC, id"
_NEWEST = "at DESC, id"


def listed(
    conn: Connection, wanted: AlertFilter, limit: int, skip: int = 0, *, worst: bool = False
) -> list[Acknowledgeable]:
    """Those that are asked for, the newest or the worst first."""
    where, values = _where(wanted)
    order = _WORST if worst else _NEWEST
    sql = f"SELECT id, message FROM happenings {where} ORDER BY {order} LIMIT %(limit)s OFFSET %(skip)s"  # noqa: S608
    rows = conn.execute(sql, {**values, "limit": limit, "skip": skip}).fetchall()
    found: dict[str, Acknowledgeable] = {
        **{each.id: each for each in alerts.several(conn, [name for name, n in rows if n is None])},
        **{each.id: each for each in events.several(conn, [name for name, n in rows if n is not None])},
    }
    return [found[name] for name, _ in rows]


def count(conn: Connection, wanted: AlertFilter) -> int:
    """How many there are of those."""
    where, values = _where(wanted)
    return number(conn, f"SELECT count(*) FROM happenings {where}", values)  # noqa: S608


def _where(wanted: AlertFilter) -> tuple[str, dict[str, object]]:
    conditions: list[tuple[str, str, object]] = []
    if wanted.stages:
        conditions.append(("state = ANY(%(stages)s)", "stages", sorted(map(str, wanted.stages))))
    if wanted.rule:
        conditions.append(("rule = %(rule)s", "rule", wanted.rule))
    if wanted.wallet:
        conditions.append(("wallet = %(wallet)s", "wallet", wanted.wallet))
    if wanted.severity is not None:
        conditions.append(("rank = %(rank)s", "rank", wanted.severity.rank))
    if wanted.acknowledged is not None:
        conditions.append(("acknowledged = %(acknowledged)s", "acknowledged", wanted.acknowledged))
    if wanted.since is not None:
        conditions.append(("ended >= %(since)s", "since", to_ms(wanted.since)))
    if wanted.until is not None:
        conditions.append(("at < %(until)s", "until", to_ms(wanted.until)))
    if wanted.among is not None:
        conditions.append(("id = ANY(%(ids)s)", "ids", sorted(wanted.among)))
    if wanted.text:
        # As Python does it, only A to Z have two cases: those of the database depend on its locale.
        words = f"translate(words, '{_LARGE}', '{_LARGE.lower()}')"
        conditions.append((f"strpos({words}, %(text)s) > 0", "text", wanted.text.translate(_SMALL)))
    where = " AND ".join(condition for condition, _, _ in conditions)
    return f"WHERE {where}" if where else "", {name: value for _, name, value in conditions}


_LARGE = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SMALL = str.maketrans(_LARGE, _LARGE.lower())
