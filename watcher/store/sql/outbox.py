"""Messages and deliveries as they are settled, and as rows. The caller owns the transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from watcher.domain.alerts.fallback import stand_in_id
from watcher.domain.messages.delivery import Delivery, DeliveryState
from watcher.domain.messages.message import Message
from watcher.store.codec import ms, particulars_text, storable, to_ms
from watcher.store.sql.database import Database

_SETTLE = (
    "UPDATE deliveries SET state = :state, attempts = :attempts, last_error = :error, due = :due,"
    " sent = :sent, heard = :heard, receipt = :receipt"
    " WHERE id = :id AND (state = 'pending' OR :state = 'sent')"
)


def settled(
    database: Database, deliveries: Sequence[Delivery], instead: Mapping[str, Delivery]
) -> list[Delivery]:
    """Write how attempts ended; what is to be owed to another channel in their place.

    What was dropped by hand meanwhile stays dropped, unless it was sent.
    """
    for each in sorted(deliveries, key=lambda each: each.id):
        heard = each.delivered_to
        database.rows(
            _SETTLE, id=each.id, state=str(each.state), attempts=each.attempts,
            error=storable(each.last_error), due=to_ms(each.due), sent=ms(each.sent),
            heard=storable(json.dumps(sorted(heard), ensure_ascii=False)) if heard else "",
            receipt=storable(each.receipt),
        )  # fmt: skip
    return [other for identity, other in instead.items() if _needed(database, identity, other)]


def _needed(database: Database, identity: str, other: Delivery) -> bool:
    """Whether another channel is to be told, and is not owed the message anyway."""
    sql = "SELECT state, channel, message FROM deliveries WHERE id = :id" + database.LOCKED  # noqa: S608
    row = next(database.rows(sql, id=identity), None)
    if row is None or there(database, [other.id]):
        return False
    state, channel, message = row
    sql = "SELECT 1 FROM deliveries WHERE channel = :channel AND message = :message"
    if next(database.rows(sql, channel=other.channel, message=message), None):
        return False
    if state != DeliveryState.SENT:
        return state in (DeliveryState.PENDING, DeliveryState.GIVEN_UP)
    before = (
        "SELECT d.id FROM deliveries d JOIN messages m ON m.id = d.message WHERE d.channel = :channel"
        " AND m.alert = (SELECT alert FROM messages WHERE id = :message)"
    )
    rows = database.rows(before, channel=channel, message=message)
    return bool(there(database, [stand_in_id(mine, other.channel) for (mine,) in rows]))


def there(database: Database, ids: Sequence[str]) -> set[str]:
    """Those of these deliveries that are kept."""
    sql = f"SELECT id FROM deliveries WHERE {database.among('id', 'ids')}"  # noqa: S608
    return {row[0] for row in database.rows(sql, ids=list(ids))}


def message_row(message: Message) -> tuple[object, ...]:
    return (
        message.id, str(message.kind), to_ms(message.at), str(message.severity), message.rule,
        message.subject, message.wallet, storable(message.title),
        storable(json.dumps(message.facts, ensure_ascii=False)), particulars_text(message.particulars),
    )  # fmt: skip


def delivery_row(delivery: Delivery, message: int) -> tuple[object, ...]:
    return (
        delivery.id, message, delivery.channel, str(delivery.state), to_ms(delivery.created),
        to_ms(delivery.due), storable(delivery.last_error),
    )  # fmt: skip
