"""Ledger: what was booked and charged, and the facts that sources have learnt for good.

The caller owns the transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from datetime import datetime

from watcher.domain.credits.allowance import (
    ASIDE,
    Allowance,
    Booking,
    CreditRefusal,
    Grant,
    may_spend,
)
from watcher.domain.model import Account
from watcher.ports.store import Settlement
from watcher.store.codec import storable, to_ms
from watcher.store.ledger import HOUR_MS, spending
from watcher.store.sql.ledger import set_back
from watcher.store.sqlite import hinted
from watcher.store.sqlite.connection import StoreConnection

_END = 2**62


def reserve(conn: StoreConnection, booking: Booking, allowance: Allowance) -> Grant | CreditRefusal:
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


def _book(conn: sqlite3.Connection, source: str, at: int, cost: int, calls: int, purpose: str) -> None:
    conn.execute(
        "INSERT INTO spending (source, hour, credits, calls, aside) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (source, hour) DO UPDATE SET credits = credits + excluded.credits,"
        " calls = calls + excluded.calls, aside = aside + excluded.aside",
        (source, at // HOUR_MS, cost, calls, cost if purpose in ASIDE else 0),
    )


def note_run(conn: sqlite3.Connection, since: datetime, now: datetime) -> None:
    """A daemon that began at `since` is still at work."""
    conn.execute(
        "INSERT INTO runs (began, seen) VALUES (?, ?)"
        " ON CONFLICT (began) DO UPDATE SET seen = max(seen, excluded.seen)",
        (to_ms(since), to_ms(now)),
    )


class _Bookings:
    """The rows of one source."""

    def __init__(self, conn: StoreConnection, source: str) -> None:
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
        return set_back(self._conn, self._source, now, self._conn.execute(sql, (self._source,)).fetchone()[0])
