"""A desk whose accounts are as they are said to be, and a world of changes, hints and polls."""

from __future__ import annotations

import heapq
import math
import random
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from watcher.domain.hints.desk import HintDesk, Market
from watcher.domain.hints.scheduler import HintedScheduler
from watcher.domain.scheduler import Budget, Item

HOUR, DAY = 3600.0, 86400.0
START = 1_735_689_600.0
MONTH = 30 * DAY


def desk(
    *keys: str, interval: float = HOUR, rate: float = 1 / DAY, chance: float = 0.0, sources: str = "push"
) -> HintDesk:
    """One whose schedule says the same of each account."""
    market = Market(lambda _key: interval, lambda _key: rate, lambda _key, _since, _until: chance)
    made = HintDesk({key: sources.split() for key in keys or ("a",)}, market, START)
    for account in made.accounts.values():
        account.last = START - DAY
    return made


def knowing(made: HintDesk, *lags: float, source: str = "push") -> HintDesk:
    """The same, having seen changes of this provider lag: found there at this age, and not 2 s before."""
    for lag in lags or (15.0,) * 30:
        made.lag[source].learn(lag - 2, lag)
    return made


def poll(made: HintDesk, now: float, *, changed: bool, took: float = 0.0) -> str:
    """Poll who is due for a hint; answered after so many seconds."""
    due = made.due(now)
    assert due is not None
    assert due[0] == now
    made.take(due[1], now, by_hint=True)
    made.observe(due[1], now, now + took, changed=changed, by_hint=True)
    return due[1]


def looks(made: HintDesk, key: str = "a", most: int = 20) -> list[float]:
    """The ages of the looks after one hint that is told now, and that comes to nothing."""
    ages: list[float] = []
    made.hint(key, "push", START)
    while (due := made.due(START)) is not None and len(ages) < most:
        poll(made, due[0], changed=False)
        ages.append(due[0] - START)
    return ages


def items(
    count: int = 10, cost: float = 40, *, ticked: bool = False, promise: float = math.inf
) -> list[Item]:
    return [
        Item(f"w{number}", cost, min_every=300, at_least_every=promise, ticked=ticked)
        for number in range(count)
    ]


def budget(credits_a_day: float, days: float = 30) -> Budget:
    limit = credits_a_day * days
    return Budget(limit, limit, START + days * DAY, days * DAY)


def scheduler(
    watched: Sequence[Item],
    money: Budget,
    *,
    coverage: Mapping[str, Sequence[str]] | None = None,
    waste: float = 0.4,
    new: bool = False,
    hints: Mapping[str, Any] | None = None,
    state: Mapping[str, Any] | None = None,
) -> HintedScheduler:
    """One whose accounts were all read at the start, unless they are new; `push` tells of each."""
    return HintedScheduler(
        watched,
        money,
        START,
        coverage={item.key: ["push"] for item in watched} if coverage is None else coverage,
        waste=waste,
        seen=None if new else {item.key: START for item in watched},
        hints=hints,
        state=state,
    )


@dataclass
class World:
    """Changes at random, what is told of them, and what the polls find."""

    watched: Sequence[Item]
    money: Budget
    days: float
    changes: float = 1.0
    """Of each account, a day."""
    told: Callable[[str], float] = lambda _key: 1.0
    """The share of them that is told."""
    lies: Callable[[str], float] = lambda _key: 0.0
    """False hints, a day."""
    lag: float = 15.0
    """Seconds until the provider shows a change."""
    late: tuple[float, float] = (2.0, 10.0)
    """Seconds until it is told."""
    waste: float = 0.4
    seed: int = 1
    polls: list[tuple[float, str, bool, bool]] = field(default_factory=list)
    """When, of which account, whether a hint was the cause, whether it found a change."""

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.end = START + self.days * DAY
        self.shown = {item.key: self._times(self.changes) for item in self.watched}
        self.hints: list[tuple[float, str]] = []
        for item in self.watched:
            for at in self.shown[item.key]:
                if self.rng.random() < self.told(item.key):
                    self.hints.append((at + self.rng.uniform(*self.late), item.key))
            self.hints += [(at, item.key) for at in self._times(self.lies(item.key))]
        heapq.heapify(self.hints)
        self.made = scheduler(self.watched, self.money, waste=self.waste)
        self.last = {item.key: START for item in self.watched}
        self.cost = {item.key: item.cost for item in self.watched}
        self.spent = self.barren = 0.0

    def _times(self, a_day: float) -> list[float]:
        times, at = [], START
        while a_day > 0 and (at := at + self.rng.expovariate(a_day / DAY)) < self.end:
            times.append(at)
        return times

    def run(self, until: float | None = None) -> HintedScheduler:
        """Poll as told until that time."""
        until, now = self.end if until is None else until, START if not self.polls else self.polls[-1][0]
        while True:
            due = self.made.due(now)
            if self.hints and (due is None or self.hints[0][0] <= due[0]):
                told, key = heapq.heappop(self.hints)
                now = max(now, told)
                if told >= until:
                    return self.made
                self.made.hint(key, "push", now)
                continue
            if due is None or due[0] >= until:
                return self.made
            now, key = due
            by_hint = self.made.hinted(key)
            self.made.take(key, now)
            seen = self.shown[key]
            changed = bisect_right(seen, now - self.lag) > bisect_right(seen, self.last[key] - self.lag)
            self.last[key] = now
            self.made.observe(key, now, changed)
            self.spent += self.cost[key]
            self.polls.append((now, key, by_hint, changed))

    def delays(self) -> list[float]:
        """Of each change that was found, from when it happened."""
        found = {key: [at for at, who, _, _ in self.polls if who == key] for key in self.shown}
        delays = []
        for key, times in self.shown.items():
            for at in times:
                after = bisect_right(found[key], at + self.lag)
                if after < len(found[key]):
                    delays.append(found[key][after] - at)
        return sorted(delays)
