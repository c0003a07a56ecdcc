"""Rows of messages and deliveries. The caller owns the transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from watcher.domain.alerts.fallback import stand_in_id
from watcher.domain.messages.delivery import Delivery, DeliveryState
from watcher.domain.messages.message import Message
from watcher.domain.messages.moves import told_with
from watcher.ports.queries import ChannelState, DeliveryCounts, Waiting
from watcher.store.codec import (
    from_ms,
    ms,
    particulars_text,
    storable,
    time,
    to_ms,
)
from watcher.store.rows import DELIVERY, delivery_from

_SELECT = (
    f"SELECT {DELIVERY},"  # noqa: S608
    " (SELECT e.receipt FROM messages f JOIN deliveries e ON e.message = f.id WHERE f.alert = m.alert"
    " AND e.channel = d.channel AND e.receipt <> '' ORDER BY e.sent, e.rowid LIMIT 1)"
    " FROM deliveries d JOIN messages m ON m.id = d.message LEFT JOIN alerts a ON a.id = m.alert"
)


def waiting(conn: sqlite3.Connection) -> list[Waiting]:
    """For each channel that something waits for, what is critical apart, and what some have heard."""
    rows = conn.execute(
        "SELECT d.channel, m.severity = 'critical', d.heard <> '', min(d.created) FROM deliveries d"
        " JOIN messages m ON m.id = d.message WHERE d.state = 'pending' GROUP BY 1, 2, 3"
    )
    return [
        Waiting(name, bool(critical), bool(partly), from_ms(since)) for name, critical, partly, since in rows
    ]


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


def due(
    conn: sqlite3.Connection, channel: str, now: datetime, limit: int, *, critical: bool = False
) -> list[Delivery]:
    """Pending deliveries of a channel whose time has come, oldest first; `critical`: only such."""
    where = "WHERE d.channel = ? AND d.state = 'pending' AND d.due <= ?"
    where += " AND m.severity = 'critical'" if critical else ""
    sql = f"{_SELECT} {where} ORDER BY d.created, d.rowid LIMIT ?"
    return [_delivery(row) for row in conn.execute(sql, (channel, to_ms(now), limit))]


def next_due(conn: sqlite3.Connection, channel: str) -> datetime | None:
    sql = "SELECT min(due) FROM deliveries WHERE channel = ? AND state = 'pending'"
    return time(conn.execute(sql, (channel,)).fetchone()[0])


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


def counts(conn: sqlite3.Connection) -> DeliveryCounts:
    """How many there are of each state."""
    rows = conn.execute("SELECT state, count(*), min(created) FROM deliveries GROUP BY state")
    found = {state: (count, oldest) for state, count, oldest in rows}
    pending, oldest = found.get("pending", (0, None))
    sent, given_up = found.get("sent", (0, None))[0], found.get("given_up", (0, None))[0]
    return DeliveryCounts(pending, sent, given_up, time(oldest))


def channels(conn: sqlite3.Connection, names: Sequence[str]) -> list[ChannelState]:
    """How the deliveries of each of these channels fare."""
    return [_channel(conn, name) for name in names]


def _channel(conn: sqlite3.Connection, name: str) -> ChannelState:
    pending, oldest, trouble = conn.execute(
        "SELECT count(*), min(created), max(last_error) FROM deliveries"
        " WHERE channel = ? AND state = 'pending'",
        (name,),
    ).fetchone()
    last = conn.execute(
        "SELECT state, last_error, sent, heard FROM deliveries WHERE channel = ? AND state <> 'pending'"
        " ORDER BY created DESC, id DESC LIMIT 1",
        (name,),
    ).fetchone()
    ended_badly = last is not None and last[0] == "given_up"
    gave_up = ended_badly and not last[3]
    why = last[1] if ended_badly else trouble or ""
    sent = None if last is None else time(last[2])
    return ChannelState(name, pending, time(oldest), gave_up=gave_up, trouble=why, sent=sent)


def listed(
    conn: sqlite3.Connection,
    state: str | None,
    limit: int,
    skip: int = 0,
    *,
    channel: str | None = None,
    given_up_first: bool = False,
) -> list[Delivery]:
    """Deliveries, newest first."""
    order = "d.state <> 'given_up', " if given_up_first else ""
    order += "d.created DESC, d.rowid DESC"
    where, values = _wanted(state, channel)
    chosen = f"SELECT d.rowid FROM deliveries d {where} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608
    sql = f"{_SELECT} WHERE d.rowid IN ({chosen}) ORDER BY {order}"
    return [_delivery(row) for row in conn.execute(sql, (*values, limit, skip))]


def count(conn: sqlite3.Connection, state: str | None = None, channel: str | None = None) -> int:
    where, values = _wanted(state, channel)
    found: int = conn.execute(f"SELECT count(*) FROM deliveries d {where}", values).fetchone()[0]  # noqa: S608
    return found


def _wanted(state: str | None, channel: str | None) -> tuple[str, list[str]]:
    terms = {"d.state = ?": state, "d.channel = ?": channel}
    given = {term: value for term, value in terms.items() if value}
    return f"WHERE {' AND '.join(given)}" if given else "", list(given.values())


def one(conn: sqlite3.Connection, identity: str) -> Delivery | None:
    row = conn.execute(f"{_SELECT} WHERE d.id = ?", (identity,)).fetchone()
    return _delivery(row) if row is not None else None


def named(conn: sqlite3.Connection, text: str) -> dict[str, str]:
    """Of what waits, was given up or withheld: id → title of those whose id begins so."""
    text = text.strip().lower()
    sql = (
        "SELECT d.id, d.channel || ': ' || m.title FROM deliveries d JOIN messages m ON m.id = d.message"
        " WHERE d.state IN ('pending', 'given_up', 'withheld') AND substr(d.id, 1, length(:text)) = :text"
        " ORDER BY d.id LIMIT 20"
    )
    return dict(conn.execute(sql, {"text": text}).fetchall()) if text else {}


def about(conn: sqlite3.Connection, alert: str) -> list[Delivery]:
    """Deliveries of one alert, oldest first."""
    return [
        _delivery(row)
        for row in conn.execute(f"{_SELECT} WHERE m.alert = ? ORDER BY d.created, d.rowid", (alert,))
    ]


def told_together(conn: sqlite3.Connection, identity: str) -> list[str]:
    """What `told_with` finds: one message is of one wallet and one moment."""
    of = "FROM messages o WHERE o.alert = ?"
    where = f"WHERE m.at IN (SELECT o.at {of}) AND m.wallet IN (SELECT o.wallet {of})"
    beside = conn.execute(f"{_SELECT} {where}", (identity, identity))
    return told_with(identity, map(_delivery, beside))


def latest_event(conn: sqlite3.Connection, rule: str, subject: str) -> list[Delivery]:
    """Deliveries of the last event that a rule told of a subject; empty if it told none that is kept."""
    found = conn.execute(
        "SELECT id FROM messages WHERE rule = ? AND subject = ? AND kind = 'event' "
        "ORDER BY at DESC, id DESC LIMIT 1",
        (rule, subject),
    ).fetchone()
    rows = conn.execute(f"{_SELECT} WHERE m.id = ? ORDER BY d.rowid", found) if found else ()
    return [_delivery(row) for row in rows]


def retry(conn: sqlite3.Connection, ids: Sequence[str], now: datetime) -> list[str]:
    """Make deliveries that were given up, were withheld or wait due now, with a day before them."""
    return _change(
        conn,
        "state = 'pending', due = :now, created = :now",
        "state IN ('given_up', 'withheld', 'pending')",
        ids,
        now,
    )


def drop(conn: sqlite3.Connection, ids: Sequence[str], now: datetime) -> list[str]:
    """Take deliveries out; the ids that were found."""
    return _change(conn, "state = 'dropped'", "state IN ('given_up', 'pending')", ids, now)


def _change(
    conn: sqlite3.Connection, change: str, where: str, ids: Sequence[str], now: datetime
) -> list[str]:
    found = []
    for each in ids:
        sql = f"UPDATE deliveries SET {change} WHERE id = :id AND {where} RETURNING id"  # noqa: S608
        rows = conn.execute(sql, {"id": each, "now": to_ms(now)}).fetchall()
        found += [row[0] for row in rows]
    return found


def _delivery(row: tuple[Any, ...]) -> Delivery:
    return delivery_from(row[:-1], row[-1])


def _names(recipients: frozenset[str]) -> str:
    return storable(json.dumps(sorted(recipients), ensure_ascii=False)) if recipients else ""
