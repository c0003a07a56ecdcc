"""Provider lag: how old a hint is when the provider first shows the change that it told of. Seconds.

The lag is taken to scatter around a middle (a logistic law), now and then to be anything. What is believed of
middle and scatter is a posterior over a grid, learnt from looks: the change was not there at one age of the
hint, and there at a later one. A hint that comes after the provider has the change has a lag below zero.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from functools import lru_cache
from itertools import accumulate, pairwise
from operator import mul
from typing import Any

from watcher.domain.records import Record

AGES = (
    0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 14.0, 17.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0, 75.0,
    90.0, 120.0, 150.0, 180.0, 240.0, 300.0, 420.0, 600.0,
)  # fmt: skip
"""Ages at which a look is made."""
MIDDLES = (-30.0, -8.0, *AGES[::2], 500.0)
SCATTERS = (0.02, 0.08, 0.25)
"""As shares of the middle, and never less than `LEAST`."""
LEAST = (0.5, 2.5, 6.0)
STRANGE = 0.06
"""Share of the looks that say nothing of the lag: an older change was found, or the provider stumbled."""
ANEW = 0.003
"""The chance, each look, that the provider has another lag from now on."""
UNKNOWN = (0.0, 5.0, 15.0, 30.0, 60.0, 120.0)
"""Ages of the looks while nothing is known."""
ENOUGH = 8
"""Changes after which something is."""
AT_ONCE = 0.9
"""Where so many changes are shown when the hint comes, no look waits: what is later is mostly strange."""
EARLY = 20
"""Each so many'th look is made at half the age: to learn of a provider that became faster."""


class Stakes(Record, frozen=True):
    """What looks at one hint cost and bring. Seconds of delay."""

    precision: float
    """The chance that it is true."""
    price: float
    """What a poll is worth."""
    worth: float
    """A look is worth a poll if the change is there and still hidden with a greater chance."""
    lost: float
    """How long a change waits that no look finds."""

    def alive(self, tail: float) -> float:
        """The chance that the hint is true and its change hidden still, if `tail` of all are hidden."""
        hidden = self.precision * tail
        return hidden / (hidden + 1 - self.precision) if self.precision < 1 else 1.0


def _below(age: float, middle: float, scatter: float) -> float:
    return 1 / (1 + math.exp(min(max((middle - age) / scatter, -60.0), 60.0)))


LAWS = tuple(
    (middle, max(share * abs(middle), least))
    for middle in MIDDLES
    for share, least in zip(SCATTERS, LEAST, strict=True)
)


@lru_cache(maxsize=512)
def _shares(age: float) -> tuple[float, ...]:
    """For each law the share of lags that are shorter than this age."""
    return tuple(_below(age, middle, scatter) for middle, scatter in LAWS)


def _anything(age: float) -> float:
    """The same where the lag may be anything."""
    return math.log1p(max(age, 0.0)) / math.log1p(AGES[-1])


class ProviderLag:
    """The belief, and which looks it makes worth a poll."""

    def __init__(self) -> None:
        self._odds = [1.0 / len(LAWS)] * len(LAWS)
        self._count = 0
        self._turn = 0
        self._shown: list[float] = []
        """The chance that the lag ends by each of the ages."""
        self._sums: list[float] = []
        """The same, each lag weighed with its length."""
        self._lay()

    def dump(self) -> list[Any]:
        """A JSON-able value; `load` restores it."""
        return [self._odds, self._count, self._turn]

    @classmethod
    def load(cls, value: list[Any]) -> ProviderLag:
        """The inverse of `dump`. ValueError or TypeError if `value` is not one."""
        odds, *counts = value
        found = cls()
        found._odds = [float(x) for x in odds]
        if len(found._odds) != len(LAWS) or not math.isclose(math.fsum(found._odds), 1.0, rel_tol=1e-6):
            raise ValueError("a belief of another shape")
        if min(found._odds) < 0 or not all(isinstance(each, int) for each in counts):
            raise ValueError("a belief that is none")
        found._count, found._turn = counts
        found._lay()
        return found

    def learn(self, hidden: float, shown: float) -> None:
        """A change was not shown yet at age `hidden` (-1: nobody looked), and was at age `shown`."""
        first = hidden < 0
        until = _shares(round(shown, 1))
        since = (0.0,) * len(LAWS) if first else _shares(round(hidden, 1))
        strange = 0.5 * first + 0.5 * max(_anything(shown) - (0.0 if first else _anything(hidden)), 0.0)
        odds = [
            odd * ((1 - STRANGE) * max(b - a, 0.0) + STRANGE * strange + 1e-6)
            for odd, a, b in zip(self._odds, since, until, strict=True)
        ]
        total = sum(odds)
        self._odds = [(1 - ANEW) * odd / total + ANEW / len(LAWS) for odd in odds]
        self._count += 1
        self._lay()

    def _lay(self) -> None:
        reached = [
            sum(odd * share for odd, share in zip(self._odds, _shares(age), strict=True)) for age in AGES
        ]
        reached = [
            (1 - STRANGE / 2) * x + STRANGE / 2 * _anything(age) for x, age in zip(reached, AGES, strict=True)
        ]
        steps = [reached[0], *(b - a for a, b in pairwise(reached))]
        steps[-1] += 1 - reached[-1]
        self._shown = list(accumulate(steps))
        self._sums = list(accumulate(map(mul, AGES, steps)))

    @property
    def known(self) -> bool:
        return self._count >= ENOUGH

    def tail(self, age: float) -> float:
        """The chance that a change is not shown yet at this age."""
        shown = bisect_right(AGES, age)
        return self._shown[-1] - (self._shown[shown - 1] if shown else 0.0)

    def quantile(self, share: float) -> float:
        """The age at which `share` of all changes are shown."""
        return AGES[min(bisect_left(self._shown, share), len(AGES) - 1)]

    def first(self, stakes: Stakes) -> float:
        """The age of the first look: the least expected wait, or none where changes are shown at once."""
        if not self.known or self.quantile(AT_ONCE) <= AGES[0]:
            return UNKNOWN[0]
        self._turn += 1
        again = self.quantile(0.95)
        best, least = 0.0, math.inf
        for place, age in enumerate(AGES):
            shown, waited = self._shown[place], self._sums[place]
            hidden = self._shown[-1] - shown
            wait = stakes.precision * (age * shown - waited)
            if stakes.alive(hidden) > stakes.worth:  # then there is a second look
                later = again if again > age + 1 else 2 * age + 5
                last = max(bisect_right(AGES, later) - 1, place)
                found = later * (self._shown[last] - shown) - (self._sums[last] - waited)
                wait += stakes.precision * (found + hidden * stakes.price)
                wait += (1 - stakes.precision) * stakes.price
            else:
                wait += stakes.precision * hidden * stakes.lost
            if wait < least:
                best, least = age, wait
        return best if self._turn % EARLY else best / 2

    def after(self, age: float) -> float | None:
        """The age of the next look, after one at `age` showed nothing; None: there is none."""
        if not self.known:
            return next((later for later in UNKNOWN if later > age + 1), None)
        most = self.quantile(0.95)
        return most if most > age + 1 else max(2 * age, age + 5.0)
