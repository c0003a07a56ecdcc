"""Ledger: what was booked and charged, and the facts that sources have learnt for good.

The caller owns the transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from datetime import datetime

from watcher.domain.credits.allowance import (
    ASIDE,
    LONGEST_REQUEST,
    Allowance,
    Booking,
    CreditRefusal,
    Grant,
    may_spend,
)
from watcher.domain.model import Account
from watcher.ports.store import Settlement
from watcher.store.codec import from_ms, storable, to_ms
from watcher.store.ledger import spending
from watcher.store.sqlite import hinted

HOUR_MS = 3_600_000
SET_BACK = "ledger.set_back"
"""Under this name the store keeps when a clock was found set back, and the latest booking of then."""

_END = 2**62


def reserve(conn: sqlite3.Connection, booking: Booking, allowance: Allowance) -> Grant | CreditRefusal:
    """Book a request if the allowance has room for it."""
    spent_so_far = spending(_Bookings(conn, booking.source), booking.at, allowance)
    refusal = may_spend(allowance, spent_so_far, booking.cost, booking.purpose, booking.at)
    if refusal is not None:
        return refusal
    at = to_ms(booking.at)
    row = conn.execute(
        "INSERT INTO requests (source, purpose, accounts, cost, reserved_at) VALUES (?, ?, ?, ?, ?)",
        (booking.source, str(booking.purpose), booking.accounts, booking.cost, at),
    )
    _book(conn, booking.source, at, booking.cost, 1, booking.purpose)
    return Grant(row.lastrowid or 0)


def settle(
    conn: sqlite3.Connection,
    settlement: Settlement,
    outcomes: str | None = None,
    moved: Collection[Account] = (),
) -> None:
    """Write how a request ended. Settling twice changes nothing: only an open request is settled.

    `outcomes`: which accounts were read or missed, for the poll log. `moved`: those that changed.
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
    if row is not None and settlement.hinted:
        hinted.note(conn, settlement.grant.id, settlement.found(moved))


def hours(conn: sqlite3.Connection, source: str, since: datetime) -> list[tuple[datetime, int, int]]:
    """Credits and requests by the hour, oldest first."""
    sql = "SELECT hour, credits, calls FROM spending WHERE source = ? AND hour >= ? ORDER BY hour"
    rows = conn.execute(sql, (source, to_ms(since) // HOUR_MS))
    return [(from_ms(hour * HOUR_MS), booked, calls) for hour, booked, calls in rows]


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


class _Bookings:
    """The rows of one source."""

    def __init__(self, conn: sqlite3.Connection, source: str) -> None:
        self._conn, self._source = conn, source

    def in_hours(self, since: datetime, until: datetime | None) -> tuple[int, int, int]:
        sql = (
            "SELECT coalesce(sum(credits), 0), coalesce(sum(calls), 0), coalesce(sum(aside), 0) FROM spending"
            " WHERE source = ? AND hour >= ? AND hour <= ?"
        )
        end = _END if until is None else to_ms(until)
        values = (self._source, to_ms(since) // HOUR_MS, end // HOUR_MS)
        found: tuple[int, int, int] = self._conn.execute(sql, values).fetchone()
        return found

    def in_log(self, since: datetime, until: datetime | None) -> int:
        sql = "SELECT count(*) FROM requests WHERE source = ? AND reserved_at > ? AND reserved_at <= ?"
        end = _END if until is None else to_ms(until)
        return int(self._conn.execute(sql, (self._source, to_ms(since), end)).fetchone()[0])

    def set_back(self, now: datetime) -> datetime | None:
        sql = "SELECT max(reserved_at) FROM requests WHERE source = ?"
        latest = self._conn.execute(sql, (self._source,)).fetchone()[0]
        if latest is None or latest <= to_ms(now):
            return None
        said = facts(self._conn, self._source).get(SET_BACK)
        found, known = map(int, said.split()) if said is not None else (0, 0)
        if found <= to_ms(now) and known == latest:
            return from_ms(found)
        keep_facts(self._conn, self._source, {SET_BACK: f"{to_ms(now)} {latest}"}, now)
        return now


def facts(conn: sqlite3.Connection, source: str) -> dict[str, str]:
    """What a source has learnt for good, such as the units of its assets."""
    return dict(conn.execute("SELECT name, value FROM facts WHERE source = ?", (source,)).fetchall())


def fact(conn: sqlite3.Connection, source: str, name: str) -> str | None:
    sql = "SELECT value FROM facts WHERE source = ? AND name = ?"
    return next((value for (value,) in conn.execute(sql, (source, name))), None)


def keep_facts(conn: sqlite3.Connection, source: str, found: Mapping[str, str], now: datetime) -> None:
    conn.executemany(
        "INSERT OR REPLACE INTO facts (source, name, value, at) VALUES (?, ?, ?, ?)",
        [(source, name, value, to_ms(now)) for name, value in found.items()],
    )
