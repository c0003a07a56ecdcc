"""Forecast: what a schedule costs and how soon it sees a change, account by account."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from watcher.domain.records import Record, replace
from watcher.domain.scheduler import persistence
from watcher.domain.scheduler.change_rates import DAY, ChangeRates
from watcher.domain.scheduler.items import Budget, Item
from watcher.domain.scheduler.promises import Feasibility, feasibility, longest
from watcher.domain.scheduler.shadow_price import Need, interval, solve

LEAST_UNTOLD = 0.02
"""Share of an account's changes that is expected to go untold at least, whatever hints have told."""
UNSURE = 40.0
"""An 80 % range of the change rate wider than this factor is still being learnt."""


class ToldChanges(Record, frozen=True):
    """What hints are expected to tell of one account."""

    share: float
    """Of its changes, that some hint tells of."""
    true: float
    """Of these hints, that are true."""
    delay: float
    """Seconds from such a change to the poll that shows it."""

    def wait(self, interval: float) -> float:
        """How long a change waits on average; `interval`: seconds between two polls without a hint."""
        told = self.share * min(self.delay, interval / 2) if self.share else 0.0
        return told + (1 - self.share) * interval / 2

    def gathered(self, rate: float, interval: float) -> ToldChanges:
        """The same of an account that changes `rate` times a second, and is polled each `interval` seconds if
        no hint tells of it: what is told of one that changes all the time waits for that."""
        hot = heat(rate, interval, self.true) > 1
        return replace(self, delay=max(self.delay, interval / 2)) if hot else self

    def seen(self, interval: float, after: float) -> float:
        """The share of changes that are seen so many seconds after they came, or sooner."""
        return self.share * (self.delay <= after) + (1 - self.share) * min(1.0, after / interval)


def heat(rate: float, interval: float, precision: float) -> float:
    """How hot an account is: above 1 what hints tell of it is gathered for its interval, below that a hint is
    worth a poll at once. Between them: rate x interval = sqrt(2) x precision (decisions/push-hints.md)."""
    return rate * interval / max(math.sqrt(2) * precision, 1e-12)


NOTHING_TOLD = ToldChanges(0.0, 0.0, math.inf)


class AccountForecast(Record, frozen=True):
    """One account. Seconds, and credits a day."""

    key: str
    interval: float
    expected_delay: float
    """How long a change waits on average, however changes come: half the interval, or less if hints tell."""
    worst_case: float
    """What is promised, stretched if need be; may be infinite."""
    credits_a_day: float
    share: float
    """Of what all accounts of this forecast cost."""
    changes_a_day: float
    at_least: float
    """The 80 % range of the changes a day, with the next."""
    at_most: float
    polled: bool
    """Whether its own polls have told anything of that; else it is what all others are like."""
    why: str
    """`fixed`, `at its minimum`, `at its promise`, `learning`, `hot` or `quiet` (polled more or less
    often than an even spread would)."""

    @property
    def learnt(self) -> bool:
        """Whether it is known how often it changes, from its own polls."""
        return self.polled and not _unsure(self.at_least, self.at_most)


class Forecast(Record, frozen=True):
    """All accounts, and the sum of it. Seconds and credits."""

    rows: tuple[AccountForecast, ...]
    feasibility: Feasibility
    per_period: float
    """Credits that these intervals take in a period."""
    mean_delay: float
    """Of a change, weighted by the accounts' weights."""
    p95_delay: float
    account_delay: float
    """The mean over accounts, whether they change or not."""


def even(items: Sequence[Item], budget: Budget) -> float:
    """The one interval that the budget would buy for all. Infinite without credits."""
    cost = sum(item.cost for item in items)
    return cost / budget.pace if budget.pace > 0 else math.inf


def forecast(
    items: Sequence[Item],
    budget: Budget,
    rates: Sequence[tuple[float, float, float]],
    intervals: Sequence[float],
    feasible: Feasibility,
    evenly: float,
    polled: Sequence[bool],
    told: Mapping[str, ToldChanges] | None = None,
) -> Forecast:
    """The table for `items` with these rates (mean, 80 % range; a second) and intervals.

    `polled`: whether any poll has told something of the account's rate. `told`: what hints tell, by key.
    """
    a_day = [item.cost * DAY / x for item, x in zip(items, intervals, strict=True)]
    total = sum(a_day)
    hinted = [(told or {}).get(item.key, NOTHING_TOLD) for item in items]
    waits = [each.wait(x) for each, x in zip(hinted, intervals, strict=True)]
    rows = tuple(
        AccountForecast(
            key=item.key,
            interval=x,
            expected_delay=wait,
            worst_case=longest(item, feasible.stretch),
            credits_a_day=cost,
            share=cost / total if total else 0.0,
            changes_a_day=rate[0] * DAY,
            at_least=rate[1] * DAY,
            at_most=rate[2] * DAY,
            polled=seen,
            why=why(item, x, rate, feasible.stretch, evenly, polled=seen),
        )
        for item, x, wait, rate, cost, seen in zip(items, intervals, waits, rates, a_day, polled, strict=True)
    )
    values = [item.weight * rate[0] for item, rate in zip(items, rates, strict=True)]
    whole = sum(values)
    mean = sum(v * wait for v, wait in zip(values, waits, strict=True)) / whole if whole else 0.0
    return Forecast(
        rows=rows,
        feasibility=feasible,
        per_period=total * budget.period / DAY,
        mean_delay=mean,
        p95_delay=_quantile(values, intervals, hinted, 0.95),
        account_delay=sum(waits) / len(waits) if waits else 0.0,
    )


def why(
    item: Item, x: float, rate: tuple[float, float, float], stretch: float, evenly: float, *, polled: bool
) -> str:
    """In a word or two, why `item` is polled every `x` seconds."""
    if item.fixed is not None:
        return "fixed"
    if x >= longest(item, stretch) * 0.999:
        return "at its promise"
    if x <= item.shortest * 1.001:
        return "at its minimum"
    if not polled or _unsure(*rate[1:]):
        return "learning"
    return "hot" if x <= evenly else "quiet"


def plan(
    items: Sequence[Item],
    budget: Budget,
    *,
    state: Mapping[str, Any] | None = None,
    fairness: float = 1.0,
    told: Mapping[str, ToldChanges] | None = None,
    aside: float = 0.0,
) -> Forecast:
    """What `items` would cost and gain over a whole period of `budget`; nothing is polled.

    `state` is what `Scheduler.dump` returned, for what was learnt so far; without it, and for
    accounts it does not know, all are taken to change alike. `told`: what hints tell, by key; `aside`:
    credits a second that polls upon hints take.
    """
    evenly = even(items, budget)
    kept = persistence.load(state)
    shared = ChangeRates(kept.scale or persistence.scale(evenly), kept.population)
    known = [kept.account(item, 0.0, fairness) for item in items]
    rates = [
        (account.rate if account else shared.prior(), *shared.span(account.belief if account else None))
        for account in known
    ]
    told, hints = told or {}, min(aside, budget.pace / 2)
    untold = [max(1 - told[item.key].share, LEAST_UNTOLD) if item.key in told else 1.0 for item in items]
    feasible = feasibility(items, budget.limit, budget.period)
    if not feasible.fits and hints:
        feasible = feasibility(items, budget.limit - hints * budget.period, budget.period)
    needs = [
        Need(
            item.base(rate[0] ** (fairness / 2), share),
            item.cost,
            item.shortest,
            longest(item, feasible.stretch),
        )
        for item, rate, share in zip(items, rates, untold, strict=True)
    ]
    price = solve(needs, budget.pace - hints) if needs else 0.0
    intervals = [interval(need, price) for need in needs]
    polled = [account is not None and account.belief is not None for account in known]
    alone = [
        replace(need, base=need.base * math.sqrt(share), shortest=min(item.min_every, need.longest))
        for item, need, share in zip(items, needs, untold, strict=True)
    ]
    told = _gathered(told, items, rates, [interval(need, price) for need in alone])
    return forecast(items, budget, rates, intervals, feasible, evenly, polled, told)


def _gathered(
    told: Mapping[str, ToldChanges],
    items: Sequence[Item],
    rates: Sequence[tuple[float, float, float]],
    usual: Sequence[float],
) -> dict[str, ToldChanges]:
    """`usual`: seconds between two polls of each if no hint told of it."""
    return {
        item.key: told[item.key].gathered(rate[0], x)
        for item, rate, x in zip(items, rates, usual, strict=True)
        if item.key in told
    }


def _unsure(at_least: float, at_most: float) -> bool:
    return at_most > UNSURE * at_least


def _quantile(
    values: Sequence[float], intervals: Sequence[float], told: Sequence[ToldChanges], share: float
) -> float:
    """The delay that `share` of all changes stay below: of what no hint tells each waits anything up to its
    interval."""
    low, high = 0.0, max((x for x in intervals if x < math.inf), default=0.0)
    for _ in range(40):
        middle = (low + high) / 2
        seen = sum(v * each.seen(x, middle) for v, x, each in zip(values, intervals, told, strict=True))
        low, high = (middle, high) if seen < share * sum(values) else (low, middle)
    return high
