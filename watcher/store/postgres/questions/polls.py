"""Which accounts requests read or missed, and when daemons ran: what a backtest needs beside the history."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from watcher.domain.history.reconstruction import DaemonRun, PollRecord
from watcher.domain.model import Account, Asset
from watcher.ports.queries import LoggedPoll
from watcher.store.codec import from_ms, time, to_ms
from watcher.store.outcomes import record
from watcher.store.postgres.pool import Connection, stream

HOUR = 3_600_000
"""Milliseconds of an hour, by which the ledger counts."""


def records(
    conn: Connection, since: datetime, accounts: Mapping[int, Account], assets: Mapping[int, Asset]
) -> list[PollRecord]:
    """Every request since then whose accounts are known, in the order of time."""
    sql = (
        "SELECT ended_at, outcomes FROM requests WHERE reserved_at >= %s AND outcomes IS NOT NULL"
        " ORDER BY ended_at, id"
    )
    rows = stream(conn, sql, (to_ms(since),))
    return [record(from_ms(at), text, accounts, assets) for at, text in rows]


def logged(conn: Connection, limit: int) -> list[LoggedPoll]:
    """The poll log, newest first."""
    sql = (
        "SELECT id, source, purpose, accounts, cost, charged, readings, misses, failure, reserved_at,"
        " ended_at FROM requests ORDER BY id DESC LIMIT %s"
    )
    rows = conn.execute(sql, (limit,))
    return [LoggedPoll(*row[:9], reserved_at=from_ms(row[9]), ended_at=time(row[10])) for row in rows]  # type: ignore[misc]


def hours(conn: Connection, source: str, since: datetime) -> list[tuple[datetime, int, int]]:
    """The ledger by the hour: credits and requests, oldest first."""
    sql = "SELECT hour, credits, calls FROM spending WHERE source = %s AND hour >= %s ORDER BY hour"
    rows = conn.execute(sql, (source, to_ms(since) // HOUR))
    return [(from_ms(hour * HOUR), spent, calls) for hour, spent, calls in rows]


def runs(conn: Connection) -> list[DaemonRun]:
    """Times in which at least one member was at work."""
    found: list[DaemonRun] = []
    for began, seen in conn.execute("SELECT began, seen FROM runs ORDER BY began, seen"):
        run = DaemonRun(from_ms(began), from_ms(seen))
        if found and run.began < found[-1].seen:
            run = DaemonRun(found[-1].began, max(found.pop().seen, run.seen))
        found.append(run)
    return found
