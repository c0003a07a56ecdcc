"""News: what others have owed to channels, or done by hand, since this process looked last."""

# ruff: noqa: S608 (only constants of this package are joined into statements)

from __future__ import annotations

import threading
from collections.abc import Iterable

from watcher.store.postgres.look import CHANGED
from watcher.store.postgres.pool import Connection

_NOW = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text"
_LOOK = (
    f"SELECT 'owed', number FROM deliveries WHERE {CHANGED}"
    f" UNION ALL SELECT 'done', id FROM audit WHERE {CHANGED}"
)
_REMEMBERED = 5_000


class News:
    """What is known of them. As in `look.py`, what is as young as the oldest transaction of the last look is
    seen again, so it is remembered which of it was seen."""

    def __init__(self) -> None:
        self._since: str | None = None
        self._seen: set[tuple[str, int]] = set()
        self._lock = threading.Lock()

    def mine(self, numbers: Iterable[int]) -> None:
        """Deliveries that this process owes itself; before others can see them."""
        with self._lock:
            self._seen.update(("owed", number) for number in numbers)

    def look(self, conn: Connection) -> bool:
        """Whether there is any."""
        with self._lock:
            with conn.pipeline():
                now = conn.execute(_NOW)
                rows = conn.execute(_LOOK, (self._since, self._since)) if self._since is not None else ()
                (self._since,) = next(iter(now))
                found = {(kind, number) for kind, number in rows}
            fresh = found - self._seen
            self._seen |= found
            if len(self._seen) > 2 * _REMEMBERED:
                newest = sorted(self._seen - found, key=lambda each: each[1])[-_REMEMBERED:]
                self._seen = found.union(newest)
            return bool(fresh)
