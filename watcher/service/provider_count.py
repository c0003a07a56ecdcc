"""Provider count: what the provider itself counts corrects the ledger, and says when credits are gone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from watcher.domain.credits import provider_count
from watcher.domain.credits.allowance import CHEAPEST, Allowance, Booking, CreditPlan, Grant, Purpose
from watcher.domain.credits.provider_count import USAGE, Metered, Usage
from watcher.domain.decision import Decision, Snapshot
from watcher.domain.evaluation.builtin_notices import source_notice
from watcher.domain.values.errors import StoreError
from watcher.domain.values.formatting import moment
from watcher.domain.values.verdict import Verdict, met, not_met
from watcher.ports.store import Recall, Settlement
from watcher.service.engine import RuleEngine
from watcher.service.throttle import SourceThrottle

log = logging.getLogger(__name__)

EVERY = 3 * 3600.0
ASLEEP_EVERY = 3600.0
"""So often while the credits are gone: the renewal shows here first."""

STORE_WAIT = 60.0
FIRST_ANSWER = 15.0
"""Seconds for which polls wait for the provider's count."""

EARLY = 0.05
"""Credits that are gone with less than this share of the period to go are as planned."""


class ProviderCount:
    """The provider's count of one source, read at start, every few hours, and when credits are gone."""

    def __init__(
        self,
        throttle: SourceThrottle,
        configured: CreditPlan,
        engine: RuleEngine,
        on_read: Callable[[Allowance], None] = lambda _: None,
    ) -> None:
        """`configured`: the plan as the file has it, before any figure of the provider; `on_read` is given
        what may be spent by the figures just read."""
        self._throttle, self._source, self._configured = throttle, throttle.source, configured
        self._engine, self._store, self._clock = engine, engine.store, engine.clock
        self._on_read = on_read
        self._gone = ""
        self._asked = asyncio.Event()
        self._total: int | None = None
        self._read_first = False

    def exhausted(self, reason: str) -> None:
        """The provider refused for want of credits."""
        self._gone = reason
        self._asked.set()

    async def before_polls(self) -> None:
        """Read and correct once, for a ledger that may lack what was spent last."""
        try:
            async with asyncio.timeout(FIRST_ANSWER):
                await self.once()
        except TimeoutError:
            log.warning("%s does not say what it counts; what was booked is gone by", self._name)
        else:
            self._read_first = True

    async def run(self) -> None:
        """Read and correct, until cancelled. What fails changes nothing."""
        while True:
            self._asked.clear()
            gone = self._gone
            try:
                if not self._read_first:
                    await self.once()
                self._read_first = False
                wait = ASLEEP_EVERY if self._throttle.asleep_until else EVERY
            except StoreError as error:
                log.warning("%s: the provider's count waits: %s", self._name, error)
                self._gone, wait = self._gone or gone, STORE_WAIT  # nobody was told yet
            await self._clock.wait(self._asked, wait)

    async def once(self) -> None:
        """One reading, and what follows from it."""
        gone, self._gone = self._gone, ""
        while True:
            begun, quiet = self._throttle.begun, self._throttle.quiet
            asked = self._clock.now()
            usage = await self._ask()
            now = self._clock.now()
            if usage is None or self._began(asked) == self._began(now):
                break
            # a period began meanwhile, and nobody knows of which of the two this figure is
        metered = None
        if usage is not None:
            metered = await self._correct(usage, asked, now, begun if quiet else None)
        end = provider_count.applied(self._configured, metered).bounds(now)[1]
        if metered is not None and not gone and self._early(metered, now):
            gone = f"{metered.used:,} of {metered.total:,} credits are used"
        if gone and (metered is None or metered.left <= 0 or self._early(metered, now)):
            await self._tell(met(f"no credits are left ({gone}); it sleeps until {moment(end)}"), now)
        elif metered is not None and metered.left > 0:
            await self._throttle.wake()
            await self._tell(not_met(f"{metered.left:,} credits are left; it polls again"), now)

    def _began(self, at: datetime) -> datetime:
        """When the period began that a time lies in."""
        return (self._source.allowance.credits or self._configured).bounds(at)[0]

    async def _ask(self) -> Usage | None:
        """What the provider counts; None if it does not say, which changes nothing."""
        request = self._source.usage()
        waiting = [request] if request is not None else []
        while waiting:
            await self._throttle.turn()
            reply = await self._throttle.send(waiting.pop(0))
            if reply.usage is not None:
                return reply.usage
            log.info("%s does not say what it counts: %s", self._name, reply.failure)
            waiting += reply.more
        return None

    def _early(self, metered: Metered, now: datetime) -> bool:
        """Whether not one poll more can be paid, long before the period ends."""
        start, end = provider_count.applied(self._configured, metered).bounds(now)
        return metered.left < CHEAPEST and end - now > EARLY * (end - start)

    async def _correct(self, usage: Usage, asked: datetime, now: datetime, begun: int | None) -> Metered:
        """`begun`: requests that had begun when the provider was `asked`; None if one was under way."""
        facts = await self._store.facts(self._name)
        before = provider_count.Metered.load(facts.get(USAGE))
        metered = provider_count.noted(before, usage, now, self._configured)
        start = provider_count.applied(self._configured, metered).bounds(now)[0]
        booked = await self._store.spent(self._name, start)
        # after `spent`: what another process books from here on is in neither figure
        quiet = self._throttle.begun == begun and not await self._store.under_way(self._name, asked)
        missing, metered = provider_count.correction(before, metered, booked, start, quiet=quiet)
        self._say(before, metered, missing)
        if missing:
            await self._book(missing, now)
        kept = {USAGE: metered.dump()}
        await self._store.keep_facts(self._name, kept, now)
        self._source.remember(kept)
        self._on_read(self._source.allowance)
        self._engine.later.set()  # rules may look at what is left
        return metered

    async def _book(self, missing: int, now: datetime) -> None:
        """A correction is an entry like any other, but nothing can refuse it."""
        grant = await self._store.reserve(
            Booking(self._name, 0, max(missing, 0), Purpose.CORRECTION, now), Allowance()
        )
        assert isinstance(grant, Grant)  # noqa: S101 (there are no limits to break)
        why = "counted by the provider, not by us" if missing > 0 else "booked by us, not counted"
        await self._store.fail(Settlement(grant, now, missing, failure=why))

    def _say(self, before: Metered | None, metered: Metered, missing: int) -> None:
        configured = self._configured.limit
        if metered.total not in (configured, self._total):
            log.warning(
                "%s: the configuration says %s credits, the provider says %s; the smaller number is kept to",
                self._name, f"{configured:,}", f"{metered.total:,}",
            )  # fmt: skip
        self._total = metered.total
        if metered.renewed is not None and (before is None or before.renewed != metered.renewed):
            log.warning("%s: renewed at %s, not on the day configured", self._name, moment(metered.renewed))
        if missing > 0:
            log.warning(
                "%s: %s credits were used by others of this key, or not booked", self._name, f"{missing:,}"
            )
        elif missing < 0:
            log.info("%s: %s booked credits were not charged", self._name, f"{-missing:,}")

    async def _tell(self, verdict: Verdict, now: datetime) -> None:
        def deciding(past: Snapshot, _recall: Recall) -> Decision:
            return source_notice(past, self._name, verdict, self._engine.rules.channels, now)

        await self._engine.conclude([], deciding)

    @property
    def _name(self) -> str:
        return self._source.name
