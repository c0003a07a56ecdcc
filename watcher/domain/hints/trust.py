"""Trust in one source of hints: which share of the changes it tells, and which share of its hints is true.

Both are fading counts, learnt from what polls find. That a poll finds a change after a hint may be chance, so
each counts only as far as it can be told apart from chance.
"""

from __future__ import annotations

import math
from typing import Any

MEMORY = 200.0
"""Changes, and hints, that are remembered."""
GOOD = 4.0
"""A source begins as if so many of its first five words had been good."""
MOST = 1e15
"""No count is so high, and no time so late."""
DEAD = math.log(1e-4)
"""A source is silent if the changes in a row that it did not tell of are less likely than that."""


def amounts(values: list[Any]) -> list[float]:
    """Numbers that can be counted with, not below zero. ValueError or TypeError if one is none."""
    found = [float(value) for value in values]
    if not all(0 <= each < MOST for each in found):
        raise ValueError("a count that is none")
    return found


class SourceTrust:
    """What one source of hints has earned."""

    def __init__(self) -> None:
        self._hits = self._misses = 0.0
        self._true = self._false = 0.0
        self._proven = False
        """A hint of it was confirmed once."""
        self._row = 0.0
        """The log of the chance that a source at work told of none of the last changes."""
        self.silent_since: float | None = None
        """Since when it seems dead, whatever its connection says."""

    def dump(self) -> list[Any]:
        """A JSON-able value; `load` restores it."""
        counts = [self._hits, self._misses, self._true, self._false]
        return [*counts, self._row, self._proven, self.silent_since]

    @classmethod
    def load(cls, value: list[Any]) -> SourceTrust:
        """The inverse of `dump`. ValueError or TypeError if `value` is not one."""
        found = cls()
        *counts, row, proven, silent_since = value
        found._hits, found._misses, found._true, found._false = amounts(counts)
        found._row, found._proven = -amounts([-float(row)])[0], bool(proven)
        found.silent_since = None if silent_since is None else amounts([silent_since])[0]
        return found

    @property
    def recall(self) -> float:
        """The share of the changes that it tells of; 0 until a hint of it was confirmed once."""
        return (self._hits + GOOD) / (self._hits + self._misses + GOOD + 1) if self._proven else 0.0

    @property
    def precision(self) -> float:
        """The share of its hints that are true."""
        return (self._true + GOOD) / (self._true + self._false + GOOD + 1)

    def change(self, told: float, recall: float, now: float) -> None:
        """A change was found; `told`: the chance that this source had told of it. `recall`: the share of that
        account's changes that it tells of."""
        keep = 1 - 1 / MEMORY
        self._hits = self._hits * keep + told
        self._misses = self._misses * keep + 1 - told
        if told > 0.5:
            self._row, self.silent_since = 0.0, None
            return
        self._row += math.log(max(1 - recall, 1e-3))
        if self._row < DEAD and self.silent_since is None:
            self.silent_since = now

    def hint(self, true: float, weight: float) -> None:
        """A hint was looked into; `true`: the chance that it told of a change. `weight`: how far that can be
        told apart from chance."""
        keep = 1 - weight / MEMORY
        self._true = self._true * keep + weight * true
        self._false = self._false * keep + weight * (1 - true)
        self._proven = self._proven or true > 0.5
