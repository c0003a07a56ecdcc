"""Alerts as people handle them: acknowledge, silence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from glob import escape

from watcher.commands.ids import only_one
from watcher.domain.alerts.events import Acknowledgeable
from watcher.domain.alerts.lifecycle import Alert, AlertState, blind, short_id
from watcher.domain.alerts.silences import Silence
from watcher.domain.audit import Actor
from watcher.domain.evaluation.builtin_notices import UNREPORTED_RULE
from watcher.ports.queries import Queries
from watcher.ports.store import StoreAccess

LONGEST_TEXT = 500
"""Characters of a name or a comment."""

Globs = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Result of acknowledging alerts and events: those that are so now, those that somebody had acknowledged
    before (who was first stands), alerts that do not fire and stay as they are, and the ids that nothing has.
    """

    done: tuple[Acknowledgeable, ...]
    already: tuple[Acknowledgeable, ...]
    idle: tuple[Alert, ...]
    missing: tuple[str, ...]


def acknowledge(store: StoreAccess, actor: Actor, ids: Sequence[str], comment: str = "") -> Acknowledgement:
    """Say that somebody takes care of alerts and events, by their ids: what fires is not repeated and not
    escalated. What the same message told, wherever this was told, is taken care of with it."""
    with store.queries() as reader:
        others = [other for each in ids for other in reader.told_together(each) if other not in ids]
    kept = store.commands(actor).acknowledge([*ids, *dict.fromkeys(others)], comment)
    found = {each: said for each, said in kept.items() if each in ids or said.done}
    done: list[Acknowledgeable] = []
    already: list[Acknowledgeable] = []
    idle: list[Alert] = []
    for what, is_done in found.values():
        if isinstance(what, Alert) and what.state is not AlertState.FIRING:
            idle.append(what)
        elif what is not None:
            (done if is_done else already).append(what)
    missing = tuple(each for each, (what, _) in found.items() if what is None)
    return Acknowledgement(tuple(done), tuple(already), tuple(idle), missing)


def named(reader: Queries, text: str) -> dict[str, str]:
    """What a person may mean by an id, or by how one begins, of an alert, an event or a delivery of one:
    the ids of the alerts and events, each with what people call it."""
    found = {identity: told(reader, identity) for identity in reader.named_alerts(text)}
    return {identity: what.label if what else "" for identity, what in found.items()}


def meant(reader: Queries, text: str) -> str:
    """The one id of those; the text itself if there is none. InputError, with all of them, if several."""
    return only_one(text, named(reader, text), "alerts")


def told(reader: Queries, identity: str) -> Acknowledgeable | None:
    """The alert or the event that has this id."""
    return reader.alert(identity) or reader.event(identity)


def add_silence(
    store: StoreAccess,
    actor: Actor,
    lasting: timedelta,
    comment: str = "",
    *,
    rules: Globs = (),
    wallets: Globs = (),
    severities: Globs = (),
    tags: Globs = (),
) -> Silence:
    """Have nobody told, for a while, of what matches; the silence that does so."""
    globs = (rules, wallets, severities, tags)
    author, now = actor.name, actor.at
    identity = short_id("silence", author, now.isoformat(), *globs)
    made = Silence(identity, author, comment, now, now + lasting, *globs)
    store.commands(actor).add_silence(made)
    return made


def matchers_of(alert: Acknowledgeable) -> tuple[Globs, Globs]:
    """The rule and the wallet of an alert or an event, as globs that match nothing else."""
    return (escape(alert.rule),), (escape(alert.wallet),) if alert.wallet else ()


def silenceable(rules: Iterable[str]) -> set[str]:
    """Ids of what a silence can hold: these rules, the notices that they cannot be judged, one more."""
    ids = set(rules)
    return {*ids, *map(blind, ids), UNREPORTED_RULE}


def is_keepable(text: str) -> bool:
    """Whether a text can be kept as a name or a comment: visible, on one line, and not too long."""
    return text.isprintable() and len(text) <= LONGEST_TEXT
