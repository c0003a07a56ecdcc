"""Candidates: what is to be polled, and the credits for it."""

from __future__ import annotations

import math

from watcher.domain.records import Record
from watcher.domain.scheduler.change_rates import DAY, RatePosterior
from watcher.domain.scheduler.shadow_price import Need


class Item(Record, frozen=True):
    """One account as the cadence sees it. Times in seconds, cost in credits a poll (or calls)."""

    key: str
    cost: float = 1.0
    weight: float = 1.0
    """What a minute of delay is worth here, relative to others."""
    min_every: float = 60.0
    at_least_every: float = math.inf
    """The promise: never longer between two polls."""
    fixed: float | None = None
    """A fixed interval, charged before everything else; the two limits above do not apply."""
    ticked: bool = False
    """Polled at set times, which are paid elsewhere: it is never due here. Its change rate is learnt, so that
    it is known how soon a hint about it is worth a poll."""

    @property
    def shortest(self) -> float:
        """No poll sooner than this after the last."""
        return self.fixed or max(self.min_every, 1e-3)

    @property
    def longest(self) -> float:
        """What is promised, if it can be afforded. May be infinite."""
        return self.fixed or max(self.at_least_every, self.shortest)

    def base(self, root: float, untold: float = 1.0) -> float:
        """Its interval at price 1, with `root` = rate ** (fairness / 2): the square-root law.

        `untold`: the share of its changes that no hint tells of.
        """
        return math.sqrt(max(self.cost, 1e-9) / max(self.weight * untold, 1e-9)) / max(root, 1e-9)


class Budget(Record, frozen=True):
    """Credits for these items: what the plan allows, and what the ledger says is left now.

    What others are known to take (a cron job, a reserve) is to be left out of both.
    """

    limit: float
    """Credits a period."""
    remaining: float
    """Credits left in the current period."""
    ends: float
    """When the current period ends (unix seconds)."""
    period: float = 30 * DAY
    """Length of a period in seconds; the next is taken to be as long until told otherwise."""

    @property
    def pace(self) -> float:
        """Credits a second, on average."""
        return max(self.limit, 0.0) / self.period


class Candidate:
    """What the schedule keeps of one item."""

    __slots__ = (
        "asked", "before", "belief", "due", "early", "failures", "held", "item", "need", "new", "owed",
        "parked", "promised", "rate", "root", "seen", "slow", "ticket", "under_way", "untold",
    )  # fmt: skip

    def __init__(self, item: Item, now: float, rate: float, root: float) -> None:
        self.item = item
        self.seen = now
        """The last poll that told something."""
        self.asked = now
        """The last poll, answered or not."""
        self.before = now, False
        """`asked` and `new` before the poll that is under way."""
        self.new = False
        """It was never read, and is to be read at once."""
        self.failures = 0
        """Polls in a row that told nothing."""
        self.belief: RatePosterior | None = None
        self.rate = rate
        """Changes a second, as believed now."""
        self.root = root
        """Slow mean of rate^(fairness / 2), as of `seen`."""
        self.slow = item.base(root)
        """What the price takes for its interval at price 1."""
        self.need: Need | None = None
        """As counted in the demand."""
        self.owed = 0.0
        """Credits that its promise takes until the period ends."""
        self.held = 0.0
        """Its promise cannot be paid before this time."""
        self.promised = False
        """It is in the queue of promises."""
        self.due = 0.0
        """The progress at which it is due."""
        self.ticket = 0
        """The number of its only valid entry among the early ones."""
        self.early = False
        """That entry is there: it is not waiting, and not parked."""
        self.parked = False
        self.under_way = False
        self.untold = 1.0
        """The share of its changes that no hint tells of: what the schedule is for."""
