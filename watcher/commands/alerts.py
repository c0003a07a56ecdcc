"""Alerts as people handle them: acknowledge, silence."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from glob import escape

from watcher.commands.ids import only_one
from watcher.config.wallets import WalletSettings
from watcher.domain.alerts.events import Acknowledgeable
from watcher.domain.alerts.lifecycle import Alert, AlertState, about, blind, short_id
from watcher.domain.alerts.silences import Silence
from watcher.domain.audit import Actor
from watcher.domain.evaluation.builtin_notices import UNREPORTED_RULE
from watcher.domain.messages.message import Severity
from watcher.domain.records import Record
from watcher.domain.values.durations import format_duration, parse_duration
from watcher.domain.values.errors import InputError
from watcher.domain.values.spelling import nearest
from watcher.domain.values.text import is_visible
from watcher.ports.queries import Queries
from watcher.ports.store import StoreAccess

LONGEST_TEXT = 500
"""Characters of a name or a comment."""

LONGEST_SILENCE = timedelta(days=366)
TWICE = timedelta(seconds=10)
"""Whoever asks for the same silence again so soon has pressed twice, and would later end one of the two."""

Globs = tuple[str, ...]

BUILT_IN = "watcher."
"""How the names of the notices begin that are watcher's own."""


class Acknowledgement(Record, frozen=True):
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
    """Have nobody told, for a while, of what matches; the silence that does so. Asked for twice it is one."""
    globs = (rules, wallets, severities, tags)
    author, now = actor.name, actor.at
    with store.queries() as reader:
        for each in reader.silences():
            same = (each.author, each.comment, *_globs(each)) == (author, comment, *globs)
            if same and now - each.created < TWICE and each.until == each.created + lasting:
                return each
    identity = short_id("silence", author, now.isoformat(), *globs)
    made = Silence(identity, author, comment, now, now + lasting, *globs)
    store.commands(actor).add_silence(made)
    return made


class Silencing(Record, frozen=True):
    """Result of silencing the rules of alerts and events on their wallets: what is silenced now, those that
    were for at least as long, those that no silence holds, and the ids that nothing has."""

    made: tuple[tuple[Acknowledgeable, Silence], ...] = ()
    already: tuple[tuple[Acknowledgeable, Silence], ...] = ()
    unheld: tuple[Acknowledgeable, ...] = ()
    missing: tuple[str, ...] = ()


def silence_alerts(
    store: StoreAccess, actor: Actor, ids: Sequence[str], lasting: timedelta, comment: str = ""
) -> Silencing:
    """Have nobody told, for a while, of the rule of each alert or event on its wallet."""
    with store.queries() as reader:
        found = {each: told(reader, each) for each in dict.fromkeys(ids)}
        standing = [each for each in reader.silences() if each.created <= actor.at < each.until]
    made: list[tuple[Acknowledgeable, Silence]] = []
    already: list[tuple[Acknowledgeable, Silence]] = []
    for alert in found.values():
        if alert is None or not can_be_silenced(alert.rule):
            continue
        rules, wallets = matchers_of(alert)
        same = [each for each in standing if _matches_only(each, rules, wallets)]
        longest = max(same, key=lambda each: each.until, default=None)
        if longest is not None and longest.until >= actor.at + lasting:
            already.append((alert, longest))
            continue
        silence = add_silence(store, actor, lasting, comment, rules=rules, wallets=wallets)
        standing.append(silence)
        made.append((alert, silence))
    unheld = tuple(each for each in found.values() if each and not can_be_silenced(each.rule))
    missing = tuple(each for each, alert in found.items() if alert is None)
    return Silencing(tuple(made), tuple(already), unheld, missing)


def _matches_only(silence: Silence, rules: Globs, wallets: Globs) -> bool:
    return _globs(silence) == (rules, wallets, (), ())


def _globs(silence: Silence) -> tuple[Globs, ...]:
    return silence.rules, silence.wallets, silence.severities, silence.tags


class EndedSilences(Record, frozen=True):
    """Result of ending silences: those that are over now, and the ids of those that are not there, or were
    over before."""

    done: tuple[Silence, ...]
    missing: tuple[str, ...]


def end_silences(store: StoreAccess, actor: Actor, ids: Sequence[str]) -> EndedSilences:
    """Have people told again of what silences kept from them."""
    ended = store.commands(actor).expire_silences(list(dict.fromkeys(ids)))
    with store.queries() as reader:
        done = tuple(each for each in reader.silences() if each.id in ended)
    return EndedSilences(done, tuple(each for each in ids if each not in ended))


def can_be_silenced(rule: str) -> bool:
    """Whether a silence holds what has this rule: a notice of watcher's own is told once, and that it is over
    once."""
    return not about(rule).startswith(BUILT_IN) or rule == UNREPORTED_RULE


def silence_span(text: str) -> timedelta:
    """How long a silence is to last. InputError if that is no such time."""
    try:
        span = parse_duration(text)
    except ValueError as error:
        raise InputError(str(error)) from None
    if not timedelta(0) < span <= LONGEST_SILENCE:
        words = f"{format_duration(span)} is not between 1s and {format_duration(LONGEST_SILENCE)}"
        raise InputError(words)
    return span


def check_matchers(
    wallets: Iterable[WalletSettings], rules: Iterable[str], matchers: Mapping[str, Collection[str]]
) -> None:
    """A name that is no pattern must be known: a silence that matches nothing helps nobody.

    `matchers`: `rule`, `wallet`, `severity`, `tag` → globs. InputError, placed at the first of those words
    that is wrong.
    """
    watched = list(wallets)
    known: Mapping[str, Collection[str]] = {
        "rule": silenceable(rules),
        "wallet": {each.name for each in watched},
        "severity": {str(each) for each in Severity},
        "tag": {each for one in watched for each in one.tags},
    }
    for word, globs in matchers.items():
        for glob in globs:
            if glob not in known[word] and not any(sign in glob for sign in "*?["):
                raise InputError(f"there is no {word} '{glob}'", nearest(glob, known[word]), (word,))


def matchers_of(alert: Acknowledgeable) -> tuple[Globs, Globs]:
    """The rule and the wallet of an alert or an event, as globs that match nothing else."""
    return (escape(alert.rule),), (escape(alert.wallet),) if alert.wallet else ()


def silenceable(rules: Iterable[str]) -> set[str]:
    """Ids of what a silence can hold: these rules, the notices that they cannot be judged, one more."""
    ids = set(rules)
    return {*ids, *map(blind, ids), UNREPORTED_RULE}


def is_keepable(text: str) -> bool:
    """Whether a text can be kept as a name or a comment: visible, on one line, and not too long."""
    return is_visible(text) and len(text) <= LONGEST_TEXT
