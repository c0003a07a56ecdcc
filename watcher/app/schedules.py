"""Schedule of one source: who says when its accounts are polled, hears of hints and of what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from watcher.app.jobs import Job
from watcher.config.cadences import cadences, demand_of, sweeps
from watcher.config.settings import Settings
from watcher.domain.credits.allowance import CreditPlan, Purpose
from watcher.domain.model import Account, Outcome
from watcher.domain.readings.reconcile import unfinished
from watcher.domain.records import Record
from watcher.ports.hints import HintWord
from watcher.ports.queue import Queue
from watcher.service.auto_schedule import AutoScheduler
from watcher.service.chain_discovery import ChainDiscovery
from watcher.service.engine import RuleEngine
from watcher.service.fixed_schedule import FixedScheduler
from watcher.service.polling import Poller, PollEvents
from watcher.service.provider_count import ProviderCount
from watcher.service.throttle import SourceThrottle


class SourceSchedule(Record, PollEvents, frozen=True):
    """Fixed times, `auto`, the provider's own count and `discover` of one source. Hints come here."""

    fixed: FixedScheduler
    auto: AutoScheduler
    count: ProviderCount | None
    discovery: ChainDiscovery | None

    def seen(self, account: Account, at: datetime, changed: bool | None, purpose: Purpose) -> None:  # noqa: FBT001, ARG002
        self.auto.observe(account, at, changed)

    def hint_of(self, account: Account) -> HintWord | None:
        return self.auto.hint_of(account)

    def hinted(self, account: Account, word: HintWord) -> bool:
        return self.auto.hinted(account, word)

    def missed(self, accounts: Sequence[Account], by: str, at: datetime) -> None:
        self.auto.missed(accounts, by, at)

    def silent_since(self, by: str) -> datetime | None:
        return self.auto.silent_since(by)

    def refused(self, account: Account, at: datetime) -> None:
        self.auto.give_back(account, at)

    def under_way(self, account: Account, at: datetime) -> None:
        self.auto.under_way(account, at)

    async def exhausted(self, reason: str) -> None:
        if self.count is not None:
            self.count.exhausted(reason)

    async def swept(self, outcome: Outcome, now: datetime) -> None:
        if self.discovery is not None:
            await self.discovery.swept(outcome, now)

    async def begin(self, poller: Poller, engine: RuleEngine) -> None:
        """Make due what is overdue, or waits for a confirmation."""
        if engine.store.shared is not None:  # it keeps who is to be read again
            await self.auto.begin()  # the ticks begin by themselves: there may be a million accounts
            return
        mine = [account for account in engine.rules.wallets if account.source == poller.source.name]
        past = await engine.store.load(mine)
        # Before the ticks: who waits for a confirmation and is overdue as well is read once, for both.
        for again in unfinished(past, engine.clock.now()):
            poller.ask_again(again)
        await self.auto.begin()
        await self.fixed.begin()

    def jobs(self, source: str) -> list[Job]:
        """What runs beside the source's poller."""
        found: list[Job] = []
        if self.fixed.ticks:
            found.append((f"ticks {source}", self.fixed.run))
        if self.auto.learns:
            found.append((f"auto {source}", self.auto.run))
        if self.count is not None:
            found.append((f"count {source}", self.count.run))
        if self.discovery is not None:
            found.append((f"discover {source}", self.discovery.run))
        return found


async def schedule_source(
    settings: Settings,
    configured: CreditPlan | None,
    throttle: SourceThrottle,
    queue: Queue,
    engine: RuleEngine,
) -> SourceSchedule:
    """The schedule that the settings ask for. `configured`: the source's credits as the file has them."""
    source, clock = throttle.source, engine.clock
    times, items = cadences(settings, source.name, source)
    await asyncio.sleep(0)  # with 10,000 accounts each part of this takes 20 ms
    wanted = sweeps(settings, source.name)
    demand = demand_of(settings, source, times, items, wanted, clock.now())
    await asyncio.sleep(0)
    hints = None
    if settings.hints:
        from watcher.app.hint_coverage import hint_plans

        hints = hint_plans(settings, source, times)
    auto = AutoScheduler(source.name, source.allowance, demand, engine.store, clock, queue, hints)
    fixed = FixedScheduler(times, auto.affordable, clock, queue, engine.store.attempts)
    count = ProviderCount(throttle, configured, engine, auto.renew) if configured is not None else None
    discovery = ChainDiscovery(source.name, queue, wanted, engine, lambda: auto.share) if wanted else None
    return SourceSchedule(fixed, auto, count, discovery)
