"""Messages and deliveries, as they are looked up. The caller owns the transaction."""

# ruff: noqa: S608 - only constants of this file are joined into statements

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.moves import told_with
from watcher.ports.queries import ChannelState, DeliveryCounts, Waiting
from watcher.store.codec import from_ms, time
from watcher.store.postgres.pool import Connection
from watcher.store.postgres.questions.asking import number
from watcher.store.rows import DELIVERY, delivery_from

SELECT = (
    f"SELECT {DELIVERY},"
    " (SELECT e.receipt FROM messages f JOIN deliveries e ON e.message = f.id WHERE f.alert = m.alert"
    " AND e.channel = d.channel AND e.receipt <> '' ORDER BY e.sent NULLS FIRST, e.number LIMIT 1)"
    " FROM deliveries d JOIN messages m ON m.id = d.message LEFT JOIN alerts a ON a.id = m.alert"
)
"""What `made` reads."""


def made(rows: Iterable[Sequence[Any]]) -> list[Delivery]:
    return [delivery_from(tuple(row[:-1]), row[-1]) for row in rows]


def waiting(conn: Connection) -> list[Waiting]:
    """For each channel that something waits for, what is critical apart, and what some have heard."""
    rows = conn.execute(
        "SELECT d.channel, m.severity = 'critical', d.heard <> '', min(d.created) FROM deliveries d"
        " JOIN messages m ON m.id = d.message WHERE d.state = 'pending' GROUP BY 1, 2, 3"
    )
    return [Waiting(name, critical, partly, from_ms(since)) for name, critical, partly, since in rows]


def counts(conn: Connection) -> DeliveryCounts:
    """How many there are of each state."""
    rows = conn.execute("SELECT state, count(*), min(created) FROM deliveries GROUP BY state")
    found = {state: (count, oldest) for state, count, oldest in rows}
    pending, oldest = found.get("pending", (0, None))
    sent, given_up = found.get("sent", (0, None))[0], found.get("given_up", (0, None))[0]
    return DeliveryCounts(pending, sent, given_up, time(oldest))


def channels(conn: Connection, names: Sequence[str]) -> list[ChannelState]:
    """How the deliveries of each of these channels fare."""
    return [_channel(conn, name) for name in names]


def _channel(conn: Connection, name: str) -> ChannelState:
    sql = (
        "SELECT count(*), min(created), max(last_error) FROM deliveries"
        " WHERE channel = %s AND state = 'pending'"
    )
    pending, oldest, trouble = next(iter(conn.execute(sql, (name,))))
    sql = (
        "SELECT state, last_error, sent, heard FROM deliveries WHERE channel = %s AND state <> 'pending'"
        " ORDER BY created DESC, id DESC LIMIT 1"
    )
    last = conn.execute(sql, (name,)).fetchone()
    ended_badly = last is not None and last[0] == "given_up"
    return ChannelState(
        name,
        pending,
        time(oldest),
        gave_up=last is not None and ended_badly and not last[3],
        trouble=last[1] if last is not None and ended_badly else trouble or "",
        sent=time(last[2]) if last is not None else None,
    )


def listed(
    conn: Connection,
    state: str | None,
    limit: int,
    skip: int = 0,
    *,
    channel: str | None = None,
    given_up_first: bool = False,
) -> list[Delivery]:
    """Deliveries, newest first."""
    order = "d.state <> 'given_up', " if given_up_first else ""
    order += "d.created DESC, d.number DESC"
    where, values = _wanted(state, channel)
    chosen = f"SELECT d.id FROM deliveries d {where} ORDER BY {order} LIMIT %s OFFSET %s"
    sql = f"{SELECT} WHERE d.id = ANY(ARRAY({chosen})) ORDER BY {order}"
    return made(conn.execute(sql, (*values, limit, skip)))


def count(conn: Connection, state: str | None = None, channel: str | None = None) -> int:
    where, values = _wanted(state, channel)
    return number(conn, f"SELECT count(*) FROM deliveries d {where}", values)


def _wanted(state: str | None, channel: str | None) -> tuple[str, list[str]]:
    terms = {"d.state = %s": state, "d.channel = %s": channel}
    given = {term: value for term, value in terms.items() if value}
    return f"WHERE {' AND '.join(given)}" if given else "", list(given.values())


def one(conn: Connection, identity: str) -> Delivery | None:
    return next(iter(made(conn.execute(f"{SELECT} WHERE d.id = %s", (identity,)))), None)


def named(conn: Connection, text: str) -> dict[str, str]:
    """Of what waits, was given up or withheld: id → title of those whose id begins so."""
    text = text.strip().lower()
    sql = (
        "SELECT d.id, d.channel || ': ' || m.title FROM deliveries d JOIN messages m ON m.id = d.message"
        " WHERE d.state IN ('pending', 'given_up', 'withheld') AND starts_with(d.id, %s)"
        " ORDER BY d.id LIMIT 20"
    )
    return dict(conn.execute(sql, (text,)).fetchall()) if text else {}


def about(conn: Connection, alert: str) -> list[Delivery]:
    """Deliveries of one alert, oldest first."""
    return made(conn.execute(f"{SELECT} WHERE m.alert = %s ORDER BY d.created, d.number", (alert,)))


def told_together(conn: Connection, identity: str) -> list[str]:
    """What `told_with` finds: one message is of one wallet and one moment."""
    of = "FROM messages o WHERE o.alert = %s"
    where = f"WHERE m.at IN (SELECT o.at {of}) AND m.wallet IN (SELECT o.wallet {of})"
    beside = made(conn.execute(f"{SELECT} {where} ORDER BY d.number", (identity, identity)))
    return told_with(identity, beside)


def latest_event(conn: Connection, rule: str, subject: str) -> list[Delivery]:
    """Deliveries of the last event that a rule told of a subject; empty if it told none that is kept."""
    last = (
        "SELECT id FROM messages WHERE rule = %s AND subject = %s AND kind = 'event'"
        " ORDER BY at DESC, id DESC LIMIT 1"
    )
    return made(conn.execute(f"{SELECT} WHERE m.id = ({last}) ORDER BY d.number", (rule, subject)))
