"""Notice: what one notification says, before any service's markup. Pure.

One delivery or many, folded by alert, the gravest first. Every text may come from an API: whoever shows it
escapes it; `Ways` alone may become links.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Kind, Message, Severity
from watcher.domain.messages.presentation import Ways
from watcher.ports.channel import PLAINLY, Presentation

SHORT = 8
"""Digits of an alert's id that messages show; commands take any part that only one alert begins with."""

_RANK = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}
_WORDS = {
    Kind.FIRING: ("firing", "firing"),
    Kind.REPEAT: ("still firing", "still firing"),
    Kind.ESCALATION: ("escalated", "escalated"),
    Kind.RESOLVED: ("resolved", "resolved"),
    Kind.WITHDRAWN: ("withdrawn", "withdrawn"),
    Kind.EVENT: ("change", "changes"),
    Kind.NOTICE: ("notice", "notices"),
    Kind.TEST: ("test", "tests"),
}
_OF_ALERTS = frozenset({Kind.FIRING, Kind.REPEAT, Kind.ESCALATION, Kind.RESOLVED, Kind.WITHDRAWN})
_BOTH = {Kind.RESOLVED: "fired and resolved", Kind.WITHDRAWN: "fired and withdrawn"}

Told = tuple[Delivery, ...]
"""What one notification says of one alert, in order: often one delivery, after a while more."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Entry of a notice: one alert, or one change. The texts are as people read them: local times, money."""

    message: Message
    """The last that is told of it."""
    word: str
    """What became of it: firing, resolved, change …"""
    title: str
    lines: tuple[tuple[str, str], ...]
    """Label and value, what matters most first. The label may be empty."""
    ways: Ways
    told: Told

    @property
    def mark(self) -> str:
        """`critical, firing`."""
        return f"{self.message.severity.value}, {self.word}"

    @property
    def over(self) -> bool:
        return self.message.kind.final


@dataclass(frozen=True, slots=True)
class Notice:
    """Notice: the title of all of it, then each entry."""

    title: str
    summary: str
    """How many there are of each kind; empty for a single one."""
    entries: tuple[Entry, ...]


def notice(deliveries: Sequence[Delivery], shown: Presentation = PLAINLY) -> Notice:
    """What one notification says for one or several deliveries."""
    told = sorted(folded(deliveries), key=_gravity)
    entries = tuple(_entry(each, shown) for each in told)
    title = _heading(entries[0])
    if len(entries) == 1:
        return Notice(title, "", entries)
    return Notice(f"{title} (+{len(entries) - 1:,} more)", _summary(told), entries)


def folded(deliveries: Sequence[Delivery]) -> list[Told]:
    """Deliveries by alert, one entry for each, in the order of its first delivery."""
    found: dict[str, Told] = {}
    for each in deliveries:
        found[each.message.id] = (*found.get(each.message.id, ()), each)
    return list(found.values())


def tone(deliveries: Sequence[Delivery]) -> str:
    """`failure`, `warning`, `info` or `success`: the colour of the whole notification. What was withdrawn
    is no success: nothing became better."""
    last = [told[-1].message for told in folded(deliveries)]
    bad = [message for message in last if not message.kind.final]
    if not bad:
        return "success" if all(message.kind is Kind.RESOLVED for message in last) else "info"
    worst = min((message.severity for message in bad), key=_RANK.__getitem__)
    return {Severity.CRITICAL: "failure", Severity.WARNING: "warning", Severity.INFO: "info"}[worst]


def short_alert(message: Message) -> str:
    """The short id of the alert that a message is about; empty if it is about none."""
    return message.id[:SHORT] if message.kind in _OF_ALERTS else ""


def _entry(told: Told, shown: Presentation) -> Entry:
    message, local = told[-1].message, shown.display.localised
    facts, word = message.facts, _word(told, several=False)
    if word in _BOTH.values():
        facts = (*facts, ("Fired", told[0].message.title))
    lines = tuple((label, local(value)) for label, value in facts)
    return Entry(message, word, local(message.title), lines, shown.ways(told[-1]), told)


def _gravity(told: Told) -> tuple[bool, int]:
    """What is over comes after what is not, and what is grave first."""
    last = told[-1].message
    return last.kind.final, _RANK[last.severity]


def _summary(entries: Sequence[Told]) -> str:
    counts = Counter(_word(told, several=False) for told in entries)
    parts = []
    for one, several in [*_WORDS.values(), *((both, both) for both in _BOTH.values())]:
        if counts[one]:
            parts.append(f"{counts[one]:,} {several if counts[one] > 1 else one}")
    return f"{len(entries):,} alerts: {', '.join(parts)}"


def _word(told: Told, *, several: bool) -> str:
    """What became of it, as far as this notification tells."""
    if told[0].message.kind is Kind.FIRING and told[-1].message.kind.final:
        return _BOTH[told[-1].message.kind]
    return _WORDS[told[-1].message.kind][several]


def _heading(entry: Entry) -> str:
    """How bad it is and what became of it, then the words: those of a rule are the same when it resolves."""
    return entry.title if entry.message.kind is Kind.TEST else f"{entry.mark}: {entry.title}"
