"""Poller, schedule and ledger on a virtual clock: months in a second."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta

from tests.fakes import FakeClock, FakeSource
from tests.service.given import make_poller
from watcher.app.schedules import SourceSchedule
from watcher.domain.credits.allowance import Allowance, Booking, CreditPlan, Purpose
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Account, Asset, Outcome, Reading, Wallet
from watcher.ports.queue import Batch
from watcher.ports.source import Reply, Request
from watcher.ports.store import Store
from watcher.queues.memory import PollQueue
from watcher.service.auto_schedule import AutoScheduler
from watcher.service.fixed_schedule import FixedScheduler
from watcher.service.schedule_items import AutoItem, FixedItems, SourceDemand

BEGIN = datetime(2027, 1, 1, tzinfo=UTC)
LOOK = timedelta(hours=3)
LATE = 1.05
"""In a period's last third a poll may have to wait for the reserve to shrink."""


class JumpingClock(FakeClock):
    """Whoever sleeps on it moves it."""

    async def sleep(self, seconds: float) -> None:
        self.move(timedelta(seconds=seconds, milliseconds=1))

    def move(self, by: timedelta) -> None:
        self._elapsed += by.total_seconds()


class MeteredSource(FakeSource):
    """Counts what it is asked for in the period in which it is asked."""

    def meter(self, clock: JumpingClock) -> None:
        self.clock, self.metered = clock, defaultdict[datetime, int](int)

    def count(self, cost: int) -> None:
        assert self.allowance.credits is not None
        self.metered[self.allowance.credits.bounds(self.clock.now())[0]] += cost

    async def send(self, request: Request) -> Reply:
        self.count(request.cost)
        return await super().send(request)


class Year:
    """One installation. `keep` before a restart is what a clean stop does; a kill does not."""

    def __init__(self, store: Store, plan: CreditPlan, accounts: int, seed: int = 1, cost: int = 40) -> None:
        self.store, self.plan, self.cost = store, plan, cost
        self.clock, self.chance = JumpingClock(BEGIN), random.Random(seed)
        self.source = MeteredSource("s", Allowance(plan), credits_each=cost, answers=self._answer)
        self.source.meter(self.clock)
        self.accounts = [Account("s", "ethereum", f"0x{n:040x}") for n in range(accounts)]
        self.promise: timedelta | None = None
        self.fixed: timedelta | None = None
        self.polls: dict[Account, list[datetime]] = defaultdict(list)
        self.watched: dict[Account, datetime] = {}
        """Since when each promise counts: the last poll."""
        self.broken: list[tuple[datetime, timedelta]] = []
        """Promises not kept although the cadence said that they could be."""

    def _answer(self, account: Account) -> Outcome:
        self.polls[account].append(self.clock.now())
        self.watched[account] = self.clock.now()
        from decimal import Decimal

        asset = Asset("ethereum", "ethereum")
        return Reading(account, {asset: Decimal(self.chance.randrange(3))}, chains=frozenset({"ethereum"}))

    async def start(self) -> None:
        wallets = {account: Wallet(account.address, "s", account.address) for account in self.accounts}
        paced = [AutoItem(account, self.cost, at_least_every=self.promise) for account in self.accounts]
        auto, fixed = ([] if self.fixed else paced), list[FixedItems]()
        if self.fixed:
            fixed = [FixedItems(self.accounts, self.cost, self.fixed)]
        queue = PollQueue()  # the year takes what is due itself
        self.schedule = AutoScheduler(
            "s", self.source.allowance, SourceDemand(auto, fixed), self.store, self.clock, queue
        )
        ticks = FixedScheduler({}, self.schedule.affordable, self.clock, queue, self.store.attempts)
        schedule = SourceSchedule(ticks, self.schedule, None, None)
        self.poller = make_poller(self.source, self.store, Rules([], wallets, []), self.clock, schedule)
        await self.schedule.begin()

    async def run(self, until: datetime) -> None:
        """Work until then."""
        looked = self.clock.now()
        while self.clock.now() < until:
            cadence = self.schedule.scheduler
            assert cadence is not None
            now = self.clock.now()
            beside_the_reserve = self.plan.limit - self.plan.reserved
            fits = cadence.stretch == 1 and cadence.feasibility().needed < 0.95 * beside_the_reserve
            self._hold_to_account(now, stretched=not fits)
            due = cadence.due(now.timestamp())
            at = until if due is None else datetime.fromtimestamp(due[0], UTC)
            step = min(at, looked + LOOK, until)
            if step > now:
                self.clock.move(step - now + timedelta(milliseconds=1))
            if due is not None and at <= self.clock.now():
                cadence.take(due[1], self.clock.now().timestamp())
                await self.poller.poll(Batch((self._account(due[1]),), Purpose.SCHEDULED))
            if self.clock.now() >= looked + LOOK or self.clock.now() < looked:
                looked = self.clock.now()
                await self.schedule._refresh()
        for task in list(self.poller._later):
            task.cancel()
        await asyncio.sleep(0)

    def _hold_to_account(self, now: datetime, *, stretched: bool) -> None:
        if self.promise is None:
            return
        for account in self.accounts:
            since = self.watched.setdefault(account, now)
            if stretched:
                self.watched[account] = max(since, now - self.promise)
            elif now - since > self.promise * LATE:
                self.broken.append((now, now - since))
                self.watched[account] = now

    def _account(self, key: str) -> Account:
        return self.schedule._accounts[key]

    async def by_hand(self) -> None:
        await self.poller.poll(Batch((self.chance.choice(self.accounts),), Purpose.BY_HAND))

    async def die_in_a_request(self, *, sent: bool) -> None:
        """Killed after booking: whether it was sent, nobody knows."""
        now = self.clock.now()
        answer = await self.store.reserve(
            Booking("s", 1, self.cost, Purpose.SCHEDULED, now), self.source.allowance
        )
        if sent and not hasattr(answer, "until"):
            self.source.count(self.cost)
        await self.start()

    async def booked(self, start: datetime, end: datetime) -> int:
        return await self.store.spent("s", start) - await self.store.spent("s", end)
