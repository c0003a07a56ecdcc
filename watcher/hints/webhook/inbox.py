"""Inbox: what was posted and is not told yet, and which requests came before. Both are bounded."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection

from watcher.ports.hints import Hint, Where

CROWD = 10_000
"""Hints that wait one by one. When so many wait, all of one watched address become one."""

REMEMBERED = 50_000
"""Requests that are known again. At 50 a second that is longer than a timestamp is taken for fresh."""


class Inbox:
    """Hints that wait, in order; each place once. A second hint about a place that waits adds nothing."""

    def __init__(self, watched: Collection[str]) -> None:
        self._watched = watched
        self._most = max(CROWD, 2 * len(watched))
        self._waiting: OrderedDict[Where, Hint] = OrderedDict()
        self.stirred = asyncio.Event()
        """Set when something came; whoever looks clears it."""

    def put(self, hint: Hint) -> bool:
        """Whether it is kept, or another one that says as much."""
        where = hint.where
        if len(self._waiting) >= self._most and where not in self._waiting:
            if where.address not in self._watched:
                return False
            where = Where("", where.address)
            hint = Hint(where, hint.id, hint.happened)
        self._waiting.setdefault(where, hint)
        self.stirred.set()
        return True

    def take(self) -> Hint | None:
        return self._waiting.popitem(last=False)[1] if self._waiting else None


class SeenRequests:
    """Requests that came before, by their proof. They are kept in memory alone: a restart forgets them."""

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def has(self, proof: bytes) -> bool:
        """Whether it came before; from now on it did."""
        if proof in self._seen:
            return True
        self._seen[proof] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return False
