"""Ledger: what was booked and charged, and the facts that sources have learnt for good.

Whoever books holds the row of the source's gate until the end of the transaction, and the time of the booking
is taken after that: bookings of one source come one after the other, whichever member makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
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
from watcher.store.codec import from_ms, storable, to_ms
from watcher.store.ledger import HOUR_MS, spending
from watcher.store.postgres.look import Rows
from watcher.store.postgres.pool import Connection
from watcher.store.sql.ledger import facts, keep_facts, set_back

_END = 2**62
_ASIDE = sorted(map(str, ASIDE))
_OPEN = "INSERT INTO gate (source) VALUES (%s) ON CONFLICT DO NOTHING"
_ENTER = (
    "WITH entered AS MATERIALIZED (SELECT 1 FROM gate WHERE source = %s FOR NO KEY UPDATE)"
    " SELECT booked_at(%s), nextval('request_numbers') FROM entered"
)
"""The time at which nobody else books any more."""
_BOOK = (
    "WITH request AS (INSERT INTO requests (id, source, purpose, accounts, cost, reserved_at)"
    " VALUES (%s, %s, %s, %s, %s, %s))"
    " INSERT INTO spending AS s (source, hour, credits, calls, aside) VALUES (%s, %s, %s, %s, %s)"
    " ON CONFLICT (source, hour) DO UPDATE SET credits = s.credits + excluded.credits,"
    " calls = s.calls + excluded.calls, aside = s.aside + excluded.aside"
)
_IS_OPEN = "SELECT 1 FROM requests WHERE id = %s AND ended_at IS NULL FOR NO KEY UPDATE"
_SETTLE = (
    "WITH done AS (UPDATE requests SET ended_at = %s, charged = %s, readings = %s, misses = %s, failure = %s,"
    " outcomes = %s WHERE id = %s AND ended_at IS NULL"
    " RETURNING source, reserved_at / 3600000 AS hour, charged - cost AS more, purpose)"
    " INSERT INTO spending AS s (source, hour, credits, calls, aside)"
    " SELECT source, hour, more, 0, CASE WHEN purpose = ANY(%s::words[]) THEN more ELSE 0 END"
    " FROM done WHERE more <> 0"
    " ON CONFLICT (source, hour) DO UPDATE SET credits = s.credits + excluded.credits,"
    " aside = s.aside + excluded.aside"
)
_IN_HOURS = (
    "SELECT coalesce(sum(credits), 0)::bigint, coalesce(sum(calls), 0)::bigint,"
    " coalesce(sum(aside), 0)::bigint FROM spending WHERE source = %s AND hour >= %s AND hour <= %s"
)
_IN_LOG = "SELECT count(*) FROM requests WHERE source = %s AND reserved_at > %s AND reserved_at <= %s"
_LATEST = "SELECT max(reserved_at) FROM requests WHERE source = %s AND reserved_at >= %s"
_HINTED = (
    "INSERT INTO hinted (request, source, chain, address, by, told_at, hint, at, changed, credits)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)


def reserve(
    conn: Connection, booking: Booking, allowance: Allowance, entered: Collection[str] = ()
) -> Grant | CreditRefusal:
    """Book a request if the allowance has room for it. `entered`: sources that have a gate."""
    source = booking.source
    if source not in entered:
        conn.execute(_OPEN, (source,))
    time = conn.execute(_ENTER, (source, to_ms(booking.at)))
    bookings = _Bookings(conn, source)
    spending(bookings, booking.at, allowance)  # mostly what the server's time asks for too
    at, number = next(iter(time))
    now = from_ms(at)
    spending(bookings, now, allowance)
    bookings.guessing = False
    refusal = may_spend(allowance, spending(bookings, now, allowance), booking.cost, booking.purpose, now)
    if refusal is not None:
        return refusal
    purpose, cost = str(booking.purpose), booking.cost
    row = (number, source, purpose, booking.accounts, cost, at)
    conn.execute(_BOOK, (*row, source, at // HOUR_MS, cost, 1, cost if purpose in ASIDE else 0))
    return Grant(number)


def settle(
    conn: Connection,
    settlement: Settlement,
    outcomes: str | None = None,
    moved: Collection[Account] = (),
) -> None:
    """Write how a request ended. Settling twice changes nothing: only an open request is settled.

    `outcomes`: which accounts were read or missed, for the poll log. `moved`: those that changed.
    """
    number = settlement.grant.id
    hinted = settlement.found(moved)
    if hinted and conn.execute(_IS_OPEN, (number,)).fetchone() is None:
        return
    conn.execute(
        _SETTLE,
        (
            to_ms(settlement.ended), settlement.charged, settlement.readings, settlement.misses,
            storable(settlement.failure), outcomes, number, _ASIDE,
        ),
    )  # fmt: skip
    for each in hinted:
        word = (each.word.by, to_ms(each.word.at), each.word.id)
        conn.execute(_HINTED, (number, *each.account, *word, to_ms(each.at), each.changed, each.credits))


def is_open(conn: Connection, grant: Grant) -> bool:
    """Whether a request is not settled yet. Who is just settling it is waited for."""
    sql = "SELECT ended_at IS NULL FROM requests WHERE id = %s FOR NO KEY UPDATE"
    row = conn.execute(sql, (grant.id,)).fetchone()
    return row is None or bool(row[0])


class _Bookings:
    """The rows of one source, which nobody else books for meanwhile. While it is `guessing` it only sends for
    the answers that are asked for, and gives none: each takes a way there and back, and all take one."""

    def __init__(self, conn: Connection, source: str) -> None:
        self._conn, self._source, self.guessing = conn, source, True
        self._sent: dict[tuple[object, ...], Rows] = {}

    def in_hours(self, since: datetime, until: datetime | None) -> tuple[int, int, int]:
        rows = self._ask(_IN_HOURS, to_ms(since) // HOUR_MS, _end(until) // HOUR_MS)
        return (0, 0, 0) if self.guessing else next(iter(rows))

    def in_log(self, since: datetime, until: datetime | None) -> int:
        rows = self._ask(_IN_LOG, to_ms(since), _end(until))
        return 0 if self.guessing else int(next(iter(rows))[0])

    def set_back(self, now: datetime) -> datetime | None:
        rows = self._ask(_LATEST, to_ms(now) // HOUR_MS * HOUR_MS)
        latest = None if self.guessing else next(iter(rows))[0]
        return set_back(self._conn, self._source, now, latest)

    def _ask(self, sql: str, *bounds: int) -> Rows:
        key = (sql, *bounds)
        if key not in self._sent:
            self._sent[key] = self._conn.execute(sql, (self._source, *bounds))
        return self._sent[key]


def _end(until: datetime | None) -> int:
    return _END if until is None else to_ms(until)


def change_fact(
    conn: Connection, source: str, name: str, change: Callable[[str | None], str], now: datetime
) -> str:
    """Keep what `change` makes of a fact; nobody else changes it until the transaction ends."""
    key = f"{source}\n{name}"
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || %s, 1))", (key,))
    kept = change(facts(conn, source).get(name))
    keep_facts(conn, source, {name: kept}, now)
    return kept
