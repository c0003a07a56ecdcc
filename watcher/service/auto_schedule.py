"""Auto schedule (`every: auto`): the account that is worth most is polled next; what is learnt is kept."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from watcher.domain.credits.allowance import Allowance, Purpose
from watcher.domain.model import Account
from watcher.domain.scheduler import PATIENCE, Budget, Item, Scheduler
from watcher.domain.scheduler.outlook import OUTLOOK, Detections, Outlook
from watcher.domain.values.errors import StoreError
from watcher.ports.clock import Clock
from watcher.ports.hints import HintWord
from watcher.ports.queue import Queue
from watcher.ports.store import Store
from watcher.service.learnt import SLICE, Learnt, LearntAlone, LearntByMany, joined, state
from watcher.service.schedule_items import (
    SourceDemand,
    call_budget,
    calls_a_second,
    credit_budget,
    key_of,
)
from watcher.service.schedule_words import strain

if TYPE_CHECKING:
    from watcher.service.hint_plans import HintPlans

log = logging.getLogger(__name__)

REFRESH_EVERY = 60.0
"""The ledger is read again so often: others may spend from the same key."""

KEEP_EVERY = 300.0
MOST_READ = 50_000
"""Accounts of which it is remembered when they were read last."""

MANY = 1000
"""With more accounts than these the first schedule is made beside the loop: 10,000 take 0.15 s."""


class AutoScheduler:
    """The schedule of one source's `auto` accounts. `run` puts them into the queue when they are due."""

    def __init__(
        self,
        name: str,
        allowance: Allowance,
        demand: SourceDemand,
        store: Store,
        clock: Clock,
        queue: Queue,
        hints: HintPlans | None = None,
    ) -> None:
        """Ticks ask for what is not on `auto` as long as it can be afforded. `hints`: what is planned upon
        word that an account has probably changed, whoever asks for it else."""
        self._name, self.allowance = name, allowance
        self._store, self._clock, self._queue = store, clock, queue
        self._fixed, self._fairness = demand.fixed, demand.fairness
        self._taken, self._rate = demand.taken, demand.rate
        self._auto = {each.account: key_of(each.account) for each in demand.auto}
        self._items = [each.item() for each in demand.auto]
        self._stretched: dict[Account, Item] = {}
        """The accounts at fixed intervals, while those are stretched."""
        self._keys: dict[Account, str] = {}
        self._accounts: dict[str, Account] = {}
        """The accounts that are planned now, with their keys, and the way back."""
        self.strained = False
        """What is set costs more than is left: fixed intervals are stretched here, and not asked for by
        ticks; of cron ticks and sweeps only a `share` is kept to."""
        self.share = 1.0
        self._hints = hints
        self._turns: dict[Account, float] = {}
        self._ends = self._length = 0.0
        self._read: OrderedDict[Account, float] = OrderedDict()
        """When accounts were last read since the start: those that were read last."""
        self._finds = Detections()
        self._began: float | None = None
        """When the source was first scheduled at all, if that is known."""
        self._said: float | None = None
        """The end of the period in which people were told of it."""
        self._scheduler: Scheduler | None = None
        self._changed = asyncio.Event()
        self._anew = False
        work = store.shared
        self._learnt: Learnt = LearntByMany(name, work) if work is not None else LearntAlone()

    @property
    def learns(self) -> bool:
        """Whether what polls find bears on the schedule: not where each account has its own fixed time."""
        return bool(self._items) or self.allowance.credits is not None or self._hints is not None

    def heard_until(self) -> datetime | None:
        """Until when it has heard of polls, where many plan in turn; None: that is not known."""
        return self._learnt.heard

    @property
    def scheduler(self) -> Scheduler | None:
        """None until `run` has read the ledger."""
        return self._scheduler

    async def run(self) -> None:
        """Put accounts into the queue as they become due, until cancelled; keeps what was learnt."""
        await self.begin()
        await self.keep()
        refreshed = kept = self._clock.monotonic()
        try:
            for turn in count(1):
                await self._step()
                if turn % SLICE == 0:  # many may be due at once
                    await asyncio.sleep(0)
                elapsed = self._clock.monotonic()
                if self._anew or elapsed - refreshed >= REFRESH_EVERY:
                    refreshed, self._anew = elapsed, False
                    await self._refresh()
                if elapsed - kept >= KEEP_EVERY:
                    kept = elapsed
                    await self.keep()
        finally:
            await asyncio.shield(self.keep())

    def renew(self, allowance: Allowance) -> None:
        """The provider's own count came: plan with it at once. A minute at the old pace can cost a month."""
        self.allowance, self._anew = allowance, True
        self._changed.set()

    def affordable(self, accounts: Sequence[Account]) -> list[Account]:
        """Those that a tick may ask for: all; or, of cron lines, an even share, and none stretched here."""
        if not self.strained:
            return list(accounts)
        return [account for account in accounts if account not in self._stretched and self._in_turn(account)]

    def _in_turn(self, account: Account) -> bool:
        """Whether this tick is one of the share; the first one always is."""
        turns = self._turns.get(account, 1.0) + self.share
        self._turns[account] = turns - 1 if turns >= 1 else turns
        return turns >= 1

    def observe(self, account: Account, at: datetime, changed: bool | None) -> None:  # noqa: FBT001
        """How a poll of an account went: changed, unchanged, or (None) not read. What is found counts for
        every account, also where ticks ask."""
        if self._scheduler is None or not self.learns:
            return
        key, read = self._keys.get(account), self._read.get(account)
        if changed and read is not None:
            gap = max(at.timestamp() - read, 0.0)
            # The ticks of a cron line are what was intended, however far apart they are.
            every = (each.every.total_seconds() for each in self._fixed if account in each.accounts)
            usual = next(every, gap)
            planned = account in self._auto or account in self._stretched
            self._finds.note(gap, self._scheduler.interval(key) if key is not None and planned else usual)
        if changed is not None:
            self._read[account] = at.timestamp()
            self._read.move_to_end(account)
            if len(self._read) > MOST_READ:
                self._read.popitem(last=False)
        if key is None:
            return
        self._scheduler.observe(key, at.timestamp(), changed)
        self._learnt.note(key, at)
        self._changed.set()

    def hinted(self, account: Account, word: HintWord) -> bool:
        """Word came that an account has probably changed; whether that is news."""
        news = self._hints is not None and self._hints.hinted(account, word)
        if news:
            self._changed.set()
        return news

    def missed(self, accounts: Sequence[Account], by: str, at: datetime) -> None:
        """Hints about these may be missing."""
        if self._hints is not None:
            self._hints.missed(accounts, by, at)
            self._changed.set()

    def silent_since(self, by: str) -> datetime | None:
        """Since when a hint source is taken for silent."""
        return self._hints.silent_since(by) if self._hints is not None else None

    def hint_of(self, account: Account) -> HintWord | None:
        """Upon which word an account is polled now."""
        return self._hints.word_of(account) if self._hints is not None else None

    def under_way(self, account: Account, at: datetime) -> None:
        """A poll is on its way that somebody else has planned."""
        key = self._keys.get(account)
        if self._scheduler is not None and key is not None:
            self._scheduler.take(key, at.timestamp())
            self._changed.set()

    def give_back(self, account: Account, at: datetime) -> None:
        """The poll that was due was not made, and not charged."""
        key = self._keys.get(account)
        if self._scheduler is not None and key is not None:
            self._scheduler.observe(key, at.timestamp(), None, charged=False)
            self._changed.set()

    async def keep(self) -> None:
        """Write down what was learnt, for the next start."""
        if self._scheduler is None:
            return
        try:
            kept = await self._kept(self._scheduler)
            await self._store.keep_facts(self._name, kept, self._clock.now())
        except StoreError as error:
            log.warning("what the cadence of %s learnt was not kept: %s", self._name, error)

    async def _kept(self, scheduler: Scheduler) -> dict[str, str]:
        kept = {
            **await self._learnt.keep(scheduler),
            OUTLOOK: await self._outlook(scheduler),
        }
        if self._hints is not None:
            kept[self._hints.fact] = await state(self._hints.parts(SLICE))
        return kept

    async def _outlook(self, scheduler: Scheduler) -> str:
        """What is intended now, as the fact to keep. What is set says of itself how often it is asked for."""
        items = [*self._items, *self._stretched.values()]
        costs = 0.0 if self.strained else self._rate

        def parts() -> Iterator[dict[str, float]]:
            nonlocal costs
            for start in range(0, len(items), SLICE):
                some = {item.key: scheduler.interval(item.key) for item in items[start : start + SLICE]}
                costs += sum(item.cost / some[item.key] for item in items[start : start + SLICE])
                yield {key: round(each, 3) for key, each in some.items() if each < float("inf")}

        intervals = await joined(parts())
        pace = self._taken * self.share + costs
        stretch = max(scheduler.stretch, 1 / max(self.share, 1e-9))
        planned, length = pace * self._length, self._length
        return Outlook(self._ends, planned, stretch, {}, self._finds, length, self._began).dump(intervals)

    async def begin(self) -> None:
        """Read the ledger and what was learnt; once, before the first tick."""
        if self._scheduler is None:
            facts = await self._store.facts(self._name)
            if self._hints is not None:
                self._hints.remember(facts)
            await self._make(await self._learnt.load(facts))
            before = Outlook.load(facts.get(OUTLOOK))
            if before is None:
                self._began = self._clock.now().timestamp()
            else:
                self._began = before.began
                if before.ends == self._ends:
                    self._finds = before.finds

    async def _make(self, state: Mapping[str, Any] | None) -> None:
        """The scheduler of what there is to plan now: with fixed intervals, if they must be stretched."""
        budget, strained = await self._budget(self._clock.now())
        stretched: dict[Account, Item] = {}
        for each in self._fixed if strained else ():
            stretched.update(each.items())
        known = self._hints.ticked if self._hints is not None else {}
        ticked = {account: item for account, item in known.items() if account not in stretched}
        keys = {**self._auto, **{account: item.key for account, item in (ticked | stretched).items()}}
        attempts = await self._store.attempts(list(keys))
        seen = {keys[account]: at.timestamp() for account, at in attempts.items()}
        now = self._clock.now()
        self.strained, self._stretched = strained, stretched
        self._keys, self._accounts = keys, {key: account for account, key in keys.items()}
        items = [*self._items, *stretched.values(), *ticked.values()]
        build = partial(self._built, items, budget, now.timestamp(), state, seen)
        if self._scheduler is None and len(items) > MANY:
            # Nobody asks it anything yet, so the loop need not be held for it.
            self._scheduler = await asyncio.to_thread(build)
        else:
            self._scheduler = build()
        self._say(budget, now)

    def _built(
        self,
        items: Sequence[Item],
        budget: Budget,
        now: float,
        state: Mapping[str, Any] | None,
        seen: Mapping[str, float],
    ) -> Scheduler:
        make = Scheduler if self._hints is None else self._hints.build
        try:
            return make(items, budget, now, state=state, seen=seen, fairness=self._fairness)
        except (ValueError, KeyError, TypeError) as error:
            log.warning("what the cadence of %s learnt cannot be used, it learns anew: %s", self._name, error)
            return make(items, budget, now, state=None, seen=seen, fairness=self._fairness)

    def _say(self, budget: Budget, now: datetime) -> None:
        """That not all can be kept that was set or promised: once a period."""
        if self._scheduler is None or self._said == budget.ends:
            return
        rigid = self._taken + self._rate
        rate = rigid + sum(item.cost / item.longest for item in self._items)
        ticks = self.share if self._taken else 1.0
        words = strain(self._scheduler, budget, self.allowance, rate, ticks, now)
        if words:
            self._said = budget.ends
            log.warning("%s: %s; `watcher plan` shows each", self._name, words)

    async def _step(self) -> None:
        self._changed.clear()
        if self._anew:
            return
        now, scheduler = self._clock.now().timestamp(), self._scheduler
        due = scheduler.due(now) if scheduler is not None else None
        if scheduler is None or due is None or due[0] > now:
            wait = REFRESH_EVERY if due is None else min(due[0] - now, REFRESH_EVERY)
            await self._clock.wait(self._changed, wait)
            return
        hinted = self._hints is not None and self._hints.is_cause(due[1])
        scheduler.take(due[1], now)
        self._queue.put([self._accounts[due[1]]], Purpose.HINTED if hinted else Purpose.SCHEDULED)

    async def _refresh(self) -> None:
        try:
            now = self._clock.now()
            budget, strained = await self._budget(now)
            if self._scheduler is None or strained != self.strained:
                await self._make(self._scheduler.dump() if self._scheduler is not None else None)
            else:
                self._scheduler.set_budget(budget, now.timestamp())
                self._say(budget, now)
        except StoreError as error:
            log.warning("the ledger of %s cannot be read: %s", self._name, error)

    async def _budget(self, now: datetime) -> tuple[Budget, bool]:
        """What the scheduler may spend, and whether that includes fixed intervals."""
        budget, strained = await self._afford(now)
        if budget.ends != self._ends:
            self._ends, self._length, self._finds = budget.ends, budget.period, Detections()
        return budget, strained

    async def _afford(self, now: datetime) -> tuple[Budget, bool]:
        plan = self.allowance.credits
        if plan is None:
            self.share, pace = 1.0, calls_a_second(self.allowance)
            if self._taken > pace:
                promised = sum(item.cost / item.longest for item in self._items) / PATIENCE
                self.share = pace / (self._taken + promised)
            return call_budget(self.allowance, self._taken * self.share, now), self._taken > pace
        spent = await self._store.spent(self._name, plan.bounds(now)[0])
        left = (plan.bounds(now)[1] - now).total_seconds()
        remaining = plan.limit - spent
        owed = (self._taken + self._rate) * left
        self.share = 1.0
        # once stretched, only ample means undo it
        if owed and owed * (1.05 if self.strained else 1.0) > remaining + 1e-6:
            promised = sum(item.cost / item.longest for item in self._items) / PATIENCE
            self.share = min(max(remaining / (owed + promised * left), 0.0), 1.0)
            return credit_budget(plan, spent, self._taken * self.share, now), True
        return credit_budget(plan, spent, self._taken + self._rate, now), False
