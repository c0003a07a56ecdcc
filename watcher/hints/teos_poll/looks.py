"""What two ways to look at TEOS have in common: rows with a time, and what is known of them already."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import msgspec

from watcher.domain.records import Record, field
from watcher.ports.hints import Hint, HintSourceError

SHORT = 10
"""Rows under which a page can only be the last, whatever the server takes for a page: no default is less."""

MOST_PAGES = 8
"""Pages that one look reads of one list; more than that is a gap."""

OVERLAP = timedelta(minutes=10)
"""How far before the newest time that was seen a look goes: rows may be listed later than they happened."""

_KEPT = 10_000
_REMEMBERED = 100
"""Rows that are known of by name, and of those how many after a restart."""
_FIRST_YEAR = 1970
_DIGITS = re.compile(r"(\.\d{6})\d+")


class Row(Record, frozen=True):
    """Row of a list. `key` tells it from all others; `at` is None if it has no time that can be read."""

    key: str
    at: datetime | None
    hints: tuple[Hint, ...]


class Look(Record, frozen=True):
    """What one look saw; of two at one time the first one first. Not `complete`: there was more."""

    rows: list[Row] = field(default_factory=list)
    complete: bool = True
    until: datetime | None = None
    """What it saw is all until then, if it saw no row that says so."""


class Known:
    """What was seen already: up to when, and which rows. `at` None: nothing was looked at yet."""

    def __init__(self) -> None:
        self.at: datetime | None = None
        self._rows: dict[str, None] = {}

    def remember(self, facts: Mapping[str, str]) -> None:
        self.at = moment(facts.get("at"))
        self._rows = dict.fromkeys(facts.get("rows", "").split())

    def facts(self) -> Mapping[str, str]:
        assert self.at is not None  # noqa: S101 (after a look)
        return {"at": self.at.isoformat(), "rows": " ".join(list(self._rows)[-_REMEMBERED:])}

    def has(self, row: Row) -> bool:
        """Whether a row is no news."""
        if row.key in self._rows:
            return True
        return self.at is not None and row.at is not None and row.at < self.at - OVERLAP

    def note(self, row: Row) -> None:
        self._rows[row.key] = None
        if len(self._rows) > _KEPT:
            del self._rows[next(iter(self._rows))]


class Looks(Protocol):
    """One way to look."""

    async def look(self, known: Known) -> Look:
        """The rows that are news, and maybe others. HintSourceError says why there are none."""
        ...


def read_rows(body: bytes) -> list[dict[str, Any]]:
    """The rows of an answer, bare or wrapped, keys in lower case. HintSourceError if it is no list."""
    try:
        found: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise HintSourceError("what TEOS answered is no JSON") from None
    if isinstance(found, dict):
        found = {key.lower(): value for key, value in found.items()}.get("value")
    if not isinstance(found, list):
        raise HintSourceError("what TEOS answered is no list")
    return [{key.lower(): value for key, value in row.items()} for row in found if isinstance(row, dict)]


def key_of(words: str) -> str:
    """Key of a row with these words: short, and one word."""
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def moment(text: object) -> datetime | None:
    """Time of a row; one without a zone is taken for UTC, which nobody documents."""
    if not isinstance(text, str):
        return None
    with suppress(ValueError, OverflowError):
        found = datetime.fromisoformat(_DIGITS.sub(r"\1", text[:40]))
        found = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        return found if found.year >= _FIRST_YEAR else None
    return None


def texts_in(row: Mapping[str, Any]) -> Iterator[str]:
    return (value for value in row.values() if isinstance(value, str))
