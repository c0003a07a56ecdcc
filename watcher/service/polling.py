"""Poller: the work of one source. Takes what is due, asks within the allowance, concludes, records."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from watcher.domain.credits.allowance import Booking, CreditRefusal, Grant, Purpose
from watcher.domain.decision import Recheck
from watcher.domain.model import Account, Miss, MissReason, Outcome, Reading
from watcher.domain.readings.fault_isolation import CULPRITS, NEVER_READ
from watcher.domain.values.errors import StoreError
from watcher.ports.hints import HintedPoll, HintWord
from watcher.ports.queue import Batch, Queue
from watcher.ports.source import Reply, Request
from watcher.ports.store import Settlement
from watcher.service.engine import RuleEngine
from watcher.service.fault_isolation import PATIENT, FaultIsolation
from watcher.service.source_health import SourceHealth
from watcher.service.throttle import SLEEPING, SourceThrottle

log = logging.getLogger(__name__)

TAKE = 500
"""Accounts taken from the queue at once; the source splits them into requests."""

EXHAUSTED_PAUSE = timedelta(hours=1)
"""How often a provider that said the credits are gone is asked again before the period ends."""

SHORT_WAIT = timedelta(minutes=2)
"""A refusal that ends this soon is waited out; a longer one gives the accounts back to their ticks."""


class PollEvents:
    """What a poller tells those who planned its work. Here it is told to nobody."""

    def seen(self, account: Account, at: datetime, changed: bool | None, purpose: Purpose) -> None:  # noqa: FBT001
        """A poll was made, for this purpose: the balance changed, did not, or (None) could not be read."""

    def hint_of(self, account: Account) -> HintWord | None:  # noqa: ARG002
        """Which word a poll that is hinted is made upon."""
        return None

    def refused(self, account: Account, at: datetime) -> None:
        """A poll that was due was not made, and not charged."""

    def under_way(self, account: Account, at: datetime) -> None:
        """A poll is on its way that somebody else has planned."""

    async def exhausted(self, reason: str) -> None:
        """The provider says, in these words, that the credits are gone."""

    async def swept(self, outcome: Outcome, now: datetime) -> None:
        """What a sweep brought: it is booked like any request, and neither recorded nor judged."""


class ReadMeanwhile(NamedTuple):
    """Accounts of a request that somebody else has read meanwhile: they are not asked for again."""

    accounts: frozenset[Account]


class Poller:
    """Polls one source: from its queue, through its throttle, into the engine."""

    def __init__(
        self, throttle: SourceThrottle, queue: Queue, engine: RuleEngine, events: PollEvents | None = None
    ) -> None:
        self.source, self.queue, self.throttle = throttle.source, queue, throttle
        self._engine, self._store, self._clock = engine, engine.store, engine.clock
        self._events = events or PollEvents()
        self.health = SourceHealth(self.source.name, engine, throttle.gate)
        self.isolation = FaultIsolation(self.source, engine)
        self._log = ReplyLog(self.source.name)
        self.trouble = ""  # why nothing can be asked for: what the store said last, if it failed
        self._words: dict[Account, HintWord] = {}  # upon which accounts are asked for now
        self._later: set[asyncio.Task[None]] = set()
        self._progressed = self._clock.monotonic()

    def remember(self, facts: Mapping[str, str]) -> None:
        """Take back what an earlier run found out of accounts that fail by themselves."""
        self.isolation.remember(facts.get(CULPRITS))

    def stalled(self) -> float:
        """Seconds since there has been work that may be done now, and none of it was."""
        now = self._clock.monotonic()
        if not len(self.queue) or self.throttle.next_start > now:
            self._progressed = now
        return now - self._progressed

    async def run(self, workers: int = 1) -> None:
        """Work until cancelled, with so many requests at once."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(workers):
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
                if not self._store.members.away:  # all of it has been said
                    log.error("store: %s; %s waits", error, self.source.name)  # noqa: TRY400
                await self._clock.sleep(self.throttle.backoff())
            except Exception:
                # The one broad catch of this loop: a fault of ours must not end the watching.
                log.exception("unexpected error while polling %s", self.source.name)
                await self._clock.sleep(self.throttle.backoff())
            finally:
                self.queue.done(batch)
            self._progressed = self._clock.monotonic()

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

        Once a request has failed, the rest waits until something can be read. What is more urgent does not
        wait for the rest.
        """
        outcomes: list[Outcome] = []
        left: list[Account] = []  # go back to the queue
        following: list[Request] = []  # what one of the requests has led to
        learnt = False
        if batch.purpose is Purpose.HINTED:
            words = {account: self._events.hint_of(account) for account in batch.accounts}
            self._words.update({account: word for account, word in words.items() if word is not None})
        try:
            waiting = self.isolation.requests(self.isolation.choose(batch))
            while following or waiting:
                request = (following or waiting).pop(0)
                reply = await self._one(request, batch.purpose)
                if reply is None:  # what is left may be enough for some of it
                    halves = await self._halves(request, batch.purpose)
                    if not halves and batch.purpose not in SLEEPING:
                        break
                    following = [*halves, *following]
                    continue
                outcomes += reply.outcomes
                following = [*reply.more, *following]
                # Nothing was read, or the source learnt what is better asked otherwise: the rest is put anew.
                learnt = learnt or bool(reply.failure and reply.facts)
                anew = bool(reply.outcomes) and (self.isolation.doubted or learnt)
                anew = anew and batch.purpose in (*PATIENT, Purpose.BY_HAND)
                if anew or (not following and self.queue.urgent(batch)):
                    left = [account for each in (*following, *waiting) for account in each.accounts]
                    self.queue.put(left, batch.purpose)
                    break
                self._progressed = self._clock.monotonic()
        finally:
            self._refused(batch, {*left, *(outcome.account for outcome in outcomes)})
            for account in batch.accounts:
                self._words.pop(account, None)
        return outcomes

    async def _halves(self, request: Request, purpose: Purpose) -> list[Request]:
        """Of a request that costs more than there is; none if nothing of it can fit either."""
        half, now = len(request.accounts) // 2, self._clock.now()
        cheapest = min(map(self.source.cost, request.accounts), default=0)
        if not half or not request.cost or await self.throttle.asleep(purpose, cheapest):
            return []
        parts = (request.accounts[:half], request.accounts[half:])
        return [each for part in parts for each in self.source.plan(part, now)]

    async def _one(self, request: Request, purpose: Purpose) -> Reply | None:
        """One request, or None if the allowance has no room for it for long."""
        with self.throttle.request():
            grant = await self._reserve(request, purpose)
            if isinstance(grant, ReadMeanwhile):
                rest = [account for account in request.accounts if account not in grant.accounts]
                return Reply((), more=tuple(self.source.plan(rest, self._clock.now())) if rest else ())
            return await self._ask(request, grant, purpose) if grant is not None else None

    def _refused(self, batch: Batch, settled: set[Account]) -> None:
        """Tell whoever scheduled them which accounts led to no outcome: refused, or cut off by an error."""
        now, metrics = self._clock.now(), self._engine.metrics
        for account in set(batch.accounts) - settled:
            self._events.refused(account, now)
            if metrics is not None and (word := self._words.get(account)) is not None:
                metrics.hint_polls[word.by, "refused"] += 1

    async def _reserve(self, request: Request, purpose: Purpose) -> Grant | ReadMeanwhile | None:
        """Wait for this source's turn and book the cost; None if the allowance has no room for long."""
        if request.lookup:
            purpose = Purpose.LOOKUP
        while True:
            if await self.throttle.asleep(purpose, request.cost):
                return None
            await self.throttle.turn()
            if await self.throttle.asleep(purpose, request.cost):
                return None
            if settled := await self.queue.settled(request.accounts):
                return ReadMeanwhile(frozenset(settled))
            now = self._clock.now()
            answer = await self._store.reserve(
                Booking(self.source.name, len(request.accounts), request.cost, purpose, now),
                self.source.allowance,
            )
            if isinstance(answer, Grant):
                await self.throttle.granted(purpose, request.cost)
                return answer
            if answer.until - now > SHORT_WAIT:
                if len(request.accounts) < 2 or not request.cost:
                    await self.throttle.sleep(answer, request.cost, purpose)
                return None
            await self._clock.sleep((answer.until - now).total_seconds())

    async def _ask(self, request: Request, grant: Grant, purpose: Purpose) -> Reply:
        try:
            reply = await self.throttle.send(request)
            reply = await self._conclude(reply, grant, purpose, request.cost)
        except StoreError:
            raise
        except Exception as error:
            # Booked and not settled: it stays charged. The accounts read as missed, not as empty.
            log.exception("unexpected error in a request to %s", self.source.name)
            reply = await self._conclude(broken(request, error), grant, purpose, request.cost)
        self.queue.read(each.account for each in reply.outcomes if isinstance(each, Reading))
        if reply.exhausted:
            reason = reply.failure or "the provider says the credits are gone"
            await self.throttle.sleep(CreditRefusal(self._clock.now() + EXHAUSTED_PAUSE, reason))
            await self._events.exhausted(reason)
        await self.throttle.note(reply)
        again = await self.isolation.note(reply, purpose)
        if not self.isolation.blamed:
            apart = self.isolation.suspects.addresses_apart()
            await self.health.note(reply, settled=self.isolation.settled, apart=apart)
        for account, why in again.items():
            self.queue.put([account], why)
        return reply

    async def _conclude(self, reply: Reply, grant: Grant, purpose: Purpose, cost: int) -> Reply:
        """Read the reply, judge it and settle the request: one piece of work in the store's thread."""
        now = self._clock.now()
        if reply.facts:
            await self._store.keep_facts(self.source.name, reply.facts, now)
        read: list[tuple[Reply, Settlement, bool]] = []

        def reading() -> tuple[Sequence[Outcome], Settlement]:
            whole = reply.read()
            settlement = self._settlement(whole, grant, cost, now)
            judged = purpose is not Purpose.SWEEP and not self.isolation.step(whole)
            read.append((whole, settlement, judged))
            return (whole.outcomes if judged else ()), settlement

        decision = await self._engine.judge_read(reading, now)
        reply, settlement, judged = read[0]
        moved = decision.moved
        self._count(settlement, moved)
        if not judged:
            for outcome in reply.outcomes if purpose is Purpose.SWEEP else ():
                await self._events.swept(outcome, now)
            return reply

        self._log.take(reply)
        for outcome in reply.outcomes:
            changed = outcome.account in moved if isinstance(outcome, Reading) else None
            self._events.seen(outcome.account, now, changed, purpose)
        for again in decision.again:
            self.ask_again(again)
        if not reply.failure:
            unread = [state for state in decision.accounts if not state.seen and state.misses >= NEVER_READ]
            await self.isolation.left_out({state.account: state.miss for state in unread})
        return reply

    def _settlement(self, reply: Reply, grant: Grant, cost: int, now: datetime) -> Settlement:
        readings = sum(isinstance(each, Reading) and not each.blank for each in reply.outcomes)
        misses, hinted = len(reply.outcomes) - readings, self._hinted(reply, cost, now)
        return Settlement(grant, now, reply.charged, readings, misses, reply.failure, hinted)

    def _hinted(self, reply: Reply, cost: int, now: datetime) -> tuple[HintedPoll, ...]:
        """What this reply says of accounts that were asked for upon a hint."""
        if not self._words:
            return ()
        share = (cost if reply.charged is None else reply.charged) // max(len(reply.outcomes), 1)
        return tuple(
            HintedPoll(each.account, word, now, False if isinstance(each, Reading) else None, share)
            for each in reply.outcomes
            if (word := self._words.get(each.account)) is not None
        )

    def _count(self, settlement: Settlement, moved: Collection[Account]) -> None:
        """Count the polls of a request that hints caused."""
        if self._engine.metrics is not None:
            for poll in settlement.found(moved):
                self._engine.metrics.hint_poll(poll)

    def ask_again(self, again: Recheck) -> None:
        """Put an account into the queue soon, to be paid out of the reserve."""

        async def later() -> None:
            await self._clock.sleep(again.after.total_seconds())
            self.queue.put([again.account], Purpose.CONFIRMATION, alone=again.alone)

        task = asyncio.create_task(later())
        self._later.add(task)
        task.add_done_callback(self._later.discard)


def broken(request: Request, error: Exception) -> Reply:
    """A miss for each account that was asked for."""
    detail = type(error).__name__
    misses = tuple(Miss(account, MissReason.INTERNAL, detail) for account in request.accounts)
    return Reply(misses, failure=f"internal error: {detail}")


class ReplyLog:
    """Log of what a source's replies lacked. What is odd about an account's readings is said once for as long
    as it lasts, and so is its end."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._odd: dict[Account, set[str]] = {}

    def take(self, reply: Reply) -> None:
        """Say what was not read, and what is newly odd about the rest. A request that failed is one line."""
        each = logging.DEBUG if reply.failure else logging.INFO
        missed = [outcome for outcome in reply.outcomes if isinstance(outcome, Miss)]
        if missed and reply.failure:
            counts = len(missed), len(reply.outcomes)
            log.info("%s: %d of %d accounts not read: %s", self._source, *counts, reply.failure)
        for miss in missed:
            account = miss.account
            log.log(each, "%s: %s on %s not read: %s", self._source, account.address, account.chain, miss)
        for outcome in reply.outcomes:
            if isinstance(outcome, Reading) and (outcome.notes or outcome.unclear or self._odd):
                self._take(outcome)

    def _take(self, reading: Reading) -> None:
        account, odd = reading.account, set(reading.notes)
        for asset, why in reading.unclear.items():
            odd.add(f"{reading.symbols.get(asset, asset.token)} on {asset.chain}: {why}")
        before = self._odd.pop(account, set())
        for words in sorted(odd - before):
            log.info("%s: %s: %s", self._source, account.address, words)
        if odd:
            self._odd[account] = odd
        elif before:
            log.info("%s: %s: nothing is odd about its readings any more", self._source, account.address)
