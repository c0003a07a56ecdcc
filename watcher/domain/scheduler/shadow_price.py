"""Shadow price, found by water-filling: which intervals a rate of spending buys.

An account of cost c, weight w and change rate l has the *base* b = sqrt(c / w) / l^(a/2) (`Item.base`). At
price k it is polled every clip(k x b, shortest, longest): the square-root law, which minimises
the weighted mean delay of changes (a = 1). One k for all, such that the spending fits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from watcher.domain.records import Record

STEPS = 12
"""Prices are kept in steps of e^(1/12), about 9 %; between two steps the solution is exact
but for the accounts that reach a limit there."""


class Need(Record, frozen=True):
    """One account in the eyes of the price. Seconds and credits."""

    base: float
    cost: float
    shortest: float
    longest: float
    """May be infinite."""


def interval(need: Need, price: float) -> float:
    """What `price` makes of one account."""
    return min(max(price * need.base, need.shortest), need.longest)


def spending(needs: Sequence[Need], price: float) -> float:
    """Credits a second at `price`."""
    return sum(need.cost / interval(need, price) for need in needs)


def solve(needs: Sequence[Need], rate: float) -> float:
    """The price at which `needs` spend `rate` credits a second, exactly.

    0 if even the shortest intervals are affordable, infinite if not even the longest are.
    """
    if spending(needs, 0.0) <= rate:
        return 0.0
    if sum(need.cost / need.longest for need in needs) >= rate:
        return math.inf
    low = math.log(min(need.shortest / need.base for need in needs))
    high = low + 1.0
    while spending(needs, math.exp(high)) > rate:
        high += 4.0
    for _ in range(60):
        middle = (low + high) / 2
        if spending(needs, math.exp(middle)) > rate:
            low = middle
        else:
            high = middle
    return math.exp(high)


class Demand:
    """The sum of many needs as a function of the price, kept up to date one account at a time.

    Adding and removing cost O(1) and solving does not depend on the number of accounts: the
    prices at which an account leaves its shortest interval and reaches its longest are kept
    in steps, with what they change about the total.
    """

    def __init__(self) -> None:
        self._at_shortest = 0.0
        self.least = 0.0
        """Credits a second if all were at their longest intervals."""
        self._steps: dict[int, list[float]] = {}

    def add(self, need: Need, sign: int = 1) -> None:
        """Count `need` in (or out, with sign -1)."""
        cost, slope = sign * need.cost, sign * need.cost / need.base
        self._at_shortest += cost / need.shortest
        self.least += cost / need.longest
        self._change(need.shortest / need.base, -cost / need.shortest, slope)
        if need.longest < math.inf:
            self._change(need.longest / need.base, cost / need.longest, -slope)

    def _change(self, price: float, constant: float, slope: float) -> None:
        step = self._steps.setdefault(math.ceil(math.log(price) * STEPS), [0.0, 0.0])
        step[0] += constant
        step[1] += slope

    def solve(self, rate: float) -> float:
        """As the function `solve`."""
        constant, slope, before = self._at_shortest, 0.0, 0.0
        if constant <= rate:
            return 0.0
        for key in sorted(self._steps):
            edge = math.exp(key / STEPS)
            if constant + slope / edge <= rate:
                return min(max(slope / max(rate - constant, 1e-300), before), edge)
            constant += self._steps[key][0]
            slope += self._steps[key][1]
            before = edge
            if constant + slope / edge <= rate:
                return edge
        if constant >= rate * (1 - 1e-9):
            return math.inf
        return max(slope / (rate - constant), before)
