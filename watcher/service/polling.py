"""The work of one source: take what is due, ask within the allowance, conclude, record."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

from watcher.domain.credits.allowance import CreditRefusal, Grant, Purpose
from watcher.domain.credits.provider_count import Usage
from watcher.domain.evaluation.decide import Recheck
from watcher.domain.evaluation.memo import Memo
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Account, Outcome, Reading
from watcher.domain.readings.fault_isolation import CULPRITS, NEVER_READ
from watcher.domain.values.durations import span
from watcher.domain.values.errors import StoreError
from watcher.ports.clock import Clock
from watcher.ports.queue import Batch
from watcher.ports.source import Reply, Request, Source
from watcher.ports.store import Settlement, Store
from watcher.queues.memory import PollQueue
from watcher.service.conclude import conclude
from watcher.service.fault_isolation import FaultIsolation
from watcher.service.pace import SourceThrottle
from watcher.service.replies import broken, report
from watcher.service.source_health import SourceHealth

log = logging.getLogger(__name__)

TAKE = 500
"""Accounts taken from the queue at once; the source splits them into requests."""

FIRST_BACKOFF = 2.0
LONGEST_BACKOFF = 900.0
EXHAUSTED_PAUSE = timedelta(hours=1)
"""How often a provider that said the credits are gone is asked again before the period ends."""

_ASLEEP = (Purpose.SCHEDULED, Purpose.SWEEP)  # what waits while a source sleeps

SHORT_WAIT = timedelta(minutes=2)
"""A refusal that ends this soon is waited out; a longer one gives the accounts back to their ticks."""


class Poller:
    """Polls one source. Owns its queue and its pace; `run` as many workers as are allowed."""

    def __init__(
        self,
        source: Source,
        store: Store,
        rules: Rules,
        clock: Clock,
        *,
        running_since: datetime,
        memo: Memo | None = None,
        concurrency: int = 1,
        on_deliveries: Callable[[], None] = lambda: None,
        on_progress: Callable[[], None] = lambda: None,
        on_seen: Callable[[Account, datetime, bool | None], None] = lambda *_: None,
        on_refused: Callable[[Account, datetime], None] = lambda *_: None,
        chance: random.Random | None = None,
    ) -> None:
        self.source, self.rules = source, rules
        self.queue = PollQueue()
        self.pace = SourceThrottle()
        self._store, self._clock = store, clock
        self._running_since, self._memo = running_since, memo or Memo()
        self._concurrency = concurrency
        self._on_deliveries, self._on_progress = on_deliveries, on_progress
        self.on_seen, self.on_refused = on_seen, on_refused
        self._chance = chance or random.Random()
        addresses = {account.address for account in rules.wallets if account.source == source.name}
        self.outage = SourceHealth(source.name, len(addresses), store, rules.channels, clock, on_deliveries)
        self.search = FaultIsolation(source, store, rules, clock, self._chance, on_deliveries)
        self._later: set[asyncio.Task[None]] = set()
        self._at_work = self.begun = 0
        """Requests under way, and all that ever began."""
        self.trouble = ""  # why nothing can be asked for: what the store said last, if it failed
        self.on_exhausted: Callable[[str], None] | None = None
        """Told why, when the provider says that the credits are gone."""
        self.on_swept: Callable[[Outcome, datetime], Awaitable[None]] | None = None
        """Given what a sweep brought: it is booked like any request, and neither recorded nor judged."""

    def remember(self, facts: Mapping[str, str]) -> None:
        """Take back what an earlier run kept of this source, before the first poll."""
        self.source.remember(facts)
        self.search.remember(facts.get(CULPRITS))

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._concurrency):
                    group.create_task(self._work())
        finally:
            for task in self._later:
                task.cancel()

    async def _work(self) -> None:
        while True:
            batch = await self.queue.take(TAKE)
            try:
                await self.poll(batch)
                self.trouble = ""
            except StoreError as error:
                self.trouble = str(error)
                log.error("store: %s; %s waits", error, self.source.name)  # noqa: TRY400
                await self._clock.sleep(self._backoff())
            except Exception:
                # The one broad catch of this loop: a fault of ours must not end the watching.
                log.exception("unexpected error while polling %s", self.source.name)
                await self._clock.sleep(self._backoff())
            finally:
                self.queue.done(batch)
            self._on_progress()

    async def once(self, accounts: Sequence[Account], purpose: Purpose) -> list[Outcome]:
        """Ask for these until each is read, or fails by itself, or nothing can be read."""
        outcomes: dict[Account, Outcome] = {}
        self.queue.put(accounts, purpose)
        while len(self.queue):
            batch = await self.queue.take(TAKE)
            try:
                outcomes.update({each.account: each for each in await self.poll(batch)})
            finally:
                self.queue.done(batch)
        return list(outcomes.values())

    async def poll(self, batch: Batch) -> list[Outcome]:
        """Ask for the accounts of a batch, request by request; what the allowance refuses is left out.

        Once a request has failed, the rest waits until something can be read.
        """
        outcomes: list[Outcome] = []
        learnt = False
        try:
            waiting = self.search.requests(self.search.choose(batch))
            while waiting:
                request = waiting.pop(0)
                reply = await self._one(request, batch.purpose)
                if reply is None:  # what is left may be enough for some of it
                    halves = self._halves(request, batch.purpose)
                    if not halves and batch.purpose not in _ASLEEP:
                        break
                    waiting = [*halves, *waiting]
                    continue
                outcomes += reply.outcomes
                waiting = [*reply.more, *waiting]
                # Nothing was read, or the source learnt what is better asked otherwise: the rest is put anew.
                learnt = learnt or bool(reply.failure and reply.facts)
                anew = bool(reply.outcomes) and (self.search.doubted or learnt)
                if anew and batch.purpose in (Purpose.SCHEDULED, Purpose.BY_HAND):
                    self.queue.put((a for each in waiting for a in each.accounts), batch.purpose)
                    break
                self._on_progress()
        finally:
            self._refused(batch, outcomes)
        return outcomes

    def _halves(self, request: Request, purpose: Purpose) -> list[Request]:
        """Of a request that costs more than there is; none if nothing of it can fit either."""
        half, now = len(request.accounts) // 2, self._clock.now()
        cheapest = min(map(self.source.cost, request.accounts), default=0)
        if not half or not request.cost or (purpose in _ASLEEP and self.pace.asleep(now, cheapest)):
            return []
        parts = (request.accounts[:half], request.accounts[half:])
        return [each for part in parts for each in self.source.plan(part, now)]

    async def _one(self, request: Request, purpose: Purpose) -> Reply | None:
        """One request, or None if the allowance has no room for it for long."""
        self._at_work += 1
        self.begun += 1
        try:
            grant = await self._reserve(request, purpose)
            return await self._ask(request, grant, purpose) if grant is not None else None
        finally:
            self._at_work -= 1

    @property
    def quiet(self) -> bool:
        """Whether nothing is booked here that the provider may not have counted yet."""
        return not self._at_work

    async def ask_usage(self) -> Usage | None:
        """What the provider counts; None if it does not say, which changes nothing."""
        request = self.source.usage()
        waiting = [request] if request is not None else []
        while waiting:
            await self._turn()
            reply = await self.source.send(waiting.pop(0))
            if reply.usage is not None:
                return reply.usage
            log.info("%s does not say what it counts: %s", self.source.name, reply.failure)
            waiting += reply.more
        return None

    def wake(self) -> None:
        """There are credits again."""
        if self.pace.asleep_until is not None:
            log.info("%s polls again", self.source.name)
            self.pace.wake()

    def _refused(self, batch: Batch, outcomes: list[Outcome]) -> None:
        """Tell whoever scheduled them which accounts led to no outcome: refused, or cut off by an error."""
        now = self._clock.now()
        for account in set(batch.accounts) - {outcome.account for outcome in outcomes}:
            self.on_refused(account, now)

    async def _reserve(self, request: Request, purpose: Purpose) -> Grant | None:
        """Wait for this source's turn and book the cost; None if the allowance has no room for long."""
        if request.lookup:
            purpose = Purpose.LOOKUP
        while True:
            if purpose in _ASLEEP and self.pace.asleep(self._clock.now(), request.cost):
                return None
            await self._turn()
            now = self._clock.now()
            if purpose in _ASLEEP and self.pace.asleep(now, request.cost):
                return None
            answer = await self._store.reserve(
                self.source.name, len(request.accounts), request.cost, purpose, now, self.source.allowance
            )
            if isinstance(answer, Grant):
                if purpose in _ASLEEP and request.cost >= self.pace.asleep_cost:
                    self.wake()
                return answer
            if answer.until - now > SHORT_WAIT:
                if len(request.accounts) < 2 or not request.cost:
                    self._sleep(answer, purpose, request.cost)
                return None
            await self._clock.sleep((answer.until - now).total_seconds())

    async def _ask(self, request: Request, grant: Grant, purpose: Purpose) -> Reply:
        try:
            reply = await self.source.send(request)
            await self._conclude(reply, grant, purpose)
        except StoreError:
            raise
        except Exception as error:
            # Booked and not settled: it stays charged. The accounts read as missed, not as empty.
            log.exception("unexpected error in a request to %s", self.source.name)
            reply = broken(request, error)
            await self._conclude(reply, grant, purpose)
        self._after(reply)
        again = await self.search.note(reply, purpose)
        if not self.search.blamed:
            apart = self.search.suspects.addresses_apart()
            await self.outage.note(reply, settled=self.search.settled, apart=apart)
        for account, why in again.items():
            self.queue.put([account], why)
        return reply

    async def _conclude(self, reply: Reply, grant: Grant, purpose: Purpose) -> None:
        now = self._clock.now()
        readings = sum(isinstance(each, Reading) and not each.blank for each in reply.outcomes)
        misses = len(reply.outcomes) - readings
        settlement = Settlement(grant, now, reply.charged, readings, misses, reply.failure)
        if reply.facts:
            await self._store.keep_facts(self.source.name, reply.facts, now)
        if not reply.outcomes or purpose is Purpose.SWEEP or self.search.step(reply):
            await self._store.fail(settlement)
            for outcome in reply.outcomes if purpose is Purpose.SWEEP else ():
                if self.on_swept is not None:
                    await self.on_swept(outcome, now)
            return

        conclusion = await conclude(
            self._store, reply.outcomes, self.rules, now,
            running_since=self._running_since, memo=self._memo, settlement=settlement,
        )  # fmt: skip
        report(self.source.name, reply)
        moved = {change.account for change in conclusion.changes if change.before is not None}
        for outcome in reply.outcomes:
            read = isinstance(outcome, Reading)
            self.on_seen(outcome.account, now, outcome.account in moved if read else None)
        if conclusion.deliveries:
            self._on_deliveries()
        for again in conclusion.again:
            self.ask_again(again)
        if not reply.failure:
            unread = [state for state in conclusion.accounts if not state.seen and state.misses >= NEVER_READ]
            await self.search.left_out({state.account: state.miss for state in unread})

    def ask_again(self, again: Recheck) -> None:
        """Put an account into the queue soon, to be paid out of the reserve."""

        async def later() -> None:
            await self._clock.sleep(again.after.total_seconds())
            self.queue.put([again.account], Purpose.CONFIRMATION, alone=again.alone)

        task = asyncio.create_task(later())
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def _turn(self) -> None:
        """Keep the spacing between the starts of two requests, and any pause asked for."""
        while (wait := self.pace.next_start - self._clock.monotonic()) > 0:
            await self._clock.sleep(wait)
        self.pace.next_start = self._clock.monotonic() + self.source.spacing

    def _after(self, reply: Reply) -> None:
        """Slow down after a failure, with jitter; a success forgets it."""
        pause = reply.pause.total_seconds() if reply.pause else 0.0
        if pause > self.source.spacing:
            log.warning("%s: %s; nothing is asked for %s", self.source.name, reply.failure, span(pause))
        if reply.exhausted:
            until = self._clock.now() + EXHAUSTED_PAUSE
            reason = reply.failure or "the provider says the credits are gone"
            self._sleep(CreditRefusal(until, reason), None, 0)
            if self.on_exhausted is not None:
                self.on_exhausted(reason)
        if reply.failure and not any(isinstance(outcome, Reading) for outcome in reply.outcomes):
            pause = max(pause, self._backoff())
        else:
            self.pace.failures = 0
        if pause:
            self.pace.next_start = max(self.pace.next_start, self._clock.monotonic() + pause)

    def _backoff(self) -> float:
        self.pace.failures += 1
        wait: float = min(FIRST_BACKOFF * 2 ** min(self.pace.failures - 1, 20), LONGEST_BACKOFF)
        return wait * self._chance.uniform(0.8, 1.2)

    def _sleep(self, refusal: CreditRefusal, purpose: Purpose | None, cost: int) -> None:
        if self.pace.asleep_until is None:
            plan = self.source.allowance.credits
            gone = plan is not None and refusal.until >= plan.bounds(self._clock.now())[1]
            say = log.warning if gone else log.info  # a wait until a window has room is no news
            say("%s sleeps until %s: %s", self.source.name, refusal.until.isoformat(), refusal.reason)
        if purpose in (None, *_ASLEEP):
            self.pace.sleep(refusal.until, refusal.reason, cost)
