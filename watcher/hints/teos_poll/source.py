"""Hints from looks at TEOS, one every so often. A restart goes on where the last run stopped."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta

from watcher.hints.teos_poll.looks import Known, Look, Looks
from watcher.ports.clock import Clock
from watcher.ports.hints import Alive, Bookmark, HintGap, Told

_DAY = timedelta(days=1)
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class TeosLooks:
    """One list that is looked at again and again. Owns what is known of it."""

    def __init__(self, name: str, looks: Looks, every: timedelta, clock: Clock) -> None:
        self.name = name
        self._looks, self._every, self._clock = looks, every, clock
        self._known = Known()

    def remember(self, facts: Mapping[str, str]) -> None:
        self._known.remember(facts)

    async def listen(self) -> AsyncIterator[Told]:
        while True:
            began = self._clock.monotonic()
            since = self._known.at
            look = await self._looks.look(self._known)
            yield Alive() if look.complete else HintGap(since, "more happened than a look can read")
            # The first look of all tells how things are. What changed is what comes after it.
            async for told in self._news(look, quiet=since is None):
                yield told
            taken = self._clock.monotonic() - began
            await self._clock.sleep(max(self._every.total_seconds() - taken, 0.0))

    async def close(self) -> None:
        """The connection to the API is the source's."""

    async def _news(self, look: Look, *, quiet: bool) -> AsyncIterator[Told]:
        before, newest = self._known.at, self._known.at or look.until or _LONG_AGO
        latest = self._clock.now() + _DAY  # a time beyond that is a mistake, and would hide what comes
        changed = False
        for row in sorted(look.rows, key=lambda row: row.at or _LONG_AGO):
            if row.at is not None and row.at < latest:
                newest = max(newest, row.at)
            if self._known.has(row):
                continue
            for hint in () if quiet else row.hints:
                yield hint
            self._known.note(row)
            changed = True
        self._known.at = newest
        if changed or newest != before:
            yield Bookmark(self._known.facts())
