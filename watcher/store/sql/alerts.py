"""Alerts and silences, as they are looked up and changed by people. The caller owns the transaction."""

# ruff: noqa: S608 (only constants of this file are joined into statements)

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from watcher.domain.alerts.events import Acknowledgeable
from watcher.domain.alerts.lifecycle import Ack, Alert, AlertState
from watcher.domain.alerts.silences import Silence
from watcher.ports.commands import Acknowledged
from watcher.store.codec import storable, to_ms
from watcher.store.rows import ALERT, SILENCE, alert_from, silence_from, silence_row
from watcher.store.sql import events
from watcher.store.sql.database import Database

_ALERTS = f"SELECT {', '.join(ALERT)} FROM alerts"
_SILENCES = f"SELECT {', '.join(SILENCE)} FROM silences ORDER BY created, id"
_SILENCE = (
    f"INSERT INTO silences ({', '.join(SILENCE)}) VALUES ({', '.join(f':{name}' for name in SILENCE)})"
    f" ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in SILENCE[1:])}"
)
_ACKNOWLEDGE = (
    "UPDATE alerts SET acknowledged_by = :by, acknowledged_at = :at, comment = :comment,"
    " acknowledged_via = :via WHERE id = :id"
)
_EXPIRE = "UPDATE silences SET until = :now WHERE id = :id AND until > :now RETURNING id"


def live(database: Database) -> list[Alert]:
    """Pending and firing alerts, oldest first."""
    return _found(database, "WHERE state <> 'resolved' ORDER BY since, id")


def owing(database: Database) -> list[Alert]:
    """Alerts whose end is still to be told, in the order of that."""
    return _found(database, "WHERE state = 'resolved' AND owed IS NOT NULL ORDER BY resolved_at, id")


def newest(database: Database, limit: int, skip: int = 0) -> list[Alert]:
    """Alerts of every state, newest first; those that were over before they fired are left out."""
    where = "WHERE NOT closed OR fired_at IS NOT NULL ORDER BY since DESC, id LIMIT :limit OFFSET :skip"
    return _found(database, where, limit=limit, skip=skip)


def within(database: Database, since: datetime, until: datetime) -> list[Alert]:
    """Alerts that fired at some moment of a time, the first first; those that ended untold are left out."""
    where = (
        "WHERE fired_at < :until AND (resolved_at IS NULL OR resolved_at > :since)"
        " AND (NOT closed OR told_at IS NOT NULL) ORDER BY fired_at, id"
    )
    return _found(database, where, since=to_ms(since), until=to_ms(until))


def one(database: Database, identity: str) -> Alert | None:
    return next(iter(_found(database, "WHERE id = :id", id=identity)), None)


def several(database: Database, ids: Sequence[str]) -> list[Alert]:
    """These, in any order."""
    return _found(database, f"WHERE {database.among('id', 'ids')}", ids=list(ids))


def named(database: Database, text: str) -> list[str]:
    """Ids of the alerts and events that a person may mean: by an id, the beginning of one, or the same of a
    delivery."""
    text = text.strip().lower()
    if one(database, text) is not None or events.one(database, text) is not None:
        return [text]
    sql = (
        f"SELECT id FROM alerts WHERE {database.begins('id', 'text')}"
        " UNION SELECT m.alert FROM messages m WHERE m.id IN"
        f" (SELECT message FROM deliveries WHERE {database.begins('id', 'text')})"
        f" UNION SELECT alert FROM messages WHERE kind = 'event' AND {database.begins('alert', 'text')}"
        " ORDER BY 1 LIMIT 20"
    )
    return [row[0] for row in database.rows(sql, text=text)] if text else []


def last(database: Database, rule: str, subject: str) -> Alert | None:
    """The newest alert of a rule on a subject that people were told of."""
    where = (
        "WHERE rule = :rule AND subject = :subject AND told_at IS NOT NULL ORDER BY since DESC, id LIMIT 1"
    )
    return next(iter(_found(database, where, rule=rule, subject=subject)), None)


def acknowledged(database: Database, since: datetime) -> list[Acknowledgeable]:
    """Live alerts, and events, that somebody acknowledged then or later, in the order of that."""
    where = "WHERE state <> 'resolved' AND acknowledged_at >= :since"
    found: list[Acknowledgeable] = [
        *_found(database, where, since=to_ms(since)),
        *events.acknowledged(database, since),
    ]
    return sorted(found, key=lambda each: (each.acknowledged.at if each.acknowledged else since, each.id))


def acknowledge(database: Database, identity: str, ack: Ack) -> Acknowledged:
    """Acknowledge an alert that fires, or an event, unless somebody has."""
    said = {
        "by": storable(ack.by), "at": to_ms(ack.at), "comment": storable(ack.comment),
        "via": storable(ack.via),
    }  # fmt: skip
    alert = next(iter(_found(database, f"WHERE id = :id{database.LOCKED}", id=identity)), None)
    if alert is None:
        done = events.acknowledge(database, identity, said)
        return Acknowledged(events.one(database, identity), done)
    done = alert.state is AlertState.FIRING and alert.acknowledged is None
    if done:
        database.rows(_ACKNOWLEDGE, id=identity, **said)
    return Acknowledged(one(database, identity), done)


def silences(database: Database) -> list[Silence]:
    """All that are kept, those that are over too."""
    return list(map(silence_from, database.rows(_SILENCES)))


def add_silence(database: Database, silence: Silence) -> None:
    database.rows(_SILENCE, **dict(zip(SILENCE, silence_row(silence), strict=True)))


def expire_silences(database: Database, ids: Sequence[str], now: datetime) -> list[Silence]:
    """End those that are in force; as they were."""
    known = {each.id: each for each in silences(database)}
    ended = [row[0] for each in ids for row in database.rows(_EXPIRE, now=to_ms(now), id=each)]
    return [known[identity] for identity in ended]


def _found(database: Database, where: str, **values: object) -> list[Alert]:
    return list(map(alert_from, database.rows(f"{_ALERTS} {where}", **values)))
