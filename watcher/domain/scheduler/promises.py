"""Promises: what is still owed before the budget renews, and how far promises stretch when it is too little.

An account polled at `asked` with a longest interval of M seconds has to be polled
floor((end - asked) / M) more times before `end`; one that is new is owed its first reading
besides, whether or not it has a promise. As long as the credits left cover that sum,
no promise can break: a poll that is due by promise takes from both sides alike, and an early
one is made only if the sum stays covered.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Collection, Iterable
from itertools import count

from watcher.domain.records import Record
from watcher.domain.scheduler.items import Budget, Candidate, Item

PATIENCE = 4.0
"""Fixed intervals are charged first: they give way only when promises are stretched this far."""
FOREVER = 1e12


class Feasibility(Record, frozen=True):
    """Whether the promises (fixed intervals among them) fit. Credits a period."""

    needed: float
    allowed: float
    stretch: float
    """1 if they fit; else promises are kept this many times more slowly (infinite: not at all)."""
    drop: int
    """The fewest accounts without which they would fit."""

    @property
    def fits(self) -> bool:
        """Whether nothing has to be stretched."""
        return self.needed <= self.allowed


def longest(item: Item, stretch: float) -> float:
    """An item's promise, or its fixed interval, under `stretch`."""
    return item.longest * (stretch if item.fixed is None else max(1.0, stretch / PATIENCE))


def feasibility(items: Iterable[Item], allowed: float, period: float) -> Feasibility:
    """Whether `allowed` credits in `period` seconds keep every promise."""
    promised = [item for item in items if item.longest < math.inf]

    def spend(stretch: float) -> float:
        return sum(item.cost * period / longest(item, stretch) for item in promised)

    needed = spend(1.0)
    over, drop = needed - allowed, 0
    for cost in sorted((item.cost * period / item.longest for item in promised), reverse=True):
        if over <= 1e-9 * needed:
            break
        over -= cost
        drop += 1
    return Feasibility(needed, allowed, least_stretch(spend, allowed), drop)


def least_stretch(spend: Callable[[float], float], allowed: float) -> float:
    """The smallest factor, 1 or more, at which `spend` (falling) is at most `allowed`."""
    if spend(1.0) <= allowed:
        return 1.0
    low, high = 1.0, 2.0
    while spend(high) > allowed:
        if high > 1e9:
            return math.inf
        low, high = high, high * 2
    for _ in range(20):
        middle = (low + high) / 2
        if spend(middle) > allowed:
            low = middle
        else:
            high = middle
    return high


class Promises:
    """The sum owed, the stretch that makes it affordable, and who is due next by promise."""

    def __init__(self) -> None:
        self.stretch = 1.0
        self.owed = 0.0
        self._ends = 0.0
        self._unpaid = False
        self._usual = 1.0
        """The stretch that a whole period's credits call for."""
        self._serial = count()
        self._queue: list[tuple[float, int, Candidate]] = []
        """One entry an account; it may be too early, and is put right when it comes up."""

    def settle(self, accounts: Collection[Candidate], remaining: float, budget: Budget) -> None:
        """Anew, for what is left of this period."""
        self._ends = budget.ends
        self._unpaid = False

        def owed_under(stretch: float) -> float:
            return sum(self._owed(account, stretch) for account in accounts)

        self.stretch = min(least_stretch(owed_under, remaining + 1e-6), FOREVER)
        most = max(remaining, budget.limit)
        if most <= 0 and any(account.item.longest < math.inf for account in accounts):
            self.stretch = FOREVER
        self._usual = self.stretch
        if self.stretch > 1:
            items = [account.item for account in accounts]
            self._usual = feasibility(items, budget.limit, budget.period).stretch
        self.owed = 0.0
        self._queue = []
        for account in accounts:
            account.owed = account.held = 0.0
            self.owe(account)
            account.promised = account.item.longest < math.inf and account.item.cost <= most
            if account.promised:
                self._queue.append((self.deadline(account), next(self._serial), account))
        heapq.heapify(self._queue)

    def settled(self, remaining: float, limit: float) -> bool:
        """Whether what is left covers what is owed, without stretching more than needed."""
        slack = remaining - self.owed
        return not self._unpaid and slack >= -1e-6 and (self.stretch == 1 or slack <= 0.01 * limit)

    def longest(self, item: Item) -> float:
        """The promise as it can be kept now."""
        return longest(item, self.stretch)

    def deadline(self, account: Candidate) -> float:
        """When its promise falls due."""
        return max(account.asked + (0.0 if account.new else self.longest(account.item)), account.held)

    def owe(self, account: Candidate) -> None:
        """Bring the sum up to date after a poll of `account`."""
        owed = self._owed(account, self.stretch)
        self.owed += owed - account.owed
        account.owed = owed

    def spare(self, account: Candidate, time: float, remaining: float) -> bool:
        """Whether a poll of `account` at `time`, not owed yet, leaves enough for all that are."""
        owed = self.owed - account.owed + self._polls(account.item, time, self.stretch)
        return remaining - account.item.cost >= max(owed, 0.0) - 1e-6

    def first(self) -> tuple[float, Candidate] | None:
        """The account whose promise falls due first, of those not under way."""
        while self._queue:
            entry, _, account = self._queue[0]
            deadline = self.deadline(account)
            if account.under_way:
                heapq.heappop(self._queue)
                account.promised = False
            elif deadline > entry:
                heapq.heapreplace(self._queue, (deadline, next(self._serial), account))
            else:
                return entry, account
        return None

    def after(self, renewal: float) -> tuple[float, Candidate] | None:
        """The first, and its time at or after a renewal that brings the usual stretch."""
        if not self._queue:
            return None
        account = self._queue[0][2]
        return max(renewal, account.asked + longest(account.item, self._usual)), account

    def back(self, account: Candidate) -> None:
        """`account` is under way no more."""
        if not account.promised and account.item.longest < math.inf:
            account.promised = True
            heapq.heappush(self._queue, (self.deadline(account), next(self._serial), account))

    def postpone(self, account: Candidate) -> None:
        """The first cannot be paid: not before the budget renews."""
        account.held = self._ends
        self._unpaid = True

    def _owed(self, account: Candidate, stretch: float) -> float:
        first = account.item.cost if account.new else 0.0
        return first + self._polls(account.item, account.asked, stretch)

    def _polls(self, item: Item, asked: float, stretch: float) -> float:
        every = longest(item, stretch)
        return item.cost * max(math.floor((self._ends - asked) / every), 0) if every < math.inf else 0.0
