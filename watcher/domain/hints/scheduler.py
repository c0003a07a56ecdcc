"""Hinted scheduler: the schedule, and beside it the polls that hints call for, paid out of the same credits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from watcher.domain.hints.desk import HintDesk, Market
from watcher.domain.hints.waste import WasteBucket
from watcher.domain.scheduler import Budget, Item, Scheduler

DAY = 86400.0
AFRESH = 300.0
"""What hints take is counted into the schedule's plan so often."""


class HintedScheduler(Scheduler):
    """A schedule that is told by hints, too."""

    def __init__(
        self,
        items: Sequence[Item],
        budget: Budget,
        now: float,
        *,
        coverage: Mapping[str, Sequence[str]],
        waste: float,
        state: Mapping[str, Any] | None = None,
        seen: Mapping[str, float] | None = None,
        fairness: float = 1.0,
    ) -> None:
        super().__init__(items, budget, now, state=state, seen=seen, fairness=fairness)
        market = Market(self.ordinary, lambda key: self._known[key].rate, self.chance)
        self.desk = HintDesk(coverage, market, now)
        self._waste = WasteBucket(waste, now)
        self._costs = {item.key: item.cost for item in items}
        self._most = max(self._costs.values(), default=0.0)
        self._waste.pace(budget.pace, self._most)
        self._began = self._afresh = now
        self._taken, self._faded = 0.0, now
        """Credits that hint polls took, fading over a day; as of that time."""
        self._chosen: str | None = None
        self._by_hint: dict[str, float] = {}
        self._missed = dict.fromkeys(self.desk.trust, 1.0)
        """The share of changes that each source does not tell of, as the schedule took it last."""

    def hint(self, key: str, by: str, now: float) -> None:
        self.desk.hint(key, by, now)

    def due(self, now: float) -> tuple[float, str] | None:
        if now - self._afresh >= AFRESH:
            self._afresh = now
            self._listen()
            self.put_aside(self._pace_of_hints(now), now)
        found = super().due(now)
        self._chosen = None
        while (hinted := self.desk.due(now)) is not None and (found is None or hinted[0] <= found[0]):
            time, key = hinted
            account = self.desk.accounts[key]
            usual = account.last + self.ordinary(key)
            if self.affords(key, time) and (time >= usual or self._waste.affords(self._costs[key], time)):
                break
            self.desk.postpone(key, max(usual, time + 60.0))
        if hinted is not None and (found is None or hinted[0] <= found[0]):
            self._chosen = hinted[1]
            return hinted
        return found

    def hinted(self, key: str) -> bool:
        return self._chosen == key

    def take(self, key: str, now: float) -> None:
        if self._chosen == key:
            self._chosen = None
            self.desk.take(key, now)
            self._by_hint[key] = now
            self._fade(now)
            self._taken += self._costs[key]
        super().take(key, now)

    def observe(self, key, now, changed, *, charged=True, evidence=None) -> None:  # type: ignore[no-untyped-def,override]
        if key not in self._known:
            return
        by_hint = key in self._by_hint
        asked = self._by_hint.pop(key, now)
        account = self.desk.accounts.get(key)
        before, usual = account.last if account else 0.0, self.ordinary(key)
        how = self.desk.observe(key, asked, changed, by_hint=by_hint)
        if by_hint and changed is False:
            early = 1 - min((asked - before) / usual, 1.0)
            self._waste.take(self._costs[key] * early, now)
        super().observe(key, now, changed, charged=charged, evidence=how)
        if account is not None and changed is not None:
            self.trust(key, self.desk.untold(key))

    def set_budget(self, budget: Budget, now: float) -> None:
        self._waste.pace(budget.pace, self._most)
        super().set_budget(budget, now)

    def _listen(self) -> None:
        for name, trust in self.desk.trust.items():
            missed = 1.0 if trust.silent else 1 - trust.recall
            if not math.isclose(missed, self._missed[name], rel_tol=0.1):
                self._missed[name] = missed
                for key, account in self.desk.accounts.items():
                    if name in account.sources:
                        self.trust(key, self.desk.untold(key))

    def _fade(self, now: float) -> None:
        self._taken *= math.exp(-(now - self._faded) / DAY)
        self._faded = now

    def _pace_of_hints(self, now: float) -> float:
        self._fade(now)
        known = DAY * -math.expm1(-(max(now - self._began, 3600.0)) / DAY)
        return self._taken / known
