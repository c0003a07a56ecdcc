"""The ledger and the poll log as they are looked up, and the facts that sources have learnt for good.

The caller owns the transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from watcher.domain.credits.allowance import LONGEST_REQUEST
from watcher.ports.period import PollTally
from watcher.ports.queries import LoggedPoll
from watcher.store.codec import from_ms, time, to_ms
from watcher.store.ledger import HOUR_MS
from watcher.store.sql.database import Database

SET_BACK = "ledger.set_back"
"""Under this name the store keeps when a clock was found set back, and the latest booking of then."""

_KEEP = (
    "INSERT INTO facts (source, name, value, at) VALUES (:source, :name, :value, :at)"
    " ON CONFLICT (source, name) DO UPDATE SET value = excluded.value, at = excluded.at"
)


def logged(database: Database, limit: int) -> list[LoggedPoll]:
    """The poll log, newest first."""
    sql = (
        "SELECT id, source, purpose, accounts, cost, charged, readings, misses, failure, reserved_at,"
        " ended_at FROM requests ORDER BY id DESC LIMIT :limit"
    )
    rows = database.rows(sql, limit=limit)
    return [LoggedPoll(*row[:9], reserved_at=from_ms(row[9]), ended_at=time(row[10])) for row in rows]  # type: ignore[misc]


def hours(database: Database, source: str, since: datetime) -> list[tuple[datetime, int, int]]:
    """Credits and requests by the hour, oldest first."""
    sql = "SELECT hour, credits, calls FROM spending WHERE source = :source AND hour >= :since ORDER BY hour"
    rows = database.rows(sql, source=source, since=to_ms(since) // HOUR_MS)
    return [(from_ms(hour * HOUR_MS), booked, calls) for hour, booked, calls in rows]


def spent(database: Database, source: str, since: datetime) -> int:
    """Credits booked since then."""
    # No upper bound: what was booked while the clock ran ahead was spent all the same.
    sql = "SELECT coalesce(sum(credits), 0) FROM spending WHERE source = :source AND hour >= :since"
    return int(next(database.rows(sql, source=source, since=to_ms(since) // HOUR_MS))[0])


def under_way(database: Database, source: str, since: datetime) -> bool:
    """Whether a request was booked and not settled then or later; one cut off is given up after a while."""
    sql = (
        "SELECT EXISTS (SELECT 1 FROM requests WHERE source = :source AND reserved_at > :recent"
        " AND (ended_at IS NULL OR ended_at > :since))"
    )
    asked = {"source": source, "recent": to_ms(since - LONGEST_REQUEST), "since": to_ms(since)}
    return bool(next(database.rows(sql, **asked))[0])


def tallies(database: Database, since: int, until: int) -> dict[str, PollTally]:
    """How the requests of each source went, in milliseconds of time."""
    sql = (
        "SELECT source, count(*), count(*) FILTER (WHERE failure <> ''), sum(readings), sum(misses)"
        " FROM requests WHERE reserved_at >= :since AND reserved_at < :until GROUP BY source ORDER BY 1"
    )
    return {source: PollTally(*counts) for source, *counts in database.rows(sql, since=since, until=until)}


def spent_by(database: Database, since: int, until: int) -> dict[str, tuple[int, int]]:
    """Credits and calls of each source in the hours that begin in this time."""
    sql = (
        "SELECT source, sum(credits), sum(calls) FROM spending"
        " WHERE hour * 3600000 >= :since AND hour * 3600000 < :until GROUP BY source ORDER BY source"
    )
    rows = database.rows(sql, since=since, until=until)
    return {source: (int(credits_spent), int(calls)) for source, credits_spent, calls in rows}


def set_back(database: Database, source: str, now: datetime, latest: int | None) -> datetime | None:
    """What `Bookings.set_back` says, by the time of the latest booking."""
    if latest is None or latest <= to_ms(now):
        return None
    said = fact(database, source, SET_BACK)
    found, known = map(int, said.split()) if said is not None else (0, 0)
    if found <= to_ms(now) and known == latest:
        return from_ms(found)
    keep_facts(database, source, {SET_BACK: f"{to_ms(now)} {latest}"}, now)
    return now


def fact(database: Database, source: str, name: str) -> str | None:
    sql = "SELECT value FROM facts WHERE source = :source AND name = :name"
    return next((value for (value,) in database.rows(sql, source=source, name=name)), None)


def facts(database: Database, source: str) -> dict[str, str]:
    """What a source has learnt for good, such as the units of its assets."""
    return dict(database.rows("SELECT name, value FROM facts WHERE source = :source", source=source))


def keep_facts(database: Database, source: str, found: Mapping[str, str], now: datetime) -> None:
    for name, value in sorted(found.items()):
        database.rows(_KEEP, source=source, name=name, value=value, at=to_ms(now))
