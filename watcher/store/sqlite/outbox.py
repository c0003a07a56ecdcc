"""Rows of messages and deliveries. The caller owns the transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence

from watcher.domain.alerts.fallback import stand_in_id
from watcher.domain.messages.delivery import Delivery, DeliveryState
from watcher.domain.messages.message import Message
from watcher.store.codec import (
    ms,
    particulars_text,
    storable,
    to_ms,
)


def add(conn: sqlite3.Connection, deliveries: Sequence[Delivery]) -> None:
    """Owe messages to channels. An id that is there already is left as it is: it was decided before."""
    numbers: dict[Message, int] = {}
    for delivery in deliveries:
        if conn.execute("SELECT 1 FROM deliveries WHERE id = ?", (delivery.id,)).fetchone():
            continue
        number = numbers.get(delivery.message)
        if number is None:
            number = numbers[delivery.message] = _message(conn, delivery.message)
        conn.execute(
            "INSERT INTO deliveries (id, message, channel, state, created, due, last_error)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                delivery.id, number, delivery.channel, str(delivery.state),
                to_ms(delivery.created), to_ms(delivery.due), storable(delivery.last_error),
            ),
        )  # fmt: skip


def _message(conn: sqlite3.Connection, message: Message) -> int:
    row = conn.execute(
        "INSERT INTO messages (alert, kind, at, severity, rule, subject, wallet, title, facts, particulars)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            message.id, str(message.kind), to_ms(message.at), str(message.severity), message.rule,
            message.subject, message.wallet, storable(message.title),
            storable(json.dumps(message.facts, ensure_ascii=False)), particulars_text(message.particulars),
        ),
    )  # fmt: skip
    return row.lastrowid or 0


def settle(
    conn: sqlite3.Connection, deliveries: Sequence[Delivery], instead: Mapping[str, Delivery]
) -> list[Delivery]:
    """Write how attempts ended, and owe another channel what takes their place; what that is.

    What was dropped by hand meanwhile stays dropped, unless it was sent.
    """
    conn.executemany(
        "UPDATE deliveries SET state = ?, attempts = ?, last_error = ?, due = ?, sent = ?, heard = ?,"
        " receipt = ?"
        " WHERE id = ? AND (state = 'pending' OR ? = 'sent')",
        [
            (
                str(d.state), d.attempts, storable(d.last_error), to_ms(d.due), ms(d.sent),
                _names(d.delivered_to), storable(d.receipt), d.id, str(d.state),
            )
            for d in deliveries
        ],
    )  # fmt: skip
    owed = [other for identity, other in instead.items() if _needed(conn, identity, other)]
    add(conn, owed)
    return owed


def _needed(conn: sqlite3.Connection, identity: str, other: Delivery) -> bool:
    """Whether another channel is to be told, and is not owed the message anyway."""
    row = conn.execute(
        "SELECT d.state, d.channel, m.alert, d.message FROM deliveries d JOIN messages m ON m.id = d.message"
        " WHERE d.id = ?",
        (identity,),
    ).fetchone()
    if row is None or conn.execute("SELECT 1 FROM deliveries WHERE id = ?", (other.id,)).fetchone():
        return False
    state, channel, alert, message = row
    sql = "SELECT 1 FROM deliveries WHERE channel = ? AND message = ?"
    if conn.execute(sql, (other.channel, message)).fetchone():
        return False
    if state != DeliveryState.SENT:
        return state in (DeliveryState.PENDING, DeliveryState.GIVEN_UP)
    before = (
        "SELECT d.id FROM deliveries d JOIN messages m ON m.id = d.message"
        " WHERE m.alert = ? AND d.channel = ?"
    )
    told = [(stand_in_id(mine, other.channel),) for (mine,) in conn.execute(before, (alert, channel))]
    return any(conn.execute("SELECT 1 FROM deliveries WHERE id = ?", each).fetchone() for each in told)


def _names(recipients: frozenset[str]) -> str:
    return storable(json.dumps(sorted(recipients), ensure_ascii=False)) if recipients else ""
