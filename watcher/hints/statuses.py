"""Statuses: what was told last about each place, for sources that tell what is and not what happened.

A status that differs from the last one is an event. What is kept closes every gap: the first look of the next
connection, or of the next run, is compared with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from watcher.domain.records import Record
from watcher.ports.hints import Bookmark

KEY, TEXT = 44, 32
"""Characters of a key and of a status that are kept."""


class Status(Record, frozen=True):
    """Status as it was told last; and how often it changed, so that one that comes back is another event."""

    changes: int
    text: str

    @classmethod
    def kept(cls, fact: str) -> Status | None:
        """The status that a fact says; None if it says none."""
        number, _, text = fact.partition(" ")
        return cls(int(number), text) if number.isascii() and number.isdigit() and len(number) < 10 else None

    def fact(self) -> str:
        return f"{self.changes} {self.text}"


class Statuses:
    """Statuses by key. A key and a status may be long: each is known by how it begins."""

    def __init__(self) -> None:
        self._known: dict[str, Status] = {}
        self._unkept: dict[str, str] = {}

    def remember(self, keys: Iterable[str], facts: Mapping[str, str]) -> None:
        """Take back what was kept about these keys."""
        for key in keys:
            if found := Status.kept(facts.get(key[:KEY], "")):
                self._known[key] = found

    def event(self, key: str, text: str) -> str:
        """The id of the event that this status is; empty if it is none: the same as before, or the first."""
        text, before = text[:TEXT], self._known.get(key)
        if before is not None and before.text == text:
            return ""
        now = Status(before.changes + 1 if before else 0, text)
        self._known[key] = now
        self._unkept[key[:KEY]] = now.fact()
        return f"{key[:KEY]}:{now.changes}:{text}" if before is not None else ""

    def bookmark(self) -> list[Bookmark]:
        """What changed since the last one; empty if nothing did."""
        facts, self._unkept = self._unkept, {}
        return [Bookmark(facts)] if facts else []
