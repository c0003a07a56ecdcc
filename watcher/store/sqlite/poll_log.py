"""Which accounts requests read or missed, and when a daemon ran: what a backtest needs beside the history."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from watcher.domain.history.reconstruction import DaemonRun, PollRecord
from watcher.domain.model import Account, Asset
from watcher.store.codec import from_ms, to_ms
from watcher.store.outcomes import record


def records(conn: sqlite3.Connection, since: datetime) -> list[PollRecord]:
    """Every request since then whose accounts are known, in the order of time."""
    accounts = {
        row[0]: Account(*row[1:]) for row in conn.execute("SELECT id, source, chain, address FROM accounts")
    }
    assets = {row[0]: Asset(*row[1:]) for row in conn.execute("SELECT id, chain, token FROM assets")}
    sql = (
        "SELECT ended_at, outcomes FROM requests WHERE reserved_at >= ? AND outcomes IS NOT NULL"
        " ORDER BY ended_at, id"
    )
    return [record(from_ms(at), text, accounts, assets) for at, text in conn.execute(sql, (to_ms(since),))]


def note_run(conn: sqlite3.Connection, since: datetime, now: datetime) -> None:
    """A daemon that began at `since` is still at work."""
    conn.execute(
        "INSERT INTO runs (began, seen) VALUES (?, ?)"
        " ON CONFLICT (began) DO UPDATE SET seen = max(seen, excluded.seen)",
        (to_ms(since), to_ms(now)),
    )


def runs(conn: sqlite3.Connection) -> list[DaemonRun]:
    rows = conn.execute("SELECT began, seen FROM runs ORDER BY began")
    return [DaemonRun(from_ms(began), from_ms(seen)) for began, seen in rows]
