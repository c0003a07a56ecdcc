"""Scheduler: how often each account is polled, so that the credits see as much as they can.

    scheduler = Scheduler(items, Budget(limit, remaining, ends), now, state=...)
    time, key = scheduler.due(now)        # what next, and when
    scheduler.take(key, now)              # it is on its way
    scheduler.observe(key, now, changed)  # one bit: changed since the last poll, or not
    scheduler.set_budget(budget, now)     # what the ledger says

The mean delay of changes is least when account i is polled every k sqrt(c / (w l)) seconds, with
cost c, weight w and change rate l, within its limits, and k such that the credits last until the
period ends. Rates are learnt from the bits.
"""

from watcher.domain.scheduler.change_rates import Evidence
from watcher.domain.scheduler.forecast import LEAST_UNTOLD, AccountForecast, Forecast, ToldChanges, heat, plan
from watcher.domain.scheduler.items import Budget, Item
from watcher.domain.scheduler.promises import PATIENCE, Feasibility, feasibility
from watcher.domain.scheduler.scheduler import GOLDEN, Scheduler

__all__ = [
    "GOLDEN",
    "LEAST_UNTOLD",
    "PATIENCE",
    "AccountForecast",
    "Budget",
    "Evidence",
    "Feasibility",
    "Forecast",
    "Item",
    "Scheduler",
    "ToldChanges",
    "feasibility",
    "heat",
    "plan",
]
