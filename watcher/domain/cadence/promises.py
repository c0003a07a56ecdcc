"""What is still owed before the budget renews, and how far promises stretch when it is too little.

An account polled at `last` with a longest interval of M seconds has to be polled
floor((end - last) / M) more times before `end`. As long as the credits left cover that sum,
no promise can break: a poll that is due by promise takes from both sides alike, and an early
one is made only if the sum stays covered.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

PATIENCE = 4.0
"""Fixed intervals are charged first: they give way only when promises are stretched this far."""


@dataclass(frozen=True, slots=True)
class Feasibility:
    """Whether the promises (fixed intervals among them) fit. Credits a period."""

    needed: float
    allowed: float
    stretch: float
    """1 if they fit; else promises are kept this many times more slowly."""
    drop: int
    """The fewest accounts without which they would fit."""

    @property
    def fits(self) -> bool:
        return self.needed <= self.allowed


def stretched(longest: float, stretch: float, *, fixed: bool) -> float:
    """A promise, or a fixed interval, under `stretch` (1 or more)."""
    return longest * (max(1.0, stretch / PATIENCE) if fixed else stretch)


def feasibility(promises: Iterable[tuple[float, float, bool]], allowed: float, period: float) -> Feasibility:
    """Of (cost, longest interval, fixed) and the credits `allowed` in `period` seconds."""
    promises = list(promises)
    costs = sorted((cost * period / longest for cost, longest, _ in promises), reverse=True)
    needed = sum(costs)
    over, drop = needed - allowed, 0
    while over > 1e-9 * needed and drop < len(costs):
        over -= costs[drop]
        drop += 1

    def spend(stretch: float) -> float:
        return sum(cost * period / stretched(longest, stretch, fixed=fixed) for cost, longest, fixed in promises)

    return Feasibility(needed, allowed, least_stretch(spend, allowed), drop)


def least_stretch(spend: Callable[[float], float], allowed: float) -> float:
    """The smallest factor, 1 or more, at which `spend` (falling) is at most `allowed`."""
    if spend(1.0) <= allowed:
        return 1.0
    if allowed <= 0:
        return math.inf
    low, high = 1.0, 2.0
    while spend(high) > allowed:
        if high > 1e9:
            return math.inf
        low, high = high, high * 2
    for _ in range(24):
        middle = (low + high) / 2
        if spend(middle) > allowed:
            low = middle
        else:
            high = middle
    return high
