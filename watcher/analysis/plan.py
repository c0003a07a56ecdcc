"""What a configuration will cost, how soon it will see a change, and what cannot fit."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from watcher.config.cadences import cadences, calls_of, fairness_of, rates_pace, sweeps, swept
from watcher.config.settings import Settings
from watcher.config.wallets import discovery_of
from watcher.domain import scheduler
from watcher.domain.model import Account
from watcher.domain.records import Record, replace
from watcher.domain.scheduler import Budget, Forecast, Item
from watcher.domain.values.durations import span
from watcher.ports.hints import HintTally
from watcher.ports.source import Source
from watcher.service.learnt import FACT
from watcher.service.schedule_items import call_budget, credit_budget, key_of

if TYPE_CHECKING:
    from watcher.domain.hints.expectation import HintExpectation

DAY = 86400.0
NEW = "(new)"
"""The wallet of an account that is only supposed."""


class Supposed(Record, frozen=True):
    """A configuration other than the one that is: what if?"""

    credits: int | None = None
    """Credits a period, instead of those of each source that sells credits."""
    add: int = 0
    """So many more accounts on `auto`, as dear as the average one."""
    at_least_every: timedelta | None = None
    """A promise for every account on `auto`."""


class PlanLine(Record, frozen=True):
    """One account of a plan. `account` is None for one that is supposed."""

    wallet: str
    chain: str
    account: Account | None
    item: Item
    credits: int
    """Credits a poll; 0 where calls are what is scarce."""
    hints: HintExpectation | None = None
    """What hints are expected to tell of it; None: there are none about it."""


class SourcePlan(Record, frozen=True):
    """What one source's accounts cost and gain. `limit` and `spent` are credits (or calls) a period."""

    source: str
    unit: str
    """`credits` or `calls`."""
    period: str
    limit: float
    spent: int
    sweeps: float
    """Credits a period for looking at all chains (`discover`); not in the budget of the accounts."""
    budget: Budget
    lines: tuple[PlanLine, ...]
    forecast: Forecast
    now: datetime
    advice: tuple[str, ...] = ()
    """What would be cheaper."""
    rates: float = 0.0
    """Credits a period for exchange rates; not in the budget of the accounts either."""
    hinted: float = 0.0
    """Credits (or calls) a period that polls upon hints take at the pace of the last day."""

    @property
    def fits(self) -> bool:
        """Whether every interval that was set or promised can be afforded, and every account at all."""
        return self.forecast.feasibility.fits and not self.too_dear and self.sweeps <= self.limit

    @property
    def learning(self) -> tuple[int, int]:
        """Of how many accounts on `auto` it is not known yet how often they change; and of how many."""
        rows = zip(self.lines, self.forecast.rows, strict=True)
        known = [row.learnt for line, row in rows if line.item.fixed is None]
        return known.count(False), len(known)

    @property
    def too_dear(self) -> tuple[PlanLine, ...]:
        """Accounts of which one poll costs more than a whole period's allowance."""
        return tuple(line for line in self.lines if line.item.cost > self.limit)

    @property
    def even_interval(self) -> float:
        """The one interval for all that the same credits would buy, spread evenly."""
        rate = self.forecast.per_period / self.budget.period
        return sum(line.item.cost for line in self.lines) / rate if rate else math.inf

    @property
    def per_period(self) -> float:
        """Credits (or calls) that all of it takes in a period, polls upon hints included."""
        return self.forecast.per_period + self.hinted + min(self.sweeps + self.rates, self.limit)

    @property
    def left(self) -> float:
        """What is left of the period's credits."""
        return max(self.limit - self.spent, 0.0)

    @property
    def runs_out(self) -> datetime | None:
        """When what is left would be gone if nothing were stretched; None if it lasts."""
        rate = self.forecast.feasibility.needed / self.budget.period
        ends, now = self.budget.ends, self.now.timestamp()
        if rate <= 0 or self.budget.remaining >= rate * (ends - now):
            return None
        return datetime.fromtimestamp(now + self.budget.remaining / rate, tz=UTC)


def plan_source(
    settings: Settings,
    source: Source,
    now: datetime,
    *,
    spent: int = 0,
    facts: Mapping[str, str] | None = None,
    supposed: Supposed | None = None,
    tallies: Sequence[HintTally] = (),
) -> SourcePlan:
    """The plan of one source. `spent` since its period began; `facts` are what it has kept; `tallies`: what
    its polls upon hints came to in the last day."""
    what_if, fairness, discovering = supposed or Supposed(), fairness_of(settings, source.name), 0.0
    pace_of_rates = rates_pace(settings, source)
    lines = lines_of(settings, source, now, what_if)
    bought = source.allowance.credits
    if bought is not None:
        bought = replace(bought, limit=what_if.credits or bought.limit)
        wanted = swept(sweeps(settings, source.name))
        budget = credit_budget(bought, spent, wanted + pace_of_rates, now)
        discovering = wanted * budget.period
        limit: float = bought.limit
    else:
        budget = call_budget(source.allowance, 0.0, now)
        limit = min((w.calls * 86400 / w.seconds for w in source.allowance.windows), default=math.inf)
    if settings.hints:
        lines = hinted_lines(settings, lines, facts or {})
    pace = _pace_of_hints(lines, tallies, calls=bought is None)
    forecast = _forecast(lines, budget, _state(facts or {}), fairness, pace)
    return SourcePlan(
        source.name,
        "credits" if bought is not None else "calls",
        bought.period if bought is not None else "day",
        limit,
        spent,
        discovering,
        budget,
        tuple(lines),
        forecast,
        now,
        tuple(_cheaper(settings, source)),
        pace_of_rates * budget.period,
        min(pace * budget.period, max(budget.limit - forecast.per_period, 0.0)),
    )


def _forecast(
    lines: Sequence[PlanLine], budget: Budget, state: Mapping[str, Any] | None, fairness: float, hints: float
) -> Forecast:
    """`hints`: what polls upon hints take a second."""
    told = {line.item.key: line.hints.changes for line in lines if line.hints is not None}
    planning = partial(
        scheduler.plan, [line.item for line in lines], budget, fairness=fairness, aside=hints,
        told={key: each for key, each in told.items() if each is not None},
    )  # fmt: skip
    try:
        return planning(state=state)
    except (ValueError, KeyError, TypeError):
        return planning()  # the state is of another version: it will be learnt anew


def hinted_lines(settings: Settings, lines: Sequence[PlanLine], facts: Mapping[str, str]) -> list[PlanLine]:
    """The same lines with what hints are expected to tell of each account."""
    from watcher.config.configuration import hinted_accounts
    from watcher.domain.hints.expectation import expected
    from watcher.domain.hints.persistence import HINTS, HintStandings

    standings, by = HintStandings.load(facts.get(HINTS)), dict[Account, list[str]]()
    for name in settings.hints:
        for account in hinted_accounts(settings, name):
            by.setdefault(account, []).append(name)
    return [
        replace(line, hints=expected(standings, line.item.key, by[line.account]))
        if line.account in by
        else line
        for line in lines
    ]


def _pace_of_hints(lines: Sequence[PlanLine], tallies: Sequence[HintTally], *, calls: bool) -> float:
    """Credits (or calls) a second that polls upon hints took in the last day."""
    if not calls:
        return sum(each.credits for each in tallies) / DAY
    mean = sum(line.item.cost for line in lines) / len(lines) if lines else 0.0
    return mean * sum(each.polls for each in tallies) / DAY


def _cheaper(settings: Settings, source: Source) -> Iterator[str]:
    """Wallets at a fixed cadence whose many chains cost more one by one than all together."""
    for wallet in settings.wallets:
        if wallet.source != source.name or wallet.every == "auto":
            continue
        whole, costs = discovery_of(wallet, settings.sources), sum(map(source.cost, wallet.accounts))
        if whole is not None and costs > whole.cost:
            yield (
                f"{wallet.name}: {len(wallet.accounts)} chains at a fixed cadence cost {costs:,} credits a "
                f"round, `chains: all` {whole.cost:,} (an answer may leave chains out); "
                "`every: auto` polls each chain as it moves"
            )


def lines_of(settings: Settings, source: Source, now: datetime, supposed: Supposed) -> list[PlanLine]:
    """Every account of a source as the cadence sees it: cron lines and fixed intervals as such."""
    wallets = {account: w.name for w in settings.wallets for account in w.accounts}
    fixed, paced = cadences(settings, source.name, source)
    lines = []
    for each, accounts in fixed.items():
        interval = 1 / each.per_second(now)
        for account in accounts:
            item = _fixed(source, account, interval, accounts, now)
            lines.append(PlanLine(wallets[account], account.chain, account, item, source.cost(account)))
    for one in paced:
        item, account = one.item(), one.account
        if supposed.at_least_every is not None:
            item = replace(item, at_least_every=supposed.at_least_every.total_seconds())
        lines.append(PlanLine(wallets[account], account.chain, account, item, source.cost(account)))
    order = {account: number for number, account in enumerate(wallets)}
    lines.sort(key=lambda line: order[line.account] if line.account else math.inf)
    return lines + _added(lines, supposed)


def _fixed(
    source: Source, account: Account, interval: float, group: Sequence[Account], now: datetime
) -> Item:
    cost: float = source.cost(account)
    if source.allowance.credits is None:
        # a call brings as many accounts of the group as fit into it
        cost = calls_of(source, group, now) / len(group)
    return Item(key_of(account), cost, fixed=interval)


def _added(lines: Sequence[PlanLine], supposed: Supposed) -> list[PlanLine]:
    count = supposed.add
    if not count:
        return []
    known = [line.item.cost for line in lines] or [1.0]
    asked = [line.credits for line in lines] or [0]
    cost, price = sum(known) / len(known), round(sum(asked) / len(asked))
    promise = supposed.at_least_every.total_seconds() if supposed.at_least_every else math.inf
    items = (Item(f"{NEW} {n}", cost, at_least_every=promise) for n in range(1, count + 1))
    return [PlanLine(NEW, "", None, item, price) for item in items]


def _state(facts: Mapping[str, str]) -> Mapping[str, Any] | None:
    try:
        value = json.loads(facts.get(FACT, "null"))
    except ValueError:
        return None
    return {"accounts": {}, **value} if isinstance(value, dict) else None


def misfit(plan: SourcePlan) -> list[str]:
    """What cannot fit, in plain numbers and with what would help; empty if all does."""
    found = plan.forecast.feasibility
    told = [
        f"one poll of {line.wallet} on {line.chain} costs {line.item.cost:,.0f} {plan.unit}, more than the "
        f"{plan.limit:,.0f} of a {plan.period}: it will never be polled"
        for line in plan.too_dear
    ]
    if plan.sweeps > plan.limit:
        told.append(
            f"`discover` alone costs {plan.sweeps:,.0f} of {plan.limit:,.0f} credits a {plan.period}: "
            "sweep fewer wallets, or more rarely"
        )
    if found.fits:
        return told
    promised = [line.item for line in plan.lines if line.item.longest < math.inf]
    lengths = sorted({item.longest for item in promised})
    if len(lengths) == 1:
        what = f"{span(lengths[0])} for {accounts_text(len(promised))} costs"
        worst = max(row.worst_case for row in plan.forecast.rows if row.worst_case < math.inf)
        to = f"stretched to {span(worst)}"
    else:
        what = f"{span(lengths[0])} to {span(lengths[-1])} for {accounts_text(len(promised))} costs"
        factor = max(
            row.worst_case / line.item.longest
            for row, line in zip(plan.forecast.rows, plan.lines, strict=True)
            if line.item.longest < math.inf
        )
        to = f"stretched evenly by {factor:.2f}"
    numbers = f"{found.needed:,.0f} of {found.allowed:,.0f} {plan.unit} a {plan.period}"
    if plan.sweeps:
        numbers += f" ({plan.sweeps:,.0f} more go to `discover`)"
    if plan.rates:
        numbers += f" ({plan.rates:,.0f} more go to exchange rates)"
    if (taken := plan.budget.limit - found.allowed) > 0:
        numbers += f" (hints take {100 * taken / plan.budget.limit:.0f} %)"
    told.append(f"{what} {numbers}: {to}, or drop {accounts_text(found.drop)}")
    starved = sum(
        line.item.longest == math.inf and row.interval > plan.budget.period
        for row, line in zip(plan.forecast.rows, plan.lines, strict=True)
    )
    if starved:
        told.append(
            f"next to nothing is left for {accounts_text(starved)} on auto that nothing was promised: "
            "less than one poll a period; give them at_least_every, or relax what is set"
        )
    return told


def accounts_text(count: int) -> str:
    return f"{count:,} account" + ("" if count == 1 else "s")
