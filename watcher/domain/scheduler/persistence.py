"""Persistence: what the schedule has learnt, as a JSON-able value: about 800 bytes an account."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from watcher.domain.scheduler.change_rates import DAY, SIZE, ChangeRates, RatePosterior
from watcher.domain.scheduler.items import Candidate, Item
from watcher.domain.scheduler.progress import Progress
from watcher.domain.scheduler.seasonality import Season

VERSION = 1


def scale(even: float) -> float:
    """The interval of an even spread, in bounds that a prior can be built on."""
    return min(max(even, 1.0), 30 * DAY)


def dump(
    accounts: Iterable[Candidate], rates: ChangeRates, pace: Progress, fairness: float
) -> dict[str, Any]:
    """The inverse of `load`."""
    return {**head(rates, pace, fairness), "accounts": known(accounts)}


def head(rates: ChangeRates, pace: Progress, fairness: float) -> dict[str, Any]:
    """What the accounts share."""
    return {
        "version": VERSION,
        "fairness": fairness,
        "scale": rates.scale,
        "population": rates.population,
        "season": pace.season.dump(),
        "pace": [pace.began, pace.since, pace.progress, pace.speed, pace.then],
    }


def known(accounts: Iterable[Candidate]) -> dict[str, list[Any]]:
    """What is known of these accounts. `due` is counted in the progress of the pace, which only goes on:
    accounts that are dumped a little later than the head fit to it."""
    return {account.item.key: _dump(account) for account in accounts}


def _dump(account: Candidate) -> list[Any]:
    belief = account.belief.dump() if account.belief is not None else None
    times = [account.seen, account.asked, account.due]
    kept = [*times, account.failures, account.rate, account.root, account.slow, belief]
    return kept if account.untold == 1.0 else [*kept, account.untold]


class SchedulerState:
    """A dump, opened."""

    def __init__(self, value: Mapping[str, Any]) -> None:
        self.scale = float(value["scale"]) if value else None
        self.population = [float(x) for x in value["population"]] if value else None
        self.season = Season(value["season"]) if value else Season()
        self.known: Mapping[str, list[Any]] = value["accounts"] if value else {}
        self._fairness = float(value["fairness"]) if value else 1.0
        self._pace = [float(x) for x in value["pace"]] if value else []
        if self.population is not None and len(self.population) != SIZE:
            raise ValueError("a cadence state of another shape")

    def pace(self, now: float) -> Progress:
        """The pace as it was; time since then counts as progress."""
        pace = Progress(now, self.season)
        if self._pace:
            pace.began, pace.since, pace.progress, pace.speed, pace.then = self._pace
            pace.began, pace.since = min(pace.began, now), min(pace.since, now)
        return pace

    def account(self, item: Item, now: float, fairness: float) -> Candidate | None:
        """The account of `item`, if it was on the list."""
        if item.key not in self.known:
            return None
        seen, asked, due, failures, rate, root, slow, belief, *untold = self.known[item.key]
        present = float(rate) ** (fairness / 2)
        account = Candidate(item, min(float(seen), now), float(rate), present)
        account.asked, account.failures, account.due = min(float(asked), now), int(failures), float(due)
        account.belief = RatePosterior.load(belief) if belief is not None else None
        if math.isclose(fairness, self._fairness):
            account.root, account.slow = float(root), float(slow)
        for share in untold:  # as if no hint told of it, until whoever trusts hints says so again
            account.due += item.base(present) - item.base(present, float(share))
            account.slow *= math.sqrt(float(share))
        return account


def load(value: Mapping[str, Any] | None) -> SchedulerState:
    """Open what `dump` returned; None: nothing is known.

    A state of another version, or a damaged one, is ValueError, KeyError or TypeError: better
    to learn anew than to trust it.
    """
    if value is not None and value.get("version") != VERSION:
        raise ValueError(f"a cadence state of version {value.get('version')!r}, not {VERSION}")
    return SchedulerState(value or {})
