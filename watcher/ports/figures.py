"""Figures of what a store does in this process, for whoever looks after it."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from watcher.domain.records import Record, field

STORE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Seconds of a transaction, at most."""


class Durations(Record):
    """How long something took: how many in each of the `buckets` (the last has what is longer), and their
    sum."""

    buckets: tuple[float, ...]
    total: float = 0.0
    counts: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.buckets) + 1)

    def note(self, seconds: float) -> None:
        self.counts[bisect_left(self.buckets, seconds)] += 1
        self.total += seconds


class StoreFigures(Record):
    """What it did since the start, and does now."""

    seconds: dict[str, Durations] = field(default_factory=dict)
    """By what was done: from when it was wanted, the wait for a connection included."""
    retries: Counter[str] = field(default_factory=Counter)
    """By the code of the server: transactions that were done anew."""
    places: int = 1
    """So much is done at the same time."""
    under_way: int = 0

    @property
    def waiting(self) -> int:
        """So much waits for its turn now."""
        return max(self.under_way - self.places, 0)

    @contextmanager
    def measured(self, done: str) -> Iterator[None]:
        """Something that is done meanwhile."""
        began = monotonic()
        self.under_way += 1
        try:
            yield
        finally:
            self.under_way -= 1
            self.seconds.setdefault(done, Durations(STORE_BUCKETS)).note(monotonic() - began)
