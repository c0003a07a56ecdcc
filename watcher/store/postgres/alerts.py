"""Alerts, flaps and silences as they are written. The caller owns the transaction."""

# ruff: noqa: S608 (only constants of this file are joined into statements)

from __future__ import annotations

from collections.abc import Mapping

from watcher.domain.alerts.lifecycle import Alert
from watcher.domain.decision import Decision
from watcher.store.postgres.pool import Connection
from watcher.store.rows import ALERT, alert_row, flap_row

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
