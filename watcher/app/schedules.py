"""Schedule of one source: who says when its accounts are polled, and hears what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from watcher.config.cadences import cadences, fairness_of, fixed_intervals, sweeps, swept, taken
from watcher.config.settings import Settings
from watcher.domain.credits.allowance import CreditPlan, Purpose
from watcher.domain.model import Account, Outcome
from watcher.domain.readings.reconcile import unfinished
from watcher.ports.queue import Queue
from watcher.service.auto_schedule import AutoScheduler
from watcher.service.chain_discovery import ChainDiscovery
from watcher.service.engine import RuleEngine
from watcher.service.polling import Poller, PollEvents
from watcher.service.provider_count import ProviderCount
from watcher.service.throttle import SourceThrottle
from watcher.service.ticker import PollTimes, Ticker


@dataclass(frozen=True, slots=True)
class SourceSchedule(PollEvents):
    """Fixed times, `auto`, the provider's own count and `discover` of one source."""

    ticks: Mapping[PollTimes, Sequence[Account]]
    """The accounts at a fixed interval or cron line."""
    auto: AutoScheduler
    count: ProviderCount | None
    discovery: ChainDiscovery | None

    def seen(self, account: Account, at: datetime, changed: bool | None) -> None:  # noqa: FBT001
        self.auto.observe(account, at, changed)

    def refused(self, account: Account, at: datetime) -> None:
        self.auto.give_back(account, at)

    def exhausted(self, reason: str) -> None:
        if self.count is not None:
            self.count.exhausted(reason)

    async def swept(self, outcome: Outcome, now: datetime) -> None:
        if self.discovery is not None:
            await self.discovery.swept(outcome, now)

    async def begin(self, poller: Poller, ticker: Ticker, engine: RuleEngine) -> None:
        """Make due what is overdue or waits for a confirmation, and give each account its ticks."""
        mine = [account for account in engine.rules.wallets if account.source == poller.source.name]
        past = await engine.store.load(mine)
        # Before the ticks: who waits for a confirmation and is overdue as well is read once, for both.
        for again in unfinished(past, engine.clock.now()):
            poller.ask_again(again)
        known = past.accounts.items()
        attempts = {account: state.last_attempt for account, state in known if state.last_attempt is not None}
        await self.auto.begin()

        def tick(due: Sequence[Account]) -> None:
            poller.queue.put(self.auto.affordable(due), Purpose.SCHEDULED)

        for times, group in self.ticks.items():
            ticker.add(times, group, tick)
            tick(ticker.overdue(times, group, attempts))


async def schedule_source(
    settings: Settings,
    configured: CreditPlan | None,
    throttle: SourceThrottle,
    queue: Queue,
    engine: RuleEngine,
) -> SourceSchedule:
    """The schedule that the settings ask for. `configured`: the source's credits as the file has them."""
    source = throttle.source
    ticks, wanted = cadences(settings, source.name, source), sweeps(settings, source.name)
    await asyncio.sleep(0)  # with 10,000 accounts each part of this takes 20 ms
    fixed, items = ticks
    # Where credits are sold, fixed intervals that cannot be afforded are stretched.
    stretching = fixed_intervals(source, fixed)
    rigid = {each: group for each, group in fixed.items() if each.every is None or not stretching}
    rate = taken(source, rigid, engine.clock.now()) + swept(wanted)

    def put(due: Sequence[Account]) -> None:
        queue.put(due, Purpose.SCHEDULED)

    auto = AutoScheduler(
        source.name, source.allowance, items, rate, engine.store, engine.clock, put, stretching,
        fairness=fairness_of(settings, source.name),
    )  # fmt: skip
    count = ProviderCount(throttle, configured, engine, auto.renew) if configured is not None else None
    discovery = None
    if wanted:
        discovery = ChainDiscovery(source.name, queue, wanted, engine, lambda: auto.share)
    return SourceSchedule(fixed, auto, count, discovery)
