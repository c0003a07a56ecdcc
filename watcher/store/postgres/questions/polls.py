"""Which accounts requests read or missed, and when daemons ran: what a backtest needs beside the history."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from watcher.domain.history.reconstruction import DaemonRun, PollRecord
from watcher.domain.model import Account, Asset
from watcher.store.codec import from_ms, to_ms
from watcher.store.outcomes import record
from watcher.store.postgres.pool import Connection, stream


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


def runs(conn: Connection) -> list[DaemonRun]:
    """Times in which at least one member was at work."""
    found: list[DaemonRun] = []
    for began, seen in conn.execute("SELECT began, seen FROM runs ORDER BY began, seen"):
        run = DaemonRun(from_ms(began), from_ms(seen))
        if found and run.began < found[-1].seen:
            run = DaemonRun(found[-1].began, max(found.pop().seen, run.seen))
        found.append(run)
    return found
