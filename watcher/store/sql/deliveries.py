"""Messages and deliveries, as they are looked up and changed by people. The caller owns the transaction."""

# ruff: noqa: S608 (only constants of this file are joined into statements)

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.moves import told_with
from watcher.ports.queries import ChannelState, DeliveryCounts, Waiting
from watcher.store.codec import from_ms, time, to_ms
from watcher.store.rows import DELIVERY, delivery_from
from watcher.store.sql.database import Database, number

_SELECT = (
    f"SELECT {DELIVERY},"
    " (SELECT e.receipt FROM messages f JOIN deliveries e ON e.message = f.id WHERE f.alert = m.alert"
    " AND e.channel = d.channel AND e.receipt <> '' ORDER BY e.sent NULLS FIRST, e.{number} LIMIT 1)"
    " FROM deliveries d JOIN messages m ON m.id = d.message LEFT JOIN alerts a ON a.id = m.alert {where}"
)


@lru_cache(maxsize=64)
def _statement(number: str, where: str) -> str:
    return _SELECT.format(number=number, where=where)


def found(database: Database, where: str, **values: object) -> list[Delivery]:
    """Deliveries `d` of messages `m`, by the end of a statement."""
    rows = database.rows(_statement(database.NUMBER, where), **values)
    return [delivery_from(row[:-1], row[-1]) for row in rows]


def due(
    database: Database, channel: str, now: datetime, limit: int, *, critical: bool = False
) -> list[Delivery]:
    """Pending deliveries of a channel whose time has come, oldest first; `critical`: only such."""
    where = "WHERE d.channel = :channel AND d.state = 'pending' AND d.due <= :now"
    where += " AND m.severity = 'critical'" if critical else ""
    where += f" ORDER BY d.created, d.{database.NUMBER} LIMIT :limit"
    return found(database, where, channel=channel, now=to_ms(now), limit=limit)


def next_due(database: Database, channel: str) -> datetime | None:
    sql = "SELECT min(due) FROM deliveries WHERE channel = :channel AND state = 'pending'"
    return time(next(database.rows(sql, channel=channel))[0])


def waiting(database: Database) -> list[Waiting]:
    """For each channel that something waits for, what is critical apart, and what some have heard."""
    rows = database.rows(
        "SELECT d.channel, m.severity = 'critical', d.heard <> '', min(d.created) FROM deliveries d"
        " JOIN messages m ON m.id = d.message WHERE d.state = 'pending' GROUP BY 1, 2, 3"
    )
    return [
        Waiting(name, bool(critical), bool(partly), from_ms(since)) for name, critical, partly, since in rows
    ]


def counts(database: Database) -> DeliveryCounts:
    """How many there are of each state."""
    rows = database.rows("SELECT state, count(*), min(created) FROM deliveries GROUP BY state")
    known = {state: (many, oldest) for state, many, oldest in rows}
    pending, oldest = known.get("pending", (0, None))
    sent, given_up = known.get("sent", (0, None))[0], known.get("given_up", (0, None))[0]
    return DeliveryCounts(pending, sent, given_up, time(oldest))


def channels(database: Database, names: Sequence[str]) -> list[ChannelState]:
    """How the deliveries of each of these channels fare."""
    return [_channel(database, name) for name in names]


def _channel(database: Database, name: str) -> ChannelState:
    sql = (
        "SELECT count(*), min(created), max(last_error) FROM deliveries"
        " WHERE channel = :name AND state = 'pending'"
    )
    pending, oldest, trouble = next(database.rows(sql, name=name))
    sql = (
        "SELECT state, last_error, sent, heard FROM deliveries WHERE channel = :name AND state <> 'pending'"
        " ORDER BY created DESC, id DESC LIMIT 1"
    )
    state, why, sent, heard = next(database.rows(sql, name=name), ("", "", None, ""))
    ended_badly = state == "given_up"
    return ChannelState(
        name,
        pending,
        time(oldest),
        gave_up=ended_badly and not heard,
        trouble=why if ended_badly else trouble or "",
        sent=time(sent),
    )


def listed(
    database: Database,
    state: str | None,
    limit: int,
    skip: int = 0,
    *,
    channel: str | None = None,
    given_up_first: bool = False,
) -> list[Delivery]:
    """Deliveries, newest first."""
    key = f"d.{database.NUMBER}"
    order = "d.state <> 'given_up', " if given_up_first else ""
    order += f"d.created DESC, {key} DESC"
    where, values = _wanted(state, channel)
    chosen = f"SELECT d.id FROM deliveries d {where} ORDER BY {order} LIMIT :limit OFFSET :skip"
    return found(database, f"WHERE d.id IN ({chosen}) ORDER BY {order}", limit=limit, skip=skip, **values)


def count(database: Database, state: str | None = None, channel: str | None = None) -> int:
    where, values = _wanted(state, channel)
    return number(database, f"SELECT count(*) FROM deliveries d {where}", **values)


def _wanted(state: str | None, channel: str | None) -> tuple[str, dict[str, str]]:
    given = {name: value for name, value in (("state", state), ("channel", channel)) if value}
    where = " AND ".join(f"d.{name} = :{name}" for name in given)
    return f"WHERE {where}" if where else "", given


def one(database: Database, identity: str) -> Delivery | None:
    return next(iter(found(database, "WHERE d.id = :id", id=identity)), None)


def named(database: Database, text: str) -> dict[str, str]:
    """Of what waits, was given up or withheld: id → title of those whose id begins so."""
    text = text.strip().lower()
    sql = (
        "SELECT d.id, d.channel || ': ' || m.title FROM deliveries d JOIN messages m ON m.id = d.message"
        f" WHERE d.state IN ('pending', 'given_up', 'withheld') AND {database.begins('d.id', 'text')}"
        " ORDER BY d.id LIMIT 20"
    )
    return dict(database.rows(sql, text=text)) if text else {}


def about(database: Database, alert: str) -> list[Delivery]:
    """Deliveries of one alert, oldest first."""
    return found(database, f"WHERE m.alert = :alert ORDER BY d.created, d.{database.NUMBER}", alert=alert)


def told_together(database: Database, identity: str) -> list[str]:
    """What `told_with` finds: one message is of one wallet and one moment."""
    of = "FROM messages o WHERE o.alert = :alert"
    where = f"WHERE m.at IN (SELECT o.at {of}) AND m.wallet IN (SELECT o.wallet {of})"
    return told_with(identity, found(database, f"{where} ORDER BY d.{database.NUMBER}", alert=identity))


def latest_event(database: Database, rule: str, subject: str) -> list[Delivery]:
    """Deliveries of the last event that a rule told of a subject; empty if it told none that is kept."""
    last = (
        "SELECT id FROM messages WHERE rule = :rule AND subject = :subject AND kind = 'event'"
        " ORDER BY at DESC, id DESC LIMIT 1"
    )
    where = f"WHERE m.id = ({last}) ORDER BY d.{database.NUMBER}"
    return found(database, where, rule=rule, subject=subject)


def retry(database: Database, ids: Sequence[str], now: datetime) -> list[str]:
    """Make deliveries that were given up, were withheld or wait due now, with a day before them."""
    change = f"state = 'pending', due = :now, created = :now{database.BY_HAND}"
    return _change(database, change, "state IN ('given_up', 'withheld', 'pending')", ids, now=to_ms(now))


def drop(database: Database, ids: Sequence[str]) -> list[str]:
    """Take deliveries out; the ids that were found."""
    return _change(database, "state = 'dropped'", "state IN ('given_up', 'pending')", ids)


def _change(database: Database, change: str, where: str, ids: Sequence[str], **values: object) -> list[str]:
    sql = f"UPDATE deliveries SET {change} WHERE id = :id AND {where} RETURNING id"
    return [row[0] for each in ids for row in database.rows(sql, id=each, **values)]
