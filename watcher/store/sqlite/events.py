"""Events and who takes care of them. The caller owns the transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from watcher.domain.alerts.events import Event
from watcher.domain.messages.message import Message
from watcher.store.codec import to_ms
from watcher.store.rows import MESSAGE, event_from

_FIRST = (
    f"SELECT {MESSAGE}, a.by, a.at, a.comment, a.via FROM happenings h"  # noqa: S608
    " JOIN messages m ON m.id = h.message LEFT JOIN event_acks a ON a.event = h.id WHERE"
)
"""A channel that stands in for another has a message of its own: an event is as it was told first."""


def one(conn: sqlite3.Connection, identity: str) -> Event | None:
    row = conn.execute(f"{_FIRST} h.id = ?", (identity,)).fetchone()
    return event_from(row) if row is not None else None


def newest(conn: sqlite3.Connection, limit: int, skip: int = 0) -> list[Event]:
    """Events that are kept, newest first."""
    rows = conn.execute(
        f"{_FIRST} h.state = 'event' ORDER BY h.at DESC, h.id LIMIT ? OFFSET ?", (limit, skip)
    )
    return [event_from(row) for row in rows]


def several(conn: sqlite3.Connection, ids: Sequence[str]) -> list[Event]:
    """These, in any order."""
    some = "h.id IN (SELECT value FROM json_each(?))"
    rows = conn.execute(f"{_FIRST} {some}", (json.dumps(ids),))
    return [event_from(row) for row in rows]


def acknowledged(conn: sqlite3.Connection, since: datetime) -> list[Event]:
    """Events that somebody acknowledged then or later."""
    some = "h.id IN (SELECT event FROM event_acks WHERE at >= ?)"
    rows = conn.execute(f"{_FIRST} {some}", (to_ms(since),))
    return [event_from(row) for row in rows]


def within(conn: sqlite3.Connection, since: datetime, until: datetime) -> list[Message]:
    """What was told of the events from one time up to another, the first first."""
    rows = conn.execute(
        f"{_FIRST} h.state = 'event' AND h.at >= ? AND h.at < ? ORDER BY h.at, m.id",
        (to_ms(since), to_ms(until)),
    )
    return [event_from(row).message for row in rows]


def acknowledge(conn: sqlite3.Connection, identity: str, said: tuple[str, int, str, str]) -> bool:
    """Acknowledge an event; whether there is one that nobody had acknowledged. `said`: by whom, when, with
    which comment, and how."""
    sql = (
        "INSERT INTO event_acks (event, by, at, comment, via) SELECT ?, ?, ?, ?, ?"
        " WHERE EXISTS (SELECT 1 FROM messages WHERE alert = ? AND kind = 'event')"
        " ON CONFLICT (event) DO NOTHING"
    )
    return conn.execute(sql, (identity, *said, identity)).rowcount > 0
