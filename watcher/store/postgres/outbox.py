"""Messages and deliveries as they are owed and settled. The caller owns the transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from watcher.domain.alerts.fallback import stand_in_id
from watcher.domain.messages.delivery import Delivery, DeliveryState
from watcher.domain.messages.message import Message
from watcher.store.codec import ms, particulars_text, storable, to_ms
from watcher.store.postgres.pool import Connection

_MESSAGE = (
    "INSERT INTO messages (alert, kind, at, severity, rule, subject, wallet, title, facts, particulars,"
    " because) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id"
)
_OWE = (
    "INSERT INTO deliveries (id, message, channel, state, created, due, last_error)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO NOTHING RETURNING number"
)
_SETTLE = (
    "UPDATE deliveries SET state = %(state)s, attempts = %(attempts)s, last_error = %(error)s, due = %(due)s,"
    " sent = %(sent)s, heard = %(heard)s, receipt = %(receipt)s"
    " WHERE id = %(id)s AND (state = 'pending' OR %(state)s = 'sent')"
)
BECAUSE = "Because"
"""How a fact begins that says why something was told."""


def add(conn: Connection, deliveries: Sequence[Delivery]) -> list[int]:
    """Owe messages to channels; the numbers of what is owed now. An id that is there already is left as it
    is: it was decided before."""
    there = _there(conn, [each.id for each in deliveries])
    new = list({each.id: each for each in deliveries if each.id not in there}.values())
    messages = dict.fromkeys(each.message for each in new)
    asked = [conn.execute(_MESSAGE, _message_row(message)) for message in messages]
    numbers = dict(zip(messages, (next(iter(each))[0] for each in asked), strict=True))
    owed = [conn.execute(_OWE, _delivery_row(each, numbers[each.message])) for each in new]
    return [row[0] for each in owed if (row := each.fetchone()) is not None]


def _there(conn: Connection, ids: Sequence[str]) -> set[str]:
    return {row[0] for row in conn.execute("SELECT id FROM deliveries WHERE id = ANY(%s)", (list(ids),))}


def _message_row(message: Message) -> tuple[object, ...]:
    return (
        message.id, str(message.kind), to_ms(message.at), str(message.severity), message.rule,
        message.subject, message.wallet, storable(message.title),
        storable(json.dumps(message.facts, ensure_ascii=False)), particulars_text(message.particulars),
        _because(message),
    )  # fmt: skip


def _because(message: Message) -> str:
    """Why it was told, for who looks for events by words."""
    said = [value for label, value in message.facts if label == BECAUSE]
    return storable(message.particulars.because or (said[-1] if said else ""))


def _delivery_row(delivery: Delivery, message: int) -> tuple[object, ...]:
    return (
        delivery.id, message, delivery.channel, str(delivery.state), to_ms(delivery.created),
        to_ms(delivery.due), storable(delivery.last_error),
    )  # fmt: skip


def settle(
    conn: Connection, deliveries: Sequence[Delivery], instead: Mapping[str, Delivery]
) -> tuple[list[Delivery], list[int]]:
    """Write how attempts ended, and owe another channel what takes their place: what it is, and its numbers.

    What was dropped by hand meanwhile stays dropped, unless it was sent.
    """
    for each in sorted(deliveries, key=lambda each: each.id):
        conn.execute(_SETTLE, _settled(each))
    owed = [other for identity, other in instead.items() if _needed(conn, identity, other)]
    return owed, add(conn, owed) if owed else []


def _settled(delivery: Delivery) -> dict[str, object]:
    heard = delivery.delivered_to
    return {
        "id": delivery.id, "state": str(delivery.state), "attempts": delivery.attempts,
        "error": storable(delivery.last_error), "due": to_ms(delivery.due), "sent": ms(delivery.sent),
        "heard": storable(json.dumps(sorted(heard), ensure_ascii=False)) if heard else "",
        "receipt": storable(delivery.receipt),
    }  # fmt: skip


def _needed(conn: Connection, identity: str, other: Delivery) -> bool:
    """Whether another channel is to be told, and is not owed the message anyway."""
    row = conn.execute(
        "SELECT d.state, d.channel, m.alert, d.message FROM deliveries d JOIN messages m ON m.id = d.message"
        " WHERE d.id = %s FOR NO KEY UPDATE OF d",
        (identity,),
    ).fetchone()
    if row is None or _there(conn, [other.id]):
        return False
    state, channel, alert, message = row
    sql = "SELECT 1 FROM deliveries WHERE channel = %s AND message = %s"
    if conn.execute(sql, (other.channel, message)).fetchone():
        return False
    if state != DeliveryState.SENT:
        return state in (DeliveryState.PENDING, DeliveryState.GIVEN_UP)
    before = (
        "SELECT d.id FROM deliveries d JOIN messages m ON m.id = d.message"
        " WHERE m.alert = %s AND d.channel = %s"
    )
    told = [stand_in_id(mine, other.channel) for (mine,) in conn.execute(before, (alert, channel))]
    return bool(_there(conn, told))
