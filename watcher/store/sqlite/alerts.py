"""Alerts and silences, as they are looked up and changed. The caller owns the transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from watcher.domain.alerts.events import Acknowledgeable
from watcher.domain.alerts.lifecycle import Ack, Alert, AlertState
from watcher.domain.alerts.silences import Silence
from watcher.domain.decision import Decision
from watcher.ports.commands import Acknowledged
from watcher.store.codec import storable, to_ms
from watcher.store.rows import (
    ALERT,
    SILENCE,
    alert_from,
    alert_row,
    flap_row,
    silence_from,
    silence_row,
)
from watcher.store.sqlite import events

_ALERTS = f"SELECT {', '.join(ALERT)} FROM alerts"  # noqa: S608
_PUT_ALERT = f"INSERT OR REPLACE INTO alerts ({', '.join(ALERT)}) VALUES ({', '.join('?' * len(ALERT))})"  # noqa: S608
_PUT_FLAP = "INSERT OR REPLACE INTO flaps (rule, subject, times, since, said, last) VALUES (?, ?, ?, ?, ?, ?)"
_PUT_SILENCE = (
    f"INSERT OR REPLACE INTO silences ({', '.join(SILENCE)}) VALUES ({', '.join('?' * len(SILENCE))})"  # noqa: S608
)
_SILENCES = f"SELECT {', '.join(SILENCE)} FROM silences"  # noqa: S608


def write(conn: sqlite3.Connection, conclusion: Decision) -> None:
    """Alerts and their transitions."""
    if conclusion.alerts:
        conn.executemany(_PUT_ALERT, [alert_row(alert) for alert in conclusion.alerts])
    if conclusion.flaps:
        conn.executemany(_PUT_FLAP, [flap_row(*pair) for pair in conclusion.flaps.items()])


def live(conn: sqlite3.Connection) -> list[Alert]:
    """Pending and firing alerts, oldest first."""
    rows = conn.execute(f"{_ALERTS} WHERE state <> 'resolved' ORDER BY since, id")
    return [alert_from(row) for row in rows]


def newest(conn: sqlite3.Connection, limit: int, skip: int = 0) -> list[Alert]:
    """Alerts of every state, newest first; those that were over before they fired are left out."""
    where = "WHERE NOT closed OR fired_at IS NOT NULL"
    rows = conn.execute(f"{_ALERTS} {where} ORDER BY since DESC, id LIMIT ? OFFSET ?", (limit, skip))
    return [alert_from(row) for row in rows]


def within(conn: sqlite3.Connection, since: datetime, until: datetime) -> list[Alert]:
    """Alerts that fired at some moment of a time, the first first; those that ended untold are left out."""
    where = (
        "WHERE fired_at < ? AND (resolved_at IS NULL OR resolved_at > ?)"
        " AND (NOT closed OR told_at IS NOT NULL) ORDER BY fired_at, id"
    )
    rows = conn.execute(f"{_ALERTS} {where}", (to_ms(until), to_ms(since)))
    return [alert_from(row) for row in rows]


def one(conn: sqlite3.Connection, identity: str) -> Alert | None:
    row = conn.execute(f"{_ALERTS} WHERE id = ?", (identity,)).fetchone()
    return alert_from(row) if row is not None else None


def several(conn: sqlite3.Connection, ids: Sequence[str]) -> list[Alert]:
    """These, in any order."""
    some = "WHERE id IN (SELECT value FROM json_each(?))"
    rows = conn.execute(f"{_ALERTS} {some}", (json.dumps(ids),))
    return [alert_from(row) for row in rows]


def named(conn: sqlite3.Connection, text: str) -> list[str]:
    """Ids of the alerts and events that a person may mean: by an id, the beginning of one, or the same of a
    delivery."""
    text = text.strip().lower()
    if one(conn, text) is not None or events.one(conn, text) is not None:
        return [text]
    begins = "id >= :text AND id < :text || char(1114111)"
    sql = (
        f"SELECT id FROM alerts WHERE {begins} UNION SELECT m.alert FROM messages m WHERE m.id IN"  # noqa: S608
        f" (SELECT message FROM deliveries WHERE {begins}) UNION SELECT alert FROM messages"
        " WHERE kind = 'event' AND alert >= :text AND alert < :text || char(1114111) ORDER BY 1 LIMIT 20"
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


def acknowledged(conn: sqlite3.Connection, since: datetime) -> list[Acknowledgeable]:
    """Live alerts, and events, that somebody acknowledged then or later, in the order of that."""
    rows = conn.execute(f"{_ALERTS} WHERE state <> 'resolved' AND acknowledged_at >= ?", (to_ms(since),))
    found: list[Acknowledgeable] = [*map(alert_from, rows), *events.acknowledged(conn, since)]
    return sorted(found, key=lambda each: (each.acknowledged.at if each.acknowledged else since, each.id))


def acknowledge(conn: sqlite3.Connection, identity: str, ack: Ack) -> Acknowledged:
    """Acknowledge an alert that fires, or an event, unless somebody has."""
    said = (storable(ack.by), to_ms(ack.at), storable(ack.comment), storable(ack.via))
    alert = one(conn, identity)
    if alert is None:
        done = events.acknowledge(conn, identity, said)
        return Acknowledged(events.one(conn, identity), done)
    done = alert.state is AlertState.FIRING and alert.acknowledged is None
    if done:
        sql = "acknowledged_by = ?, acknowledged_at = ?, comment = ?, acknowledged_via = ?"
        conn.execute(f"UPDATE alerts SET {sql} WHERE id = ?", (*said, identity))  # noqa: S608
    return Acknowledged(one(conn, identity), done)


def add_silence(conn: sqlite3.Connection, silence: Silence) -> None:
    conn.execute(_PUT_SILENCE, silence_row(silence))


def expire_silence(conn: sqlite3.Connection, identity: str, now: datetime) -> bool:
    """End a silence; whether it was in force."""
    sql = "UPDATE silences SET until = ? WHERE id = ? AND until > ?"
    return conn.execute(sql, (to_ms(now), identity, to_ms(now))).rowcount > 0
