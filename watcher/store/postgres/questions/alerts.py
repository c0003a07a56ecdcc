"""Alerts and silences, as they are looked up. The caller owns the transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from watcher.domain.alerts.events import Acknowledgeable
from watcher.domain.alerts.lifecycle import Alert
from watcher.domain.alerts.silences import Silence
from watcher.store.codec import to_ms
from watcher.store.postgres.pool import Connection
from watcher.store.postgres.questions import events
from watcher.store.rows import ALERT, SILENCE, alert_from, silence_from

_ALERTS = f"SELECT {', '.join(ALERT)} FROM alerts"  # noqa: S608
_SILENCES = f"SELECT {', '.join(SILENCE)} FROM silences ORDER BY created, id"  # noqa: S608


def live(conn: Connection) -> list[Alert]:
    """Pending and firing alerts, oldest first."""
    return list(map(alert_from, conn.execute(f"{_ALERTS} WHERE state <> 'resolved' ORDER BY since, id")))


def newest(conn: Connection, limit: int, skip: int = 0) -> list[Alert]:
    """Alerts of every state, newest first; those that were over before they fired are left out."""
    where = "WHERE NOT closed OR fired_at IS NOT NULL"
    rows = conn.execute(f"{_ALERTS} {where} ORDER BY since DESC, id LIMIT %s OFFSET %s", (limit, skip))
    return list(map(alert_from, rows))


def within(conn: Connection, since: datetime, until: datetime) -> list[Alert]:
    """Alerts that fired at some moment of a time, the first first; those that ended untold are left out."""
    where = (
        "WHERE fired_at < %s AND (resolved_at IS NULL OR resolved_at > %s)"
        " AND (NOT closed OR told_at IS NOT NULL) ORDER BY fired_at, id"
    )
    return list(map(alert_from, conn.execute(f"{_ALERTS} {where}", (to_ms(until), to_ms(since)))))


def one(conn: Connection, identity: str) -> Alert | None:
    return next(map(alert_from, conn.execute(f"{_ALERTS} WHERE id = %s", (identity,))), None)


def several(conn: Connection, ids: Sequence[str]) -> list[Alert]:
    """These, in any order."""
    return list(map(alert_from, conn.execute(f"{_ALERTS} WHERE id = ANY(%s)", (list(ids),))))


def named(conn: Connection, text: str) -> list[str]:
    """Ids of alerts and events that an id, or its beginning, may mean; those of deliveries count too."""
    text = text.strip().lower()
    sql = "SELECT id FROM alerts WHERE id = %(text)s UNION SELECT alert FROM messages"
    sql += " WHERE kind = 'event' AND alert = %(text)s"
    if conn.execute(sql, {"text": text}).fetchone():
        return [text]
    sql = (
        "SELECT id FROM alerts WHERE starts_with(id, %(text)s)"
        " UNION SELECT m.alert FROM deliveries d JOIN messages m ON m.id = d.message"
        " WHERE starts_with(d.id, %(text)s)"
        " UNION SELECT alert FROM messages WHERE kind = 'event' AND starts_with(alert, %(text)s)"
        " ORDER BY 1 LIMIT 20"
    )
    return [row[0] for row in conn.execute(sql, {"text": text})] if text else []


def last(conn: Connection, rule: str, subject: str) -> Alert | None:
    """The newest alert of a rule on a subject that people were told of."""
    where = "WHERE rule = %s AND subject = %s AND told_at IS NOT NULL ORDER BY since DESC, id LIMIT 1"
    return next(map(alert_from, conn.execute(f"{_ALERTS} {where}", (rule, subject))), None)


def owing(conn: Connection) -> list[Alert]:
    """Alerts whose end is still to be told, in the order of that."""
    where = "WHERE state = 'resolved' AND owed IS NOT NULL ORDER BY resolved_at, id"
    return list(map(alert_from, conn.execute(f"{_ALERTS} {where}")))


def silences(conn: Connection) -> list[Silence]:
    """All that are kept, oldest first."""
    return list(map(silence_from, conn.execute(_SILENCES)))


def acknowledged(conn: Connection, since: datetime) -> list[Acknowledgeable]:
    """Live alerts, and events, that somebody acknowledged then or later, in the order of that."""
    rows = conn.execute(f"{_ALERTS} WHERE state <> 'resolved' AND acknowledged_at >= %s", (to_ms(since),))
    found: list[Acknowledgeable] = [*map(alert_from, rows), *events.acknowledged(conn, since)]
    return sorted(found, key=lambda each: (each.acknowledged.at if each.acknowledged else since, each.id))
