"""Orders as people give them in a chat, by a command or by the button that says it. Pure."""

from __future__ import annotations

import enum
import re
from datetime import timedelta

from watcher.commands.alerts import LONGEST_SILENCE, LONGEST_TEXT, Globs, is_keepable
from watcher.domain.records import Record, field
from watcher.domain.values.durations import format_duration, parse_duration
from watcher.domain.values.errors import InputError
from watcher.domain.values.spelling import nearest

_DURATION = re.compile(r"[0-9]+[smhd]")
_MATCHERS = ("rule", "wallet", "severity", "tag")


class Verb(enum.StrEnum):
    """What can be ordered."""

    ACKNOWLEDGE = "ack"
    SILENCE = "silence"
    EXPLAIN = "explain"
    ALERTS = "alerts"
    STATUS = "status"
    HELP = "help"


HELP = """\
/alerts: what fires now
/ack ID [comment]: you take care of it
/silence ID 1h [comment]: nobody is told of its rule on its wallet
/silence wallet=gas-* 4h [comment]: the same by rule=, wallet=, severity= or tag=
/explain ID: why it fired
/status: how everything fares
ID is of an alert or a message, or how it begins."""


class Order(Record, frozen=True):
    """One order. `target`: the id of an alert or a delivery as it was written; empty with matchers."""

    verb: Verb
    target: str = ""
    lasting: timedelta = timedelta(0)
    comment: str = ""
    matchers: dict[str, Globs] = field(default_factory=dict)
    """`rule`, `wallet`, `severity`, `tag` → globs."""


def read_order(text: str) -> Order:
    """The order that a text is. InputError, for people, if it is none."""
    first, *words = text.split() or [""]
    name = first.removeprefix("/")
    if name == "start":  # what Telegram says for whoever meets the bot first
        name = "help"
    if name not in list(Verb):
        remedy = nearest(name, list(Verb)) if len(name) <= 20 else "/help lists them"
        raise InputError("there is no such command", remedy)
    verb = Verb(name)
    if verb in (Verb.STATUS, Verb.ALERTS, Verb.HELP):
        return Order(verb)
    if not words:
        example = " 1h" if verb is Verb.SILENCE else ""
        raise InputError("say which", f"/{verb} ID{example}, with an id that a message shows")
    if verb is Verb.SILENCE:
        return _silence(words)
    return Order(verb, words[0], comment=_comment(words[1:]))


def _silence(words: list[str]) -> Order:
    """What to silence, for how long, and why."""
    at = next((number for number, word in enumerate(words) if _DURATION.fullmatch(word)), None)
    if at is None:
        raise InputError("say for how long", "/silence ID 1h; 30m, 4h and 2d are others")
    lasting = parse_duration(words[at])
    if not timedelta(0) < lasting <= LONGEST_SILENCE:
        raise InputError(f"{words[at]} is not between 1s and {format_duration(LONGEST_SILENCE)}")
    comment, what = _comment(words[at + 1 :]), words[:at]
    matchers: dict[str, Globs] = {}
    for word in what:
        key, equals, pattern = word.partition("=")
        if equals and key in _MATCHERS and pattern:
            matchers[key] = (*matchers.get(key, ()), pattern)
    if matchers and len(what) == sum(map(len, matchers.values())):
        return Order(Verb.SILENCE, lasting=lasting, comment=comment, matchers=matchers)
    if len(what) != 1 or "=" in what[0]:
        raise InputError(
            "say one id, or rule=, wallet=, severity= or tag=, before the time", "/silence ID 1h why"
        )
    return Order(Verb.SILENCE, what[0], lasting, comment)


def _comment(words: list[str]) -> str:
    text = " ".join(words)
    if not is_keepable(text):
        raise InputError(f"a comment is visible text of at most {LONGEST_TEXT} characters")
    return text
