"""Events and who takes care of them. The caller owns the transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from watcher.domain.alerts.events import Event
from watcher.domain.messages.message import Message
from watcher.store.codec import to_ms
from watcher.store.rows import MESSAGE, event_from
from watcher.store.sql.database import Database

_FIRST = (
    f"SELECT {MESSAGE}, a.by, a.at, a.comment, a.via FROM happenings h"  # noqa: S608
    " JOIN messages m ON m.id = h.message LEFT JOIN event_acks a ON a.event = h.id WHERE"
)
"""A channel that stands in for another has a message of its own: an event is as it was told first."""
_ACKNOWLEDGE = (
    "INSERT INTO event_acks (event, by, at, comment, via) SELECT :event, :by, :at, :comment, :via"
    " WHERE EXISTS (SELECT 1 FROM messages WHERE alert = :told AND kind = 'event')"
    " ON CONFLICT (event) DO NOTHING RETURNING 1"
)


def one(database: Database, identity: str) -> Event | None:
    return next(iter(_found(database, "h.id = :id", id=identity)), None)


def newest(database: Database, limit: int, skip: int = 0) -> list[Event]:
    """Events that are kept, newest first."""
    where = "h.state = 'event' ORDER BY h.at DESC, h.id LIMIT :limit OFFSET :skip"
    return _found(database, where, limit=limit, skip=skip)


def several(database: Database, ids: Sequence[str]) -> list[Event]:
    """These, in any order."""
    return _found(database, database.among("h.id", "ids"), ids=list(ids))


def acknowledged(database: Database, since: datetime) -> list[Event]:
    """Events that somebody acknowledged then or later."""
    return _found(database, "h.id IN (SELECT event FROM event_acks WHERE at >= :since)", since=to_ms(since))


def within(database: Database, since: datetime, until: datetime) -> list[Message]:
    """What was told of the events from one time up to another, the first first."""
    where = "h.state = 'event' AND h.at >= :since AND h.at < :until ORDER BY h.at, m.id"
    return [each.message for each in _found(database, where, since=to_ms(since), until=to_ms(until))]


def acknowledge(database: Database, identity: str, said: Mapping[str, object]) -> bool:
    """Acknowledge an event; whether there is one that nobody had acknowledged. `said`: by whom, when, with
    which comment, and how."""
    return any(True for _ in database.rows(_ACKNOWLEDGE, event=identity, told=identity, **said))


def _found(database: Database, where: str, **values: object) -> list[Event]:
    return list(map(event_from, database.rows(f"{_FIRST} {where}", **values)))
