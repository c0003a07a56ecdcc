"""Messages and deliveries as they are owed. The caller owns the transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Message
from watcher.store.codec import storable
from watcher.store.postgres.pool import Connection
from watcher.store.sql.outbox import delivery_row, message_row, settled, there

_MESSAGE = (
    "INSERT INTO messages (alert, kind, at, severity, rule, subject, wallet, title, facts, particulars,"
    " because) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id"
)
_OWE = (
    "INSERT INTO deliveries (id, message, channel, state, created, due, last_error)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO NOTHING RETURNING number"
)
BECAUSE = "Because"
"""How a fact begins that says why something was told."""


def add(conn: Connection, deliveries: Sequence[Delivery]) -> list[int]:
    """Owe messages to channels; the numbers of what is owed now. An id that is there already is left as it
    is: it was decided before."""
    known = there(conn, [each.id for each in deliveries])
    new = list({each.id: each for each in deliveries if each.id not in known}.values())
    messages = dict.fromkeys(each.message for each in new)
    asked = [conn.execute(_MESSAGE, (*message_row(message), _because(message))) for message in messages]
    numbers = dict(zip(messages, (next(iter(each))[0] for each in asked), strict=True))
    owed = [conn.execute(_OWE, delivery_row(each, numbers[each.message])) for each in new]
    return [row[0] for each in owed if (row := each.fetchone()) is not None]


def _because(message: Message) -> str:
    """Why it was told, for who looks for events by words."""
    said = [value for label, value in message.facts if label == BECAUSE]
    return storable(message.particulars.because or (said[-1] if said else ""))


def settle(
    conn: Connection, deliveries: Sequence[Delivery], instead: Mapping[str, Delivery]
) -> tuple[list[Delivery], list[int]]:
    """What `settled` says is owed now, and its numbers."""
    owed = settled(conn, deliveries, instead)
    return owed, add(conn, owed) if owed else []
