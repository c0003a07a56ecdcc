"""Notice: what one notification says, before any service's markup. Pure.

One delivery or many, folded by what they are about, the gravest first. Every text may come from an API:
whoever shows it escapes it; `Ways` alone may become links.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal

from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import SHORT_ID, Kind, Message, Particulars, Severity
from watcher.domain.messages.moves import move_of
from watcher.domain.messages.presentation import Ways
from watcher.domain.records import Record
from watcher.domain.values.decimals import minus
from watcher.domain.values.formatting import amount, counted, money, signed
from watcher.notify.lines import lines_of, place_of, says
from watcher.ports.channel import PLAINLY, Presentation

MOST_IDS = 3
"""Delivery ids shown of one alert, the newest."""

SEVERAL = 3
"""Wallets under one rule from which on the title counts them and names the worst."""

_WORDS = {
    Kind.FIRING: ("firing", "firing"),
    Kind.REPEAT: ("still firing", "still firing"),
    Kind.ESCALATION: ("escalated", "escalated"),
    Kind.RESOLVED: ("resolved", "resolved"),
    Kind.WITHDRAWN: ("withdrawn", "withdrawn"),
    Kind.EVENT: ("change", "changes"),
    Kind.NOTICE: ("notice", "notices"),
    Kind.REPORT: ("report", "reports"),
    Kind.TEST: ("test", "tests"),
}
_PLAIN = frozenset({Kind.FIRING, Kind.EVENT, Kind.NOTICE})
"""Of these the severity alone is the news: that it began, or happened, goes without saying."""
_NAMELESS = frozenset({Kind.NOTICE, Kind.TEST})
"""Of these there is nothing to acknowledge or to show."""
_TO_DO = frozenset({"Description", "Runbook", "Template"})
"""What a rule says in its operator's words: of each rule that tells a move it stands there."""
_BOTH = {Kind.RESOLVED: "fired and resolved", Kind.WITHDRAWN: "fired and withdrawn"}

COLOURS = {"failure": "#d92d20", "warning": "#dc9a00", "info": "#3b7ddd", "success": "#2e9e5b"}
"""The tone of a notification → the colour beside it in a chat. A mail has darker ones, for text on them."""

_ASIDE = re.compile(r" \([^()]*\)")

Told = tuple[Delivery, ...]
"""What one notification says of one alert, in order: often one delivery, after a while more."""


class Entry(Record, frozen=True):
    """Entry of a notice: one alert, or one move that one or several rules tell of.

    The texts are as people read them: local times, money.
    """

    message: Message
    """The last that is told of an alert; of a move, the gravest."""
    word: str
    """What became of it: firing, resolved, change …"""
    title: str
    lines: tuple[tuple[str, str], ...]
    """Label and value, what matters most first."""
    place: str
    """Where it is, as far as the title does not say so."""
    rules: tuple[str, ...]
    ways: Ways
    told: Told

    @property
    def delivery_ids(self) -> tuple[str, ...]:
        """Short ids of its deliveries: of each alert the newest, so that what comes twice is known again."""
        kept: dict[str, list[str]] = {}
        for each in self.told:
            kept.setdefault(each.message.id, []).append(each.id[:SHORT_ID])
        return tuple(short for ids in kept.values() for short in ids[-MOST_IDS:])

    @property
    def chosen(self) -> Delivery:
        """The delivery that the message is of: what people answer to the entry is about this one."""
        return next(each for each in reversed(self.told) if each.message.id == self.message.id)

    @property
    def brief(self) -> str:
        """The title without what is said beside, the worth of a move say: for a button, which has no room."""
        return _ASIDE.sub("", self.title)

    @property
    def mark(self) -> str:
        """How bad it is, or that it is over: `critical`, `critical, still firing`, `resolved`."""
        severity = self.message.severity.value
        if self.message.kind in _PLAIN:
            return severity
        return self.word if self.over else f"{severity}, {self.word}"

    @property
    def over(self) -> bool:
        return self.message.kind.final

    @property
    def id(self) -> str:
        """The short id by which people acknowledge it; empty if there is nothing to acknowledge."""
        return short_alert(self.message)


class Notice(Record, frozen=True):
    """Notice: the title of all of it, then each entry."""

    title: str
    summary: str
    """How many there are of each kind; empty for a single one."""
    entries: tuple[Entry, ...]
    note: str = ""
    """At which rate money was converted; empty if none was."""


def notice(deliveries: Sequence[Delivery], shown: Presentation = PLAINLY) -> Notice:
    """What one notification says for one or several deliveries."""
    told = gravest_first(deliveries)
    entries = tuple(_entry(each, shown) for each in told)
    note = shown.display.rate() if any(_has_worth(each.message) for each in entries) else ""
    if len(entries) == 1:
        return Notice(_heading(entries[0]), "", entries, note)
    return Notice(_joint(entries), _summary(told), entries, note)


def folded(deliveries: Sequence[Delivery]) -> list[Told]:
    """Deliveries by alert, or by the move that they tell of, in the order of the first of each."""
    by_alert: dict[str, Told] = {}
    for each in deliveries:
        by_alert[each.message.id] = (*by_alert.get(each.message.id, ()), each)
    found: dict[object, Told] = {}
    for told in by_alert.values():
        key = move_of(told[0].message) if len(told) == 1 else None
        found[key or told[0].message.id] = (*found.get(key, ()), *told)
    return list(found.values())


def gravest_first(deliveries: Sequence[Delivery]) -> list[Told]:
    """What each entry of a notice tells, in the order of the entries."""
    return sorted(folded(deliveries), key=_gravity)


def chief(told: Told) -> Message:
    """The message that speaks for all of an entry: the last of an alert; of a move the gravest, and rather
    one that lasts."""
    if len({each.message.id for each in told}) == 1:
        return told[-1].message
    messages = [each.message for each in told]
    return min(messages, key=lambda each: (each.severity.rank, each.kind is Kind.EVENT))


def tone(deliveries: Sequence[Delivery]) -> str:
    """`failure`, `warning`, `info` or `success`: the colour of the whole notification. What was withdrawn
    is no success: nothing became better."""
    last = [chief(told) for told in folded(deliveries)]
    bad = [message for message in last if not message.kind.final]
    if not bad:
        return "success" if all(message.kind is Kind.RESOLVED for message in last) else "info"
    worst = min((message.severity for message in bad), key=lambda each: each.rank)
    return {Severity.CRITICAL: "failure", Severity.WARNING: "warning", Severity.INFO: "info"}[worst]


def short_alert(message: Message) -> str:
    """The short id of the alert or the change that a message is about; empty if it is about neither."""
    return "" if message.kind in _NAMELESS else message.id[:SHORT_ID]


def _entry(told: Told, shown: Presentation) -> Entry:
    message, word, local = chief(told), _word(told, several=False), shown.display.localised
    about = next(each for each in reversed(told) if each.message is message)
    ways = shown.ways(about)
    lines = lines_of(message, shown.display)
    if ways.runbook:
        lines = tuple(line for line in lines if line[0] != "Runbook")
    if word in _BOTH.values():
        lines += (("Fired", told[0].message.title),)
    others = [each.message for each in told if each.message.id != message.id]
    lines += tuple(line for each in others for line in _also(each) if line not in lines)
    rules = tuple(dict.fromkeys((message.rule, *(each.rule for each in others))))
    return Entry(
        message,
        word,
        local(message.title),
        tuple((label, local(value)) for label, value in lines),
        place_of(message, ways),
        rules,
        ways,
        told,
    )


def _also(message: Message) -> Iterator[tuple[str, str]]:
    """What another rule says of the same move: an alert that it has of its own, and what is to be done."""
    if message.kind is not Kind.EVENT:
        yield "Also", f"{message.rule}: {message.particulars.because} (alert {short_alert(message)})"
    for label, value in message.facts:
        if label in _TO_DO:
            yield label, f"{message.rule}: {value}"


def _has_worth(message: Message) -> bool:
    return message.particulars.value_after is not None


def _gravity(told: Told) -> tuple[float, int, Decimal]:
    """What is grave comes first, and of one rule the worst; what is over comes after what asks for people,
    and before what does not."""
    last = chief(told)
    rank = last.severity.rank
    over = (Severity.WARNING.rank + Severity.INFO.rank) / 2
    return over if last.kind.final else rank, rank, -(last.particulars.gravity or Decimal(0))


def _joint(entries: Sequence[Entry]) -> str:
    """The title of several: the worst, or where all are of one rule, how many and the worst of them."""
    first = entries[0]
    wallets = {each.message.wallet for each in entries}
    alike = all((each.rules, each.mark) == (first.rules, first.mark) for each in entries)
    if alike and len(wallets) >= SEVERAL and "" not in wallets:
        return f"{first.mark}: {of_many(entries)}"
    return f"{_heading(first)} (+{len(entries) - 1:,} more)"


def of_many(entries: Sequence[Entry]) -> str:
    """Entries of one rule in one line: `gas-low on 300 wallets, worst gas-17 0.002 ETH`."""
    first, wallets = entries[0], {each.message.wallet for each in entries}
    worst = f", worst {measured(first)}" if first.message.particulars.gravity is not None else ""
    return f"{' and '.join(first.rules)} on {counted(len(wallets), 'wallet')}{worst}"


def measured(entry: Entry) -> str:
    """Whose, and how much, in the fewest words: `gas-17 0.002 ETH`."""
    seen, message = entry.message.particulars, entry.message
    if seen.after is None:
        return f"{message.wallet} {money(seen.sum_usd)}" if seen.sum_usd is not None else message.wallet
    held = seen.after
    if message.kind is Kind.EVENT and seen.before is not None:
        held = minus(seen.after, seen.before)
        return f"{message.wallet} {signed(amount(held), held)} {seen.symbol}".rstrip()
    return f"{message.wallet} {_level(seen)}"


def _level(seen: Particulars) -> str:
    """What is held; of a rule about its worth or its price that, if the reason has it."""
    held = f"{amount(seen.after) if seen.after is not None else ''} {seen.symbol}".strip()
    if says(seen.because, held):
        return held
    for usd, before in ((seen.value_after, ""), (seen.price_after, f"{seen.symbol} at ".lstrip())):
        if usd is not None and says(seen.because, money(usd)):
            return f"{before}{money(usd)}"
    return held


def _summary(entries: Sequence[Told]) -> str:
    counts = Counter(_word(told, several=False) for told in entries)
    parts = []
    for one, several in [*_WORDS.values(), *((both, both) for both in _BOTH.values())]:
        if counts[one]:
            parts.append(f"{counts[one]:,} {several if counts[one] > 1 else one}")
    return f"{counted(len(entries), 'alert')}: {', '.join(parts)}"


def _word(told: Told, *, several: bool) -> str:
    """What became of it, as far as this notification tells."""
    last = chief(told)
    if told[0].message.kind is Kind.FIRING and last.kind.final:
        return _BOTH[last.kind]
    return _WORDS[last.kind][several]


def _heading(entry: Entry) -> str:
    """How bad it is, then the words: those of a rule are the same when it resolves."""
    return entry.title if entry.message.kind in (Kind.REPORT, Kind.TEST) else f"{entry.mark}: {entry.title}"
