"""Learnt: what the schedule of a source knows of its accounts, from one start to the next.

Where one process plans for ever it is one JSON text. Where any of many may plan next, each account has a row,
and only what is new is written; with it goes until when the polls of all were heard of.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Protocol

from watcher.domain.scheduler import Scheduler
from watcher.ports.shared_work import SharedWork

FACT = "cadence"
"""Under this name the store keeps what the schedule of a source has learnt."""

SLICE = 100
"""Accounts written down in one turn of the event loop: about a millisecond's work."""


class Learnt(Protocol):
    """Keeps what one schedule learns."""

    heard: datetime | None
    """Until when what was kept has heard of polls; None: that is not known."""

    async def load(self, facts: Mapping[str, str]) -> Mapping[str, Any] | None:
        """What an earlier run kept; what cannot be read is learnt anew."""
        ...

    def note(self, key: str, at: datetime) -> None:
        """A poll has told something of an account."""
        ...

    async def keep(self, scheduler: Scheduler) -> Mapping[str, str]:
        """Keep what is new; what is to be kept as facts beside it."""
        ...


class LearntAlone:
    """One text, written anew each time."""

    heard: datetime | None = None

    async def load(self, facts: Mapping[str, str]) -> Mapping[str, Any] | None:
        return _parsed(facts.get(FACT))

    def note(self, key: str, at: datetime) -> None:
        """All is kept."""

    async def keep(self, scheduler: Scheduler) -> Mapping[str, str]:
        return {FACT: await state(scheduler.dump_in_parts(SLICE))}


class LearntByMany:
    """A row for each account."""

    def __init__(self, source: str, work: SharedWork) -> None:
        self._source, self._work = source, work
        self.heard: datetime | None = None
        self._news: set[str] = set()

    async def load(self, facts: Mapping[str, str]) -> Mapping[str, Any] | None:
        head = _parsed(facts.get(FACT))
        if head is None:
            return None
        rows = await self._work.learnt(self._source)
        try:
            self.heard = datetime.fromisoformat(head["heard"]) if head.get("heard") else None
            return {**head, "accounts": {key: json.loads(text) for key, text in rows.items()}}
        except (ValueError, TypeError):
            return None

    def note(self, key: str, at: datetime) -> None:
        self._news.add(key)
        self.heard = at if self.heard is None else max(at, self.heard)

    async def keep(self, scheduler: Scheduler) -> Mapping[str, str]:
        news, heard = list(self._news), self.heard
        # Now, before anything is waited for: what is learnt meanwhile is in the next writing.
        head = next(iter(scheduler.dump_in_parts(SLICE)))
        for start in range(0, len(news), SLICE):
            rows = scheduler.dump_some(news[start : start + SLICE])
            await self._work.keep_learnt(self._source, {key: compact(each) for key, each in rows.items()})
            self._news.difference_update(rows)
        return {FACT: compact({**head, "heard": heard.isoformat() if heard is not None else ""})}


async def state(parts: Iterator[Mapping[str, Any]]) -> str:
    """What was learnt as one JSON object. The first part is all of it but `accounts`."""
    head = compact(next(parts))
    return f'{head[:-1]},"accounts":{await joined(parts)}}}'


async def joined(parts: Iterable[Mapping[str, Any]]) -> str:
    """All parts as one JSON object; the loop turns between two of them."""
    texts = []
    for part in parts:
        if part:
            texts.append(compact(part)[1:-1])
        await asyncio.sleep(0)
    return f"{{{','.join(texts)}}}"


def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _parsed(text: str | None) -> Mapping[str, Any] | None:
    if text is None:
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
