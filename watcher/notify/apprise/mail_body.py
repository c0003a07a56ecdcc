"""Body of a mail: what both of its parts have in common, and the plain one. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence

from watcher.domain.messages.message import SHORT_ID
from watcher.domain.messages.presentation import Ways
from watcher.domain.records import Record
from watcher.domain.values.text import clean
from watcher.notify.markup import MOST_DETAILED, MOST_LISTED, plain, ways_on
from watcher.notify.notice import Entry, Notice, measured, of_many
from watcher.ports.channel import LONGEST_PAGE

WIDTH = 78

_MARGIN = 2
"""Spaces between two columns."""


class Extent(Record, frozen=True):
    """Extent of a body: which entries it lists, with their facts or without, and how many it only counts."""

    listed: Sequence[Entry]
    detailed: bool
    left: int

    @property
    def more(self) -> str:
        return f"… and {self.left:,} more, see watcher outbox" if self.left else ""


class Group(Record, frozen=True):
    """Group of entries that have rule and mark in common. `title`: what is said once of many."""

    title: str
    entries: Sequence[Entry]


def fitted(said: Notice, make: Callable[[Extent], str]) -> str:
    """The body with as much as a mail program shows; what is left out is counted."""
    listed = said.entries[:MOST_LISTED]
    detailed = len(said.entries) <= MOST_DETAILED
    while True:
        text = make(Extent(listed, detailed, len(said.entries) - len(listed)))
        if len(text.encode()) <= LONGEST_PAGE or (len(listed) == 1 and not detailed):
            return text
        listed, detailed = listed[: len(listed) if detailed else (len(listed) + 1) // 2], False


def groups(said: Notice, listed: Sequence[Entry]) -> list[Group]:
    """The entries listed, many of one rule together. The title of all counts those that are not listed too,
    and is not said again where it is the title of the whole."""
    kept: dict[tuple[str, tuple[str, ...]], list[Entry]] = {}
    for each in said.entries:
        kept.setdefault((each.mark, each.rules), []).append(each)
    shown, found = set(map(id, listed)), []
    for (mark, _), alike in kept.items():
        title = f"{mark}: {of_many(alike)}" if len(alike) > MOST_DETAILED else ""
        if entries := [each for each in alike if id(each) in shown]:
            found.append(Group(title, entries))
    return found


def columns(entry: Entry) -> tuple[str, str]:
    """Whose, and how much: of one of many, whose rule has been said."""
    wallet = entry.message.wallet
    return wallet, measured(entry).removeprefix(wallet).strip()


def links(ways: Ways) -> list[tuple[str, str]]:
    """Name and address of each way on, what is done first first."""
    return sorted(ways_on(ways), key=lambda each: each[0] != "Acknowledge")


def facts(entry: Entry) -> list[tuple[str, str]]:
    """Labels and values, and at last where it is."""
    return [*entry.lines, *([("Where", entry.place)] if entry.place else [])]


def origin(entry: Entry) -> list[tuple[str, str]]:
    """What the commands want to know of it, to be copied as it is: `watcher ack` takes the short id."""
    ids = ", ".join(entry.delivery_ids)
    found = [("rule", ", ".join(entry.rules)), ("alert", entry.id), ("delivery", ids)]
    return [(name, text) for name, text in found if text]


def plain_body(said: Notice, *, titled: bool) -> str:
    """One fact a line, in columns. `titled`: the title stands on top, since the subject has not all of it."""

    def make(extent: Extent) -> str:
        lines = [*_wrapped(plain(said.title)), ""] if titled else []
        if len(said.entries) == 1:
            lines += _entry(said.entries[0])
        else:
            lines.append(plain(said.summary))
            for each in extent.listed if extent.detailed else ():
                lines += [
                    "",
                    *_wrapped(f"{plain(each.mark)}: {plain(each.title)}", "* ", "  "),
                    *_entry(each),
                ]
            for group in groups(said, extent.listed) if not extent.detailed else ():
                lines += _group(said, group)
        lines += ["", plain(extent.more)] if extent.left else []
        return "\n".join([*lines, *(["", *_wrapped(plain(said.note))] if said.note else [])])

    return fitted(said, make)


def _entry(entry: Entry) -> list[str]:
    told = [(plain(label), plain(value)) for label, value in facts(entry)]
    ways = links(entry.ways)
    width = max((len(label) for label, _ in [*told, *ways]), default=0) + 1 + _MARGIN
    lines = [line for label, value in told for line in _fact(label, value, width)]
    if ways:
        # An address that is broken is none: it stands on one line however long it is.
        lines += ["", *(f"{name + ':':<{width}}{url}" for name, url in ways)]
    return [*lines, "", *_wrapped(_origin(entry))]


def _group(said: Notice, group: Group) -> list[str]:
    if not group.title:
        lines = []
        for each in group.entries:
            lines += ["", *_wrapped(f"{plain(each.mark)}: {plain(each.title)}", "* ", "  ")]
            lines += _wrapped(_origin(each), "  ", "  ")
        return lines
    rows = [
        tuple(map(plain, (*columns(each), each.id or each.chosen.id[:SHORT_ID]))) for each in group.entries
    ]
    first, second = (max(len(row[place]) for row in rows) + _MARGIN for place in (0, 1))
    table = [f"{name:<{first}}{held:>{second - _MARGIN}}{'':{_MARGIN}}{ref}" for name, held, ref in rows]
    return ["", *(_wrapped(plain(group.title)) if group.title != said.title else []), *table]


def _fact(label: str, value: str, width: int) -> list[str]:
    first = f"{label + ':' if label else '':<{width}}"
    return _wrapped(value, first, " " * width) or [first.rstrip()]


def _origin(entry: Entry) -> str:
    return ", ".join(f"{name} {clean(text)}" for name, text in origin(entry))


def _wrapped(text: str, first: str = "", later: str = "") -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=later,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
