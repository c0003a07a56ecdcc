"""What people look up and change in the life of alerts, beside a running daemon.

A change is a transaction of its own: the daemon sees it at its next decision, as every decision is
made from the newest state of the store.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from watcher.domain.alerts.lifecycle import Ack, Alert, AlertState
from watcher.domain.alerts.silences import Silence
from watcher.domain.decision import Decision
from watcher.store.sqlite.codec import storable, to_ms
from watcher.store.sqlite.connection import BUSY_SECONDS
from watcher.store.sqlite.errors import translated
from watcher.store.sqlite.rows import (
    ALERT,
    PUT_FLAP,
    SILENCE,
    alert_from,
    alert_row,
    flap_row,
    silence_from,
    silence_row,
)

_ALERTS = f"SELECT {', '.join(ALERT)} FROM alerts"  # noqa: S608
_PUT_ALERT = f"INSERT OR REPLACE INTO alerts ({', '.join(ALERT)}) VALUES ({', '.join('?' * len(ALERT))})"  # noqa: S608
_SILENCES = f"SELECT {', '.join(SILENCE)} FROM silences"  # noqa: S608


def write(conn: sqlite3.Connection, conclusion: Decision) -> None:
    """Alerts and their transitions, in the caller's transaction."""
    if conclusion.alerts:
        conn.executemany(_PUT_ALERT, [alert_row(alert) for alert in conclusion.alerts])
    if conclusion.flaps:
        conn.executemany(PUT_FLAP, [flap_row(*pair) for pair in conclusion.flaps.items()])


def live(conn: sqlite3.Connection) -> list[Alert]:
    """Pending and firing alerts, oldest first."""
    rows = conn.execute(f"{_ALERTS} WHERE state <> 'resolved' ORDER BY since, id")
    return [alert_from(row) for row in rows]


def newest(conn: sqlite3.Connection, limit: int, skip: int = 0) -> list[Alert]:
    """Alerts of every state, newest first; those that were over before they fired are left out."""
    where = "WHERE NOT closed OR fired_at IS NOT NULL"
    rows = conn.execute(f"{_ALERTS} {where} ORDER BY since DESC, id LIMIT ? OFFSET ?", (limit, skip))
    return [alert_from(row) for row in rows]


def one(conn: sqlite3.Connection, identity: str) -> Alert | None:
    row = conn.execute(f"{_ALERTS} WHERE id = ?", (identity,)).fetchone()
    return alert_from(row) if row is not None else None


def named(conn: sqlite3.Connection, text: str) -> list[str]:
    """Ids of the alerts that a person may mean: by an id, the beginning of one, or the same of a delivery."""
    if one(conn, text) is not None:
        return [text]
    begins = "substr(id, 1, length(:text)) = :text"
    sql = (
        f"SELECT id FROM alerts WHERE {begins} UNION SELECT m.alert FROM messages m WHERE m.id IN"  # noqa: S608
        f" (SELECT message FROM deliveries WHERE {begins}) ORDER BY 1 LIMIT 20"
    )
    return [row[0] for row in conn.execute(sql, {"text": text})] if text else []


def last(conn: sqlite3.Connection, rule: str, subject: str) -> Alert | None:
    """The newest alert of a rule on a subject that people were told of."""
    where = "WHERE rule = ? AND subject = ? AND told_at IS NOT NULL ORDER BY since DESC, id LIMIT 1"
    row = conn.execute(f"{_ALERTS} {where}", (rule, subject)).fetchone()
    return alert_from(row) if row is not None else None


def silences(conn: sqlite3.Connection) -> list[Silence]:
    """All that are kept, oldest first."""
    return [silence_from(row) for row in conn.execute(f"{_SILENCES} ORDER BY created, id")]


def acknowledge(path: Path, ids: Sequence[str], ack: Ack) -> Mapping[str, Alert | None]:
    """Acknowledge what fires; each id with the alert as it then is, None if there is none.

    An alert that does not fire stays as it is.
    """
    found: dict[str, Alert | None] = {}
    with _changing(path) as conn:
        for each in ids:
            conn.execute(
                "UPDATE alerts SET acknowledged_by = ?, acknowledged_at = ?, comment = ?"
                " WHERE id = ? AND state = ?",
                (storable(ack.by), to_ms(ack.at), storable(ack.comment), each, str(AlertState.FIRING)),
            )
            found[each] = one(conn, each)
    return found


def add_silence(path: Path, silence: Silence) -> None:
    """Keep a silence; the same one twice is one."""
    with _changing(path) as conn:
        marks = ", ".join("?" * len(SILENCE))
        sql = f"INSERT OR REPLACE INTO silences ({', '.join(SILENCE)}) VALUES ({marks})"  # noqa: S608
        conn.execute(sql, silence_row(silence))


def expire_silences(path: Path, ids: Sequence[str], now: datetime) -> list[str]:
    """End silences that are in force; the ids that were found."""
    found = []
    with _changing(path) as conn:
        for each in ids:
            sql = "UPDATE silences SET until = ? WHERE id = ? AND until > ? RETURNING id"
            found += [row[0] for row in conn.execute(sql, (to_ms(now), each, to_ms(now))).fetchall()]
    return found


@contextmanager
def _changing(path: Path) -> Iterator[sqlite3.Connection]:
    """One transaction, all of it or nothing. The caller has made sure that there is such a store."""
    with translated(path):
        conn = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            conn.execute("PRAGMA synchronous = FULL")
            conn.execute("BEGIN IMMEDIATE")
            yield conn
            conn.execute("COMMIT")
        finally:
            conn.close()
