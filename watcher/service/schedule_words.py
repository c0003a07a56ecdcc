"""Schedule in words: what is said where not all can be kept that was set or promised."""

from __future__ import annotations

from datetime import UTC, datetime

from watcher.domain.credits.allowance import Allowance
from watcher.domain.scheduler import Budget, Scheduler
from watcher.domain.values.durations import span
from watcher.domain.values.formatting import moment
from watcher.service.schedule_items import DAY, calls_a_second

NOTED = 1.02
"""A stretch worth telling: a poll that had to be paid twice is none."""

SOME = 0.01
"""A share that is told as a number; less is told as less."""


def strain(
    scheduler: Scheduler, budget: Budget, allowance: Allowance, rate: float, ticks: float, now: datetime
) -> str:
    """One sentence without its end; empty if nothing is stretched or left out that is worth telling.

    `rate`: credits (or calls) a second that all that was set or promised costs. `ticks`: the share of
    the ticks that is kept.
    """
    plan = allowance.credits
    ways = [_stretched(scheduler, budget)] if scheduler.stretch > NOTED else []
    if ticks < 1 / NOTED:
        what = "cron lines and of sweeps" if plan is not None else "fixed intervals and cron lines"
        share = f"{ticks:.0%}" if ticks >= SOME else f"less than {SOME:.0%}"
        ways.append(f"{share} of the ticks of {what} are kept")
    if any(ways):
        ways.append(_starved(scheduler, budget))
    told = "; ".join(filter(None, ways))
    return (
        f"the intervals that were set or promised {_costs(budget, allowance, rate, now)}: {told}"
        if told
        else ""
    )


def _costs(budget: Budget, allowance: Allowance, rate: float, now: datetime) -> str:
    plan = allowance.credits
    needed, left = rate * budget.period, rate * (budget.ends - now.timestamp())
    whole = plan.limit if plan is not None else calls_a_second(allowance) * DAY
    unit = "credits" if plan is not None else "calls"
    if needed > whole:
        return f"cost {needed:,.0f} of {whole:,.0f} {unit} a {plan.period if plan is not None else 'day'}"
    return f"cost {left:,.0f} {unit} until {_ends(budget)}, more than are left"


def _stretched(scheduler: Scheduler, budget: Budget) -> str:
    """To what the longest interval that was set or promised is stretched; empty if there is none."""
    gaps = [row.worst_case for row in scheduler.forecast().rows if row.worst_case < float("inf")]
    if not gaps:
        return ""
    to = f"to {span(max(gaps))}" if max(gaps) <= budget.period else f"beyond {_ends(budget)}"
    return f"they are stretched evenly, the longest {to}"


def _starved(scheduler: Scheduler, budget: Budget) -> str:
    """Those on auto that no promise protects, and that will hardly be read; empty if there are none."""
    rows = scheduler.forecast().rows
    count = sum(row.worst_case == float("inf") and row.interval > budget.period for row in rows)
    return f"next to nothing is left for {count:,} on auto without at_least_every" if count else ""


def _ends(budget: Budget) -> str:
    return moment(datetime.fromtimestamp(budget.ends, UTC))
