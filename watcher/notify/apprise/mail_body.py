"""Body of a mail: what both of its parts have in common, and the plain one. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from watcher.domain.messages.presentation import Ways
from watcher.notify.markup import MOST_DETAILED, MOST_IDS, MOST_LISTED, plain
from watcher.notify.notice import Entry, Notice, short_alert

WIDTH = 78
LONGEST = 90_000
"""Bytes of one part: Gmail cuts off what is longer than 102 KB."""

_MARGIN = 2
"""Spaces between a label and what it says."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Extent of a body: which entries it lists, with their facts or without, and how many it only counts."""

    listed: Sequence[Entry]
    detailed: bool
    left: int

    @property
    def more(self) -> str:
        return f"… and {self.left:,} more, see watcher outbox" if self.left else ""


def fitted(said: Notice, make: Callable[[Extent], str]) -> str:
    """The body with as much as a mail program shows; what is left out is counted."""
    listed = said.entries[:MOST_LISTED]
    detailed = len(said.entries) <= MOST_DETAILED
    while True:
        text = make(Extent(listed, detailed, len(said.entries) - len(listed)))
        if len(text.encode()) <= LONGEST or (len(listed) == 1 and not detailed):
            return text
        listed, detailed = listed[: len(listed) if detailed else (len(listed) + 1) // 2], False


def links(ways: Ways) -> list[tuple[str, str]]:
    """Name and address of each way on, what is done first first."""
    found = [("Acknowledge", ways.acknowledge), ("Open", ways.page), *ways.explorers.items()]
    return [(name, url) for name, url in [*found, ("Runbook", ways.runbook)] if url]


def facts(entry: Entry) -> list[tuple[str, str]]:
    """Labels and values, without what is a way on already."""
    return [each for each in entry.lines if each != ("Runbook", entry.ways.runbook)]


def origin(entry: Entry) -> list[tuple[str, str]]:
    """What the commands want to know of it: `watcher ack` takes the short id."""
    ids = ", ".join(each.id for each in entry.told[-MOST_IDS:])
    found = [("rule", entry.message.rule), ("alert", short_alert(entry.message)), ("delivery", ids)]
    return [(name, text) for name, text in found if text]


def plain_body(said: Notice, *, titled: bool) -> str:
    """One fact a line, the labels aligned. `titled`: the title stands on top, since the subject has not all
    of it."""

    def make(extent: Extent) -> str:
        above = [*_wrapped(plain(said.title)), ""] if titled else []
        if len(said.entries) == 1:
            return "\n".join([*above, *_entry(said.entries[0])])
        lines = [*above, plain(said.summary)]
        for each in extent.listed:
            head = _wrapped(f"{plain(each.mark)}: {plain(each.title)}", "* ", "  ")
            lines += ["", *head, *_entry(each)] if extent.detailed else [*head, "  " + _origin(each)]
        return "\n".join([*lines, *([extent.more] if extent.left else [])])

    return fitted(said, make)


def _entry(entry: Entry) -> list[str]:
    told = [(plain(label), plain(value)) for label, value in facts(entry)]
    ways = links(entry.ways)
    width = max((len(label) for label, _ in [*told, *ways]), default=0) + 1 + _MARGIN
    lines = [line for label, value in told for line in _fact(label, value, width)]
    if ways:
        # An address that is broken is none: it stands on one line however long it is.
        lines += ["", *(f"{name + ':':<{width}}{url}" for name, url in ways)]
    return [*lines, "", _origin(entry)]


def _fact(label: str, value: str, width: int) -> list[str]:
    first = f"{label + ':' if label else '':<{width}}"
    return _wrapped(value, first, " " * width) or [first.rstrip()]


def _origin(entry: Entry) -> str:
    return ", ".join(f"{name} {plain(text)}" for name, text in origin(entry))


def _wrapped(text: str, first: str = "", later: str = "") -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=later,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
