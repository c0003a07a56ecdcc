"""Alerts, flaps and silences as they are written. The caller owns the transaction."""

# ruff: noqa: S608 (only constants of this file are joined into statements)

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from watcher.domain.alerts.lifecycle import Ack, Alert, AlertState
from watcher.domain.alerts.silences import Silence
from watcher.domain.decision import Decision
from watcher.ports.commands import Acknowledged
from watcher.store.codec import to_ms
from watcher.store.postgres.pool import Connection
from watcher.store.postgres.questions import alerts, events
from watcher.store.rows import ALERT, SILENCE, alert_row, flap_row, silence_row

_NAMES, _HOLES = ", ".join(ALERT), ", ".join(["%s"] * len(ALERT))
_SET = ", ".join(f"{name} = excluded.{name}" for name in ALERT[1:])
_CHANGE = (
    f"WITH done AS (UPDATE alerts SET ({_NAMES}) = ROW ({_HOLES}) WHERE id = %s AND version = %s RETURNING 1)"
    " SELECT expect((SELECT count(*) FROM done), 1)"
)
_BEGIN = (
    f"WITH done AS (INSERT INTO alerts ({_NAMES}) VALUES ({_HOLES})"
    f" ON CONFLICT (id) DO UPDATE SET {_SET} WHERE alerts.state = 'resolved' RETURNING 1)"
    " SELECT expect((SELECT count(*) FROM done), 1)"
)
"""Of one that this process does not know as alive; whoever else made it meanwhile was quicker."""
_FLAP = (
    "INSERT INTO flaps (rule, subject, times, since, said, last) VALUES (%s, %s, %s, %s, %s, %s)"
    " ON CONFLICT (rule, subject) DO UPDATE SET times = excluded.times, since = excluded.since,"
    " said = excluded.said, last = excluded.last"
)
_SILENCE = (
    f"INSERT INTO silences ({', '.join(SILENCE)}) VALUES ({', '.join(['%s'] * len(SILENCE))})"
    f" ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in SILENCE[1:])}"
)


def write(conn: Connection, versions: Mapping[str, int], decision: Decision) -> None:
    """Alerts and their transitions, if those of before are still as the decision saw them."""
    last = {alert.id: alert for alert in decision.alerts}
    for alert in sorted(last.values(), key=_order):
        seen = versions.get(alert.id)
        if seen is None:
            conn.execute(_BEGIN, alert_row(alert))
        else:
            conn.execute(_CHANGE, (*alert_row(alert), alert.id, seen))
    for key, flap in sorted(decision.flaps.items()):
        conn.execute(_FLAP, flap_row(key, flap))


def _order(alert: Alert) -> tuple[str, str, bool]:
    """One that is over makes room for the next about the same."""
    return alert.rule, alert.subject, alert.live


def acknowledge(conn: Connection, identity: str, ack: Ack) -> Acknowledged:
    """Acknowledge an alert that fires, or an event, unless somebody has."""
    said = (ack.by, to_ms(ack.at), ack.comment, ack.via)
    conn.execute("SELECT 1 FROM alerts WHERE id = %s FOR NO KEY UPDATE", (identity,))
    alert = alerts.one(conn, identity)
    if alert is None:
        done = _acknowledge_event(conn, identity, said)
        return Acknowledged(events.one(conn, identity), done)
    done = alert.state is AlertState.FIRING and alert.acknowledged is None
    if done:
        conn.execute(
            "UPDATE alerts SET acknowledged_by = %s, acknowledged_at = %s, comment = %s,"
            " acknowledged_via = %s WHERE id = %s",
            (*said, identity),
        )
    return Acknowledged(alerts.one(conn, identity), done)


def _acknowledge_event(conn: Connection, identity: str, said: tuple[str, int, str, str]) -> bool:
    """Whether there is an event that nobody had acknowledged. `said`: by whom, when, in which words, how."""
    sql = (
        "INSERT INTO event_acks (event, by, at, comment, via) SELECT %s, %s, %s, %s, %s"
        " WHERE EXISTS (SELECT 1 FROM messages WHERE alert = %s AND kind = 'event')"
        " ON CONFLICT (event) DO NOTHING RETURNING 1"
    )
    return conn.execute(sql, (identity, *said, identity)).fetchone() is not None


def add_silence(conn: Connection, silence: Silence) -> None:
    conn.execute(_SILENCE, silence_row(silence))


def expire_silences(conn: Connection, ids: Sequence[str], now: datetime) -> list[Silence]:
    """End those that are in force; as they were."""
    known = {each.id: each for each in alerts.silences(conn)}
    sql = "UPDATE silences SET until = %(now)s WHERE id = %(id)s AND until > %(now)s RETURNING id"
    ended = [row for each in ids for row in conn.execute(sql, {"now": to_ms(now), "id": each})]
    return [known[identity] for (identity,) in ended]
