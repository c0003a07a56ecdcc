"""Events and who takes care of them. The caller owns the transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from watcher.domain.alerts.events import Event
from watcher.domain.messages.message import Message
from watcher.store.codec import to_ms
from watcher.store.postgres.pool import Connection
from watcher.store.rows import MESSAGE, event_from

_FIRST = (
    f"SELECT {MESSAGE}, a.by, a.at, a.comment, a.via FROM happenings h"  # noqa: S608
    " JOIN messages m ON m.id = h.message LEFT JOIN event_acks a ON a.event = h.id WHERE"
)
"""A channel that stands in for another has a message of its own: an event is as it was told first."""


def one(conn: Connection, identity: str) -> Event | None:
    return next(map(event_from, conn.execute(f"{_FIRST} h.id = %s", (identity,))), None)


def newest(conn: Connection, limit: int, skip: int = 0) -> list[Event]:
    """Events that are kept, newest first."""
    sql = f"{_FIRST} h.state = 'event' ORDER BY h.at DESC, h.id LIMIT %s OFFSET %s"
    return list(map(event_from, conn.execute(sql, (limit, skip))))


def several(conn: Connection, ids: Sequence[str]) -> list[Event]:
    """These, in any order."""
    return list(map(event_from, conn.execute(f"{_FIRST} h.id = ANY(%s)", (list(ids),))))


def acknowledged(conn: Connection, since: datetime) -> list[Event]:
    """Events that somebody acknowledged then or later."""
    return list(map(event_from, conn.execute(f"{_FIRST} a.at >= %s", (to_ms(since),))))


def within(conn: Connection, since: datetime, until: datetime) -> list[Message]:
    """What was told of the events from one time up to another, the first first."""
    sql = f"{_FIRST} h.state = 'event' AND h.at >= %s AND h.at < %s ORDER BY h.at, m.id"
    return [event_from(row).message for row in conn.execute(sql, (to_ms(since), to_ms(until)))]
