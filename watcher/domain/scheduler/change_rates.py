"""Change rates: how often an account changes, learnt from one bit a poll.

A Bayes filter over log-spaced change rates, for each of a few *hazards* (how often the rate
itself jumps: hours, a day, months). Between polls some belief leaks to what the account has
mostly been like; the bit is then weighed with 1 - exp(-rate x time) or exp(-rate x time).
The hazards are mixed by how well each predicted the bits, so a burst is followed at once and
a steady account is averaged for months. What accounts have in common (the population) is the
prior of every new one. Rates are changes a second, times seconds.
"""

from __future__ import annotations

import math
from array import array
from base64 import b64decode, b64encode
from bisect import bisect_left
from enum import Enum
from itertools import accumulate
from operator import mul
from typing import NamedTuple

HOUR, DAY = 3600.0, 86400.0

GRID = tuple(0.003 * 500_000.0 ** (k / 31) / DAY for k in range(32))
HAZARDS = (1 / (4 * HOUR), 1 / (2 * DAY), 1 / (100 * DAY))
SIZE, BRANCHES = len(GRID), len(HAZARDS)

OWN = DAY
"""Polled time after which an account's own history counts as much as the population's."""
POPULATION = 0.25 * DAY
"""The same, for what one account contributes to the population."""
MEMORY = 45 * DAY
"""An account's own history fades with this time constant."""
FLATTEN = 0.98
"""Old evidence between hazards fades by this exponent a poll, so that they can trade places."""

FLOAT = "f"
"""Beliefs are kept in single precision: half a kilobyte an account."""
TINY = 1e-300


class Evidence(Enum):
    """What the time of a poll says of the change rate, beside whether it found a change."""

    BIT = "bit"
    """Nothing: it was chosen without knowing of a change."""
    EVENT = "event"
    """It was the change's own: a hint told of it, and there was none before."""
    NONE = "none"
    """The poll was too early to count: what it would tell of may be hidden still."""


class RatePosterior:
    """What is known of one account: a posterior per hazard, their weights, and its history."""

    __slots__ = ("cells", "history", "polled", "weights")

    def __init__(
        self, cells: array[float], weights: tuple[float, ...], history: array[float], polled: float
    ) -> None:
        self.cells = cells
        """BRANCHES x SIZE probabilities."""
        self.weights = weights
        self.history = history
        """Seconds spent at each rate, fading; `polled` is their sum."""
        self.polled = polled

    def dump(self) -> list[object]:
        """A small JSON-able value; `load` restores it exactly."""
        packed = [b64encode(part.tobytes()).decode() for part in (self.cells, self.history)]
        return [*packed, list(self.weights), self.polled]

    @classmethod
    def load(cls, value: list[object]) -> RatePosterior:
        """The inverse of `dump`. ValueError or TypeError if `value` is not one."""
        cells, history = array(FLOAT), array(FLOAT)
        cells.frombytes(b64decode(str(value[0]), validate=True))
        history.frombytes(b64decode(str(value[1]), validate=True))
        weights = tuple(float(x) for x in value[2])  # type: ignore[attr-defined]
        if (len(cells), len(history), len(weights)) != (BRANCHES * SIZE, SIZE, BRANCHES):
            raise ValueError("a belief of another shape")
        return cls(cells, weights, history, float(value[3]))  # type: ignore[arg-type]


class Before(NamedTuple):
    """The belief about one account as numbers to count with."""

    own: list[float]
    """Odds of each rate, to which a jump leads: what the account has mostly been like."""
    branches: list[list[float]]
    """Odds of each rate, for each hazard."""
    weights: tuple[float, ...]
    history: list[float]
    polled: float


class ChangeRates:
    """The filter, and the population that all accounts of one watch list share.

    `scale` is the interval that an even spread of the budget buys: rates far beyond what one
    could see at that pace are thought unlikely until seen.
    """

    def __init__(self, scale: float, population: list[float] | None = None) -> None:
        self.scale = scale
        flat = [math.exp(-rate * scale * 0.3) for rate in GRID]
        total = sum(flat)
        self._flat = [x / SIZE for x in flat]
        self.population = population or [x / total for x in flat]
        self._shares = [0.0] * SIZE
        """Sum over accounts of history / (polled + POPULATION): see `pool`."""
        self._unknown = 0.0
        """Sum over accounts of POPULATION / (polled + POPULATION)."""

    def prior(self) -> float:
        """Mean rate of an account nothing is known of."""
        return float(sum(map(mul, self.population, GRID)))

    def span(self, belief: RatePosterior | None) -> tuple[float, float]:
        """The 80 % range of an account's rate."""
        odds = self.population
        if belief is not None:
            odds = [0.0] * SIZE
            for k, weight in enumerate(belief.weights):
                cells = belief.cells[k * SIZE : (k + 1) * SIZE]
                odds = [p + weight * q for p, q in zip(odds, cells, strict=True)]
        reached = list(accumulate(odds))
        low, high = (bisect_left(reached, share * reached[-1]) for share in (0.1, 0.9))
        return GRID[low], GRID[min(high, SIZE - 1)]

    def chance(self, belief: RatePosterior | None, exposure: float) -> float:
        """The chance that an account has changed after so much seasonal time."""
        fits = [math.exp(-rate * exposure) for rate in GRID]
        _own, branches, weights, _history, _polled = self._before(belief)
        unchanged = 0.0
        for weight, cells in zip(weights, branches, strict=True):
            unchanged += weight * sum(map(mul, cells, fits))
        return min(max(1 - unchanged, 0.0), 1.0)

    def count(self, belief: RatePosterior | None, sign: int = 1) -> None:
        """Count an account into the population (or out of it, with sign -1)."""
        if belief is None:
            self._unknown += sign
            return
        share = sign / (belief.polled + POPULATION)
        self._shares = [a + b * share for a, b in zip(self._shares, belief.history, strict=True)]
        self._unknown += POPULATION * share

    def pool(self, accounts: int) -> None:
        """Refresh the population from its members; a tenth of it stays flat, for surprises."""
        if not accounts:
            return
        keep = 0.9 / accounts
        mixed = [
            keep * (share + p * self._unknown) + 0.1 * flat
            for share, p, flat in zip(self._shares, self.population, self._flat, strict=True)
        ]
        total = sum(mixed)
        self.population = [max(x, 0.0) / total for x in mixed]

    def update(
        self,
        belief: RatePosterior | None,
        elapsed: float,
        exposure: float,
        *,
        changed: bool,
        event: bool = False,
    ) -> tuple[RatePosterior, float]:
        """The belief after a poll, and the mean rate it implies.

        `elapsed` since the last good poll; `exposure` is the same in seasonal time (an hour in
        which everybody is busy counts for more). `event`: the change came just before the poll.
        """
        self.count(belief, -1)
        own, branches, weights, history, polled = self._before(belief)
        exp = math.exp
        fits = [exp(-rate * exposure) for rate in GRID]
        if changed and event:
            fits = [rate * exposure * fit for rate, fit in zip(GRID, fits, strict=True)]
        elif changed:
            fits = [1 - fit for fit in fits]
        moved: list[float] = []
        joints: list[list[float]] = []
        chances: list[float] = []
        scores: list[float] = []
        means: list[float] = []
        for hazard, cells, weight in zip(HAZARDS, branches, weights, strict=True):
            # jumps happen half before the bit, half after it: the next poll starts from the latter
            keep = exp(-hazard * elapsed / 2)
            leak = 1 - keep
            joint = [(p * keep + o * leak) * fit for p, o, fit in zip(cells, own, fits, strict=True)]
            seen = sum(joint) or TINY
            chances.append(seen)
            scale = keep / seen
            after = [j * scale + o * leak for j, o in zip(joint, own, strict=True)]
            joints.append(joint)
            scores.append(weight**FLATTEN * max(seen, 1e-12))
            means.append(sum(map(mul, after, GRID)))
            moved += after
        total = sum(scores)
        weights = tuple(score / total * 0.99 + 0.01 / BRANCHES for score in scores)
        fade = exp(-elapsed / MEMORY)
        history = [h * fade for h in history]
        for weight, seen, joint in zip(weights, chances, joints, strict=True):
            share = weight * elapsed / seen
            history = [h + share * p for h, p in zip(history, joint, strict=True)]
        new = RatePosterior(array(FLOAT, moved), weights, array(FLOAT, history), polled * fade + elapsed)
        self.count(new)
        return new, float(sum(map(mul, weights, means)))

    def _before(self, belief: RatePosterior | None) -> Before:
        """What is believed of an account before a poll; of an unknown one, what all are like."""
        population = self.population
        if belief is None:
            weights = (1 / BRANCHES,) * BRANCHES
            return Before(population, [population] * BRANCHES, weights, [0.0] * SIZE, 0.0)
        history, cells = belief.history.tolist(), belief.cells.tolist()
        share = 1 / (OWN + belief.polled)
        own = [(p * OWN + h) * share for p, h in zip(population, history, strict=True)]
        branches = [cells[k : k + SIZE] for k in range(0, BRANCHES * SIZE, SIZE)]
        return Before(own, branches, belief.weights, history, belief.polled)
