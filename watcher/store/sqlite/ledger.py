"""Ledger: what was booked and charged, and the facts that sources have learnt for good.

The caller owns the transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime, timedelta

from watcher.domain.credits.allowance import (
    ASIDE,
    LONGEST_REQUEST,
    Allowance,
    CreditRefusal,
    Grant,
    Purpose,
    Spending,
    may_spend,
)
from watcher.ports.store import Settlement
from watcher.store.sqlite.codec import storable, to_ms

HOUR_MS = 3_600_000
SHORT_WINDOW = 3600
"""Windows up to so many seconds are counted from the log, longer ones from hours, a little too strictly."""

SET_BACK = "ledger.set_back"
"""Under this name the store keeps when a clock was found set back, and the latest booking of then."""

_END = 2**62


def reserve(
    conn: sqlite3.Connection,
    source: str,
    accounts: int,
    cost: int,
    purpose: Purpose,
    now: datetime,
    allowance: Allowance,
) -> Grant | CreditRefusal:
    """Book a request if the allowance has room for it."""
    refusal = may_spend(allowance, _spending(conn, source, now, allowance), cost, purpose, now)
    if refusal is not None:
        return refusal
    row = conn.execute(
        "INSERT INTO requests (source, purpose, accounts, cost, reserved_at) VALUES (?, ?, ?, ?, ?)",
        (source, str(purpose), accounts, cost, to_ms(now)),
    )
    _book(conn, source, to_ms(now), cost, 1, purpose)
    return Grant(row.lastrowid or 0)


def settle(conn: sqlite3.Connection, settlement: Settlement, outcomes: str | None = None) -> None:
    """Write how a request ended. Settling twice changes nothing: only an open request is settled.

    `outcomes`: which accounts were read or missed, for the poll log.
    """
    row = conn.execute(
        "UPDATE requests SET ended_at = ?, charged = ?, readings = ?, misses = ?, failure = ?,"
        " outcomes = ?"
        " WHERE id = ? AND ended_at IS NULL RETURNING source, reserved_at, cost, purpose",
        (
            to_ms(settlement.ended), settlement.charged, settlement.readings, settlement.misses,
            storable(settlement.failure), outcomes, settlement.grant.id,
        ),
    ).fetchone()  # fmt: skip
    if row is not None and settlement.charged is not None and settlement.charged != row[2]:
        _book(conn, row[0], row[1], settlement.charged - row[2], 0, row[3])


def spent(conn: sqlite3.Connection, source: str, since: datetime) -> int:
    """Credits booked since then."""
    # No upper bound: what was booked while the clock ran ahead was spent all the same.
    sql = "SELECT coalesce(sum(credits), 0) FROM spending WHERE source = ? AND hour >= ?"
    return int(conn.execute(sql, (source, to_ms(since) // HOUR_MS)).fetchone()[0])


def under_way(conn: sqlite3.Connection, source: str, since: datetime) -> bool:
    """Whether a request was booked and not settled then or later; one cut off is given up after a while."""
    sql = (
        "SELECT EXISTS (SELECT 1 FROM requests WHERE source = ? AND reserved_at > ?"
        " AND (ended_at IS NULL OR ended_at > ?))"
    )
    row = conn.execute(sql, (source, to_ms(since - LONGEST_REQUEST), to_ms(since))).fetchone()
    return bool(row[0])


def _book(conn: sqlite3.Connection, source: str, at: int, cost: int, calls: int, purpose: str) -> None:
    conn.execute(
        "INSERT INTO spending (source, hour, credits, calls, aside) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (source, hour) DO UPDATE SET credits = credits + excluded.credits,"
        " calls = calls + excluded.calls, aside = aside + excluded.aside",
        (source, at // HOUR_MS, cost, calls, cost if purpose in ASIDE else 0),
    )


def _spending(conn: sqlite3.Connection, source: str, now: datetime, allowance: Allowance) -> Spending:
    plan = allowance.credits
    set_back = _set_back(conn, source, to_ms(now))
    credits_spent = aside = 0
    if plan is not None:
        since = to_ms(plan.bounds(now)[0]) // HOUR_MS
        sql = (
            "SELECT coalesce(sum(credits), 0), coalesce(sum(aside), 0) FROM spending"
            " WHERE source = ? AND hour >= ? AND hour <= ?"
        )
        until = _until(set_back, since * HOUR_MS, to_ms(now)) // HOUR_MS
        credits_spent, aside = conn.execute(sql, (source, since, until)).fetchone()
    calls = tuple(_calls(conn, source, now, window.seconds, set_back) for window in allowance.windows)
    return Spending(credits_spent, calls, aside)


def _calls(conn: sqlite3.Connection, source: str, now: datetime, seconds: int, set_back: int | None) -> int:
    since = to_ms(now - timedelta(seconds=seconds))
    until = _until(set_back, since, to_ms(now))
    if seconds <= SHORT_WINDOW:
        sql = "SELECT count(*) FROM requests WHERE source = ? AND reserved_at > ? AND reserved_at <= ?"
        return int(conn.execute(sql, (source, since, until)).fetchone()[0])
    sql = "SELECT coalesce(sum(calls), 0) FROM spending WHERE source = ? AND hour >= ? AND hour <= ?"
    return int(conn.execute(sql, (source, since // HOUR_MS, until // HOUR_MS)).fetchone()[0])


def _until(set_back: int | None, since: int, now: int) -> int:
    """Up to when bookings count. What is dated later than now was booked before the clock was set back."""
    return now if set_back is not None and set_back <= since else _END


def _set_back(conn: sqlite3.Connection, source: str, now: int) -> int | None:
    """When the clock was found set back, if there are bookings dated later than now: they were made before.

    Without it, what was booked while the clock ran a year ahead would fill each window for a year.
    """
    sql = "SELECT max(reserved_at) FROM requests WHERE source = ?"
    latest = conn.execute(sql, (source,)).fetchone()[0]
    if latest is None or latest <= now:
        return None
    said = facts(conn, source).get(SET_BACK)
    found, known = map(int, said.split()) if said is not None else (0, 0)
    if found <= now and known == latest:
        return found
    _keep(conn, source, {SET_BACK: f"{now} {latest}"}, now)
    return now


def facts(conn: sqlite3.Connection, source: str) -> dict[str, str]:
    """What a source has learnt for good, such as the units of its assets."""
    return dict(conn.execute("SELECT name, value FROM facts WHERE source = ?", (source,)).fetchall())


def keep_facts(conn: sqlite3.Connection, source: str, found: Mapping[str, str], now: datetime) -> None:
    _keep(conn, source, found, to_ms(now))


def _keep(conn: sqlite3.Connection, source: str, found: Mapping[str, str], at: int) -> None:
    conn.executemany(
        "INSERT OR REPLACE INTO facts (source, name, value, at) VALUES (?, ?, ?, ?)",
        [(source, name, value, at) for name, value in found.items()],
    )
