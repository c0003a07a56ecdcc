"""Alerts as people handle them: acknowledge, silence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from glob import escape

from watcher.commands.ids import only_one
from watcher.domain.alerts.lifecycle import Ack, Alert, AlertState, short_id
from watcher.domain.alerts.silences import Silence
from watcher.ports.queries import Queries
from watcher.ports.store import StoreAccess

LONGEST_TEXT = 500
"""Characters of a name or a comment."""

Globs = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Result of acknowledging alerts: those that fire and are acknowledged, those that do not fire and stay
    as they are, and the ids that no alert has."""

    done: tuple[Alert, ...]
    idle: tuple[Alert, ...]
    missing: tuple[str, ...]


def acknowledge(store: StoreAccess, ids: Sequence[str], ack: Ack) -> Acknowledgement:
    """Say that somebody takes care of alerts: what fires is not repeated and not escalated."""
    found = store.commands().acknowledge(ids, ack)
    known = [alert for alert in found.values() if alert is not None]
    return Acknowledgement(
        tuple(alert for alert in known if alert.state is AlertState.FIRING),
        tuple(alert for alert in known if alert.state is not AlertState.FIRING),
        tuple(each for each, alert in found.items() if alert is None),
    )


def named(reader: Queries, text: str) -> dict[str, str]:
    """What a person may mean by an id, or by how one begins, of an alert, an event or a delivery of one:
    the ids of the alerts and events, each with what people call it."""
    found = {identity: reader.alert(identity) for identity in reader.named_alerts(text)}
    return {identity: alert.label if alert else "" for identity, alert in found.items()}


def meant(reader: Queries, text: str) -> str:
    """The one id of those; the text itself if there is none. InputError, with all of them, if several."""
    return only_one(text, named(reader, text), "alerts")


def add_silence(
    store: StoreAccess,
    author: str,
    comment: str,
    now: datetime,
    lasting: timedelta,
    *,
    rules: Globs = (),
    wallets: Globs = (),
    severities: Globs = (),
    tags: Globs = (),
) -> Silence:
    """Have nobody told, for a while, of what matches; the silence that does so."""
    globs = (rules, wallets, severities, tags)
    identity = short_id("silence", author, now.isoformat(), *globs)
    made = Silence(identity, author, comment, now, now + lasting, *globs)
    store.commands().add_silence(made)
    return made


def matchers_of(alert: Alert) -> tuple[Globs, Globs]:
    """The rule and the wallet of an alert, as globs that match nothing else."""
    return (escape(alert.rule),), (escape(alert.wallet),) if alert.wallet else ()


def is_keepable(text: str) -> bool:
    """Whether a text can be kept as a name or a comment: visible, on one line, and not too long."""
    return text.isprintable() and len(text) <= LONGEST_TEXT
