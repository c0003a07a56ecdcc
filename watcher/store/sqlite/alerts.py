"""Alerts and their transitions as they are written. The caller owns the transaction."""

from __future__ import annotations

import sqlite3

from watcher.domain.decision import Decision
from watcher.store.rows import ALERT, alert_row, flap_row

_PUT_ALERT = f"INSERT OR REPLACE INTO alerts ({', '.join(ALERT)}) VALUES ({', '.join('?' * len(ALERT))})"  # noqa: S608
_PUT_FLAP = "INSERT OR REPLACE INTO flaps (rule, subject, times, since, said, last) VALUES (?, ?, ?, ?, ?, ?)"


def write(conn: sqlite3.Connection, conclusion: Decision) -> None:
    """Alerts and their transitions."""
    if conclusion.alerts:
        conn.executemany(_PUT_ALERT, [alert_row(alert) for alert in conclusion.alerts])
    if conclusion.flaps:
        conn.executemany(_PUT_FLAP, [flap_row(*pair) for pair in conclusion.flaps.items()])
