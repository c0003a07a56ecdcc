"""Progress: spending what is left evenly over what is left of the period.

Progress grows with time at 1 / price, faster in busy hours; an account falls due when it has
grown by the account's base. So a new price moves every account at once and reorders none.
"""

from __future__ import annotations

import math

from watcher.domain.scheduler.change_rates import DAY, HOUR
from watcher.domain.scheduler.items import Budget, Candidate
from watcher.domain.scheduler.seasonality import Season
from watcher.domain.scheduler.shadow_price import Demand, Need

FASTEST = 1e9
LOOK_BACK = 1.5 * DAY


class Progress:
    """The price, and the progress that it makes of time."""

    def __init__(self, now: float, season: Season) -> None:
        self.season = season
        self.began = now
        self.again = now
        """When the price should be made again."""
        self.progress, self.since = 0.0, now
        """Progress at that time."""
        self.speed = 0.0
        """1 / price."""
        self.then = 0.0
        """The same in the next period, as far as known."""
        self._ends = math.inf
        self._demand = Demand()

    @property
    def price(self) -> float:
        """Seconds of interval for one of base; infinite if only promises can be paid."""
        return 1 / self.speed if self.speed > 0 else math.inf

    def at(self, now: float) -> float:
        """Progress now."""
        return self.progress + self.speed * self.season.between(self.since, now)

    def when(self, due: float) -> float:
        """When progress will have come as far as `due`; infinite if never."""
        missing = due - self.progress
        if self.speed > 0:
            time = self.season.after(self.since, missing / self.speed)
            if time <= self._ends:
                return time
        if self.then <= 0:
            return math.inf
        missing -= self.speed * self.season.between(self.since, self._ends)
        return self.season.after(self._ends, missing / self.then)

    def reprice(self, now: float, budget: Budget, remaining: float, owed: float) -> None:
        """Choose the speed at which `remaining` lasts until the period ends; `owed` of it is promised."""
        self.progress, self.since = self.at(now), now
        self.season.refresh(now)
        period, self._ends = budget.period, budget.ends
        left = max(budget.ends - now, min(HOUR / 4, period / 1000))
        self.again = now + min(max(period / 1000, 60.0), HOUR / 2, left / 4)
        rate = remaining / left
        if rate < 1.1 * self._demand.least:
            # hardly more than the promises take: what they leave, which depends on when each falls due
            rate = self._demand.least + max(remaining - owed, 0.0) / left
        self.speed = self._speed(min(rate, 4 * budget.pace))
        self.then = self._speed(budget.pace)

    def _speed(self, credits_a_second: float) -> float:
        price = self._demand.solve(credits_a_second) if credits_a_second > 0 else math.inf
        return min(1 / price, FASTEST) if price > 0 else FASTEST

    def memory(self, now: float, period: float) -> float:
        """How long the price looks back: a burst spends now, and the rest of the period saves for it."""
        return min(LOOK_BACK, period / 20, max(now - self.began, HOUR / 2) / 2)

    def clear(self) -> None:
        """Forget every account."""
        self._demand = Demand()

    def count(self, account: Candidate, longest: float) -> None:
        """Count `account`, as it is now and with this longest interval, in what the price depends on."""
        item = account.item
        if account.need is not None:
            self._demand.add(account.need, -1)
        account.need = Need(account.slow, item.cost, item.shortest, longest)
        self._demand.add(account.need)
