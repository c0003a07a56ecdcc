"""What is worked out beside the pages: it takes all that is kept, and seconds of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from datetime import datetime
from typing import Generic, TypeVar

from watcher.domain.records import Record
from watcher.domain.values.errors import StoreError
from watcher.ports.queries import Queries
from watcher.reports.portfolio.fold import NotWanted
from watcher.web.snapshot import PageSnapshot, PageSnapshots

Key = TypeVar("Key", bound=Hashable)
Found = TypeVar("Found")

LASTS = 60.0
"""Seconds for which what was worked out serves all who ask."""

STANDS_IN = 600.0
"""Seconds for which an older one is shown while a newer is worked out: nobody wants that of yesterday."""

AGAIN = 5.0
"""Seconds until it is tried again where the store gave no answer."""

SHARE = 20
"""It lasts at least so many times as long as working it out took: no more than this part of one core."""

WAITS = 0.05
"""Seconds for which a page waits; it then goes on without."""


class _Entry(Record, Generic[Found]):
    work: asyncio.Future[Found | None]
    at: datetime
    took: float = 0.0
    last: Found | None = None
    """What was worked out before that."""


class WorkedOut(Generic[Key, Found]):
    """Reports that are worked out one at a time, in a thread of their own, and kept for a while."""

    def __init__(
        self,
        snapshots: PageSnapshots,
        make: Callable[[Key, Queries, PageSnapshot], Found],
        most: int,
    ) -> None:
        """`make`: works out the one of a key. `most`: how many are kept, those that were asked for last."""
        self._snapshots, self._make, self._most = snapshots, make, most
        self._entries: dict[Key, _Entry[Found]] = {}
        self._turn = asyncio.Lock()

    async def get(self, key: Key, *, waits: float | None = WAITS) -> Found | None:
        """The report, at most a minute old, or as old as it takes; None if it is not there yet.

        `waits`: for so many seconds; None: until it is there.
        """
        snapshot = await self._snapshots.current()
        entry = self._entries.pop(key, None)
        if entry is None or (entry.work.done() and self._is_old(entry, snapshot)):
            last = _result(entry) if entry is not None and _age(entry, snapshot) < STANDS_IN else None
            entry = _Entry(asyncio.ensure_future(self._work(key, snapshot)), snapshot.at, last=last)
        self._entries[key] = entry
        while len(self._entries) > self._most:
            del self._entries[next(iter(self._entries))]
        await asyncio.wait({entry.work}, timeout=waits)
        return _result(entry)

    @staticmethod
    def _is_old(entry: _Entry[Found], snapshot: PageSnapshot) -> bool:
        lasts = LASTS if entry.work.result() is not None else AGAIN
        return not 0 <= _age(entry, snapshot) < max(lasts, entry.took * SHARE)

    async def _work(self, key: Key, snapshot: PageSnapshot) -> Found | None:
        async with self._turn:
            began = self._snapshots.clock.monotonic()
            found = await asyncio.to_thread(self._asked, key, snapshot)
            if (entry := self._entries.get(key)) is not None:
                entry.took = self._snapshots.clock.monotonic() - began
            return found

    def _asked(self, key: Key, snapshot: PageSnapshot) -> Found | None:
        try:
            with self._snapshots.store.queries() as reader:
                return self._make(key, reader, snapshot)
        except (StoreError, NotWanted):
            return None  # the page itself says what is wrong with the store


def _age(entry: _Entry[Found], snapshot: PageSnapshot) -> float:
    return (snapshot.at - entry.at).total_seconds()


def _result(entry: _Entry[Found]) -> Found | None:
    """The newest that is there."""
    return (entry.work.result() if entry.work.done() else None) or entry.last
