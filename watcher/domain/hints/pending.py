"""Pending hints: what was told of an account and not looked into yet. Times are unix seconds."""

from __future__ import annotations

import math

from watcher.domain.records import Record

FRESH = 900.0
"""A hint tells of what a poll finds within so many seconds."""
PRIOR = 4.0
"""An account's own changes count as much as those of its sources after so many."""
KEEP = 0.98
"""Of what was known of an account stays after each change."""


class PendingHint(Record):
    """One or more hints of one account that wait for a poll."""

    first: float
    """When the oldest came."""
    last: float
    by: list[str]
    """The sources that told of it, in that order; none: hints may have been missed."""
    count: int = 1
    looked: float = -1.0
    """The age at the last look that showed nothing."""
    rung: int = 0
    """Looks that showed nothing."""
    chance: float = 0.0
    """The chance, at the last look, that the account had changed whatever the hint is worth."""
    curious: bool = False
    """It is looked into up to the oldest age."""
    wasted: float = 0.0
    """Credits that looks took which showed nothing, beyond what the schedule would have spent."""
    held: bool = False
    """The time of the poll was not the hint's: it was gathered, doubted, or could not be paid."""

    def gather(self, by: str, now: float) -> None:
        """Another hint of the same account."""
        self.count += 1
        self.last = now
        if by not in self.by:
            self.by.append(by)

    def missed(self, age: float, chance: float) -> None:
        """A look at this age showed nothing; `chance`: that the account had changed by itself before it."""
        self.looked, self.rung = age, self.rung + 1
        self.chance = 1 - (1 - self.chance) * (1 - chance)


class HintedAccount(Record):
    """What the desk knows of one account."""

    sources: tuple[str, ...]
    """Those that may tell of it."""
    last: float
    """The last poll of any cause that told something."""
    hinted: float = -math.inf
    """The last that a hint caused."""
    heard: float = -math.inf
    """The last hint."""
    lone: bool = False
    """No other hint came shortly before the pending one: the lag can be learnt from it."""
    barren: int = 0
    """Looks in a row for which a hint was the cause, and that came to nothing."""
    lies: int = 0
    """The hints that those looks stood for."""
    failures: int = 0
    """Polls in a row that told nothing, while a hint waited."""
    hits: float = 0.0
    """Changes that were told of, fading; and those that were not."""
    misses: float = 0.0
    pending: PendingHint | None = None
    unanswered: PendingHint | None = None
    """The last one that came to nothing."""
    under_way: bool = False
    """A poll of any cause is not answered yet."""
    ticket: int = 0
    """The number of its only valid entry among what is due."""

    def recall(self, usual: float) -> float:
        """The share of its changes that hints tell of; `usual`: what is expected of one that is not known."""
        return (usual * PRIOR + self.hits) / (PRIOR + self.hits + self.misses)

    def change(self, told: float) -> None:
        """A change was found; `told`: the chance that a hint had told of it."""
        self.hits = self.hits * KEEP + told
        self.misses = self.misses * KEEP + 1 - told
