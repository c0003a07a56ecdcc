"""Messages and deliveries as they are owed. The caller owns the transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Message
from watcher.store.sql.outbox import delivery_row, message_row, settled, there
from watcher.store.sqlite.connection import StoreConnection

_MESSAGE = (
    "INSERT INTO messages (alert, kind, at, severity, rule, subject, wallet, title, facts, particulars)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_OWE = (
    "INSERT INTO deliveries (id, message, channel, state, created, due, last_error)"
    " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"
)


def add(conn: StoreConnection, deliveries: Sequence[Delivery]) -> None:
    """Owe messages to channels. An id that is there already is left as it is: it was decided before."""
    known = there(conn, [each.id for each in deliveries])
    numbers: dict[Message, int] = {}
    for each in deliveries:
        if each.id in known:
            continue
        if each.message not in numbers:
            numbers[each.message] = conn.execute(_MESSAGE, message_row(each.message)).lastrowid or 0
        conn.execute(_OWE, delivery_row(each, numbers[each.message]))


def settle(
    conn: StoreConnection, deliveries: Sequence[Delivery], instead: Mapping[str, Delivery]
) -> list[Delivery]:
    """What `settled` says is owed now."""
    owed = settled(conn, deliveries, instead)
    add(conn, owed)
    return owed
