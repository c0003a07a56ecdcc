"""Handing out: jobs of one source, from the one member that plans to all that ask, and what came of them.

The queue of what is due stays with who plans, and jobs are made late: few are ahead at any time, so what is
urgent waits behind few others, and little is in the hands of whoever dies.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta

from watcher.domain.credits.allowance import Purpose
from watcher.domain.model import EMPTY, Account, Outcome
from watcher.domain.values.errors import StoreError
from watcher.domain.values.formatting import counted
from watcher.ports.clock import Clock
from watcher.ports.hints import HintWord
from watcher.ports.queue import Batch, Queue
from watcher.ports.shared_work import PollJob, SharedWork
from watcher.ports.store import Store
from watcher.service.chain_discovery import ChainDiscovery
from watcher.service.engine import RuleEngine
from watcher.service.metrics import Metrics
from watcher.service.polling import Poller, PollEvents

log = logging.getLogger(__name__)

LOOK, SOON = 1.0, 0.2
"""Seconds from one look at what is done and due to the next one, at most and, where something is put, at
least."""
SWEEP_EVERY = 3.0
FACTS_EVERY = 10.0
AHEAD = 2
"""Jobs ahead for each request that those who ask may have under way, and as many urgent ones."""

TOGETHER = 50
"""Accounts of one job."""

OVERLAP = timedelta(seconds=60)
"""For how long a request may be concluded and not be seen yet."""

AGAIN = timedelta(minutes=1)
"""A confirmation that came to nothing is handed out again after so long."""

EXHAUSTED = "exhausted"
"""Under this name the store keeps when a provider said that the credits are gone, and how."""

USUAL = (Purpose.SCHEDULED, Purpose.SWEEP)
URGENT = (Purpose.CONFIRMATION, Purpose.HINTED, Purpose.BY_HAND)


async def sweep(work: SharedWork, crowd: str, clock: Clock, metrics: Metrics) -> None:
    """Give back what members were doing that are gone, until cancelled."""
    while True:
        try:
            if found := await work.sweep(crowd):
                metrics.stalled += found
                log.warning("%s of members that are gone go to others", counted(found, "job"))
        except StoreError as error:
            log.warning("what members do that are gone is not known: %s", error)
        await clock.sleep(SWEEP_EVERY)


class HandingOut:
    """The jobs of one source, as who plans knows them. What polls find is told to `events`."""

    def __init__(
        self,
        source: str,
        queue: Queue,
        work: SharedWork,
        crowd: str,
        engine: RuleEngine,
        events: PollEvents,
        heard: Callable[[], datetime | None] = lambda: None,
        *,
        at_once: int = 1,
    ) -> None:
        """`crowd`: who has read the same configuration. `heard`: until when `events` has heard of polls as it
        begins; None: now. `at_once`: requests that each who asks may have under way."""
        self._source, self._queue, self._work, self._crowd = source, queue, work, crowd
        self._store, self._clock, self._events = engine.store, engine.clock, events
        self._at_once, self._began = at_once, self._clock.now()
        self._since, self._heard_until = self._began, heard
        self._next_look = 0.0
        self._told: dict[int, datetime] = {}
        """Requests that `events` was told of, with when they ended."""
        self._heard: dict[Account, datetime] = {}
        """When each account of a job that is ahead was asked for."""
        self._ahead: dict[int, PollJob] = {}
        self._confirmed: dict[Account, datetime] = {}
        """When a confirmation was handed out that is owed still."""

    async def run(self) -> None:
        """Hand out what is due, until cancelled."""
        self._since = self._heard_until() or self._began
        while True:
            self._queue.changed.clear()
            try:
                await self.once()
            except StoreError as error:
                log.warning("%s: no jobs are handed out: %s", self._source, error)
                await self._clock.sleep(LOOK - SOON)
            await self._clock.sleep(SOON)
            await self._clock.wait(self._queue.changed, LOOK - SOON)

    async def once(self) -> None:
        """Hear of what was done, and hand out what there is room for."""
        # In this order: what a job that is gone has brought is there before it is gone.
        ahead = {each.id: each.job for each in await self._work.ahead(self._crowd)}
        await self._hear()
        self._see({number: job for number, job in ahead.items() if job.source == self._source})
        await self._confirm()
        await self._look()
        room = AHEAD * self._at_once * max(await self._work.askers(self._crowd), 1)
        await self._hand(USUAL, room)
        await self._hand(URGENT, room)

    async def _hear(self) -> None:
        """Tell of the requests that others, and we, have made."""
        for request in await self._work.polled(self._source, self._since - OVERLAP):
            if request.id in self._told:
                continue
            self._told[request.id] = request.at
            self._since = max(self._since, request.at)
            # A schedule that was taken up hears of what is past, and must not take it for a clock set back.
            at = max(request.at, self._clock.now() - OVERLAP / 2)
            for account, changed in request.accounts.items():
                self._heard[account] = request.at
                self._events.seen(account, at, changed, request.purpose)
        old = self._since - 2 * OVERLAP
        self._told = {number: at for number, at in self._told.items() if at >= old}

    def _see(self, ahead: dict[int, PollJob]) -> None:
        """What is ahead now: of what is done, whoever was not asked for was refused."""
        now = self._clock.now()
        for number, job in ahead.items():
            if number not in self._ahead:  # handed out by who planned before us
                self._queue.taken(job.batch)
                for account in job.batch.accounts:
                    if not self._was_asked(account, job):  # or it would be under way for ever
                        self._events.under_way(account, now)
        for number in self._ahead.keys() - ahead.keys():
            job = self._ahead[number]
            self._queue.done(job.batch)
            for account in job.batch.accounts:
                if not self._was_asked(account, job):
                    self._events.refused(account, now)
        self._ahead = ahead
        under_way = {account for job in ahead.values() for account in job.batch.accounts}
        self._heard = {account: at for account, at in self._heard.items() if account in under_way}

    def _was_asked(self, account: Account, job: PollJob) -> bool:
        at = self._heard.get(account)
        return at is not None and at >= job.planned

    async def _look(self) -> None:
        """Whether one who asks was told that the credits are gone."""
        if self._clock.monotonic() < self._next_look:
            return
        self._next_look = self._clock.monotonic() + FACTS_EVERY
        said = (await self._store.facts(self._source)).get(EXHAUSTED, "")
        at, _, reason = said.partition(" ")
        if said and datetime.fromisoformat(at) > self._began:
            self._began = datetime.fromisoformat(at)
            await self._events.exhausted(reason)

    async def _confirm(self) -> None:
        """Make due the confirmations that are owed."""
        now, owed = self._clock.now(), await self._work.owed(self._source)
        self._confirmed = {each.account: self._confirmed.get(each.account, each.due - AGAIN) for each in owed}
        for account, _due, alone in owed:
            if now - self._confirmed[account] >= AGAIN and not self._queue.holds(account):
                self._confirmed[account] = now
                self._queue.put([account], Purpose.CONFIRMATION, alone=alone)

    async def _hand(self, purposes: Collection[Purpose], room: int) -> None:
        """Hand out as many jobs for these purposes as there is room for."""
        under_way = sum(each.batch.purpose in purposes for each in self._ahead.values())
        batches: list[Batch] = []
        for _ in range(under_way, room):
            batch = self._queue.take_now(TOGETHER, purposes)
            if batch is None:
                break
            batches.append(batch)
        if not batches:
            return
        jobs = [self._order(batch) for batch in batches]
        try:
            numbers = await self._work.hand(self._crowd, jobs)
        except BaseException:
            self._put_back(batches)
            raise
        self._ahead.update(zip(numbers, jobs, strict=True))

    def _order(self, batch: Batch) -> PollJob:
        words = {
            account: word
            for account in (batch.accounts if batch.purpose is Purpose.HINTED else ())
            if (word := self._events.hint_of(account)) is not None
        }
        return PollJob(self._source, batch, self._clock.now(), words)

    def _put_back(self, batches: Iterable[Batch]) -> None:
        for batch in batches:
            self._queue.done(batch)
            self._queue.put(batch.accounts, batch.purpose, alone=batch.alone)


async def pass_on(source: str, queue: Queue, work: SharedWork, crowd: str, clock: Clock) -> None:
    """Have others ask for what is put into the queue of a member that asks for nothing, until cancelled."""
    while True:
        batch = await queue.take(TOGETHER)
        try:
            (number,) = await work.hand(crowd, [PollJob(source, batch, clock.now())])
            while number in [each.id for each in await work.ahead(crowd)]:
                await clock.sleep(LOOK)
        except StoreError as error:
            log.warning("%s: what is to be polled by hand is not handed on: %s", source, error)
            await clock.sleep(LOOK)
        finally:
            queue.done(batch)


class AskerEvents(PollEvents):
    """What the poller of a member that asks tells of one source. What it polled, all read in the store."""

    def __init__(
        self,
        source: str,
        engine: RuleEngine,
        word_of: Callable[[Account], HintWord | None],
        discovery: ChainDiscovery | None,
    ) -> None:
        """`word_of`: upon which word an account is asked for."""
        self._source, self._store, self._clock = source, engine.store, engine.clock
        self._word_of, self._discovery = word_of, discovery

    def hint_of(self, account: Account) -> HintWord | None:
        return self._word_of(account)

    async def exhausted(self, reason: str) -> None:
        """Who plans hears of it from the store."""
        now = self._clock.now()
        await self._store.keep_facts(self._source, {EXHAUSTED: f"{now.isoformat()} {reason}"}, now)

    async def swept(self, outcome: Outcome, now: datetime) -> None:
        if self._discovery is not None:
            await self._discovery.swept(outcome, now)


async def follow_facts(pollers: Collection[Poller], store: Store, clock: Clock) -> None:
    """Take over what others have learnt of the sources, until cancelled: above all, what may be spent."""
    known: dict[str, Mapping[str, str]] = {}
    while True:
        await clock.sleep(FACTS_EVERY)
        for poller in pollers:
            name = poller.source.name
            try:
                facts = await store.facts(name)
            except StoreError as error:
                log.debug("what others learnt of %s is not known now: %s", name, error)
                continue
            before, known[name] = known.get(name, EMPTY), facts
            news = {each: fact for each, fact in facts.items() if before.get(each) != fact}
            poller.source.remember(news)
            poller.remember(facts)
