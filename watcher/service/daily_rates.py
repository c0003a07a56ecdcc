"""Daily rates: a source's own list of exchange rates, asked for once a day within its budget."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from watcher.domain.credits.allowance import Booking, CreditRefusal, Purpose
from watcher.domain.values.currencies import DOLLAR
from watcher.domain.values.errors import StoreError
from watcher.domain.values.exchange_rates import ExchangeRates, sound
from watcher.ports.clock import Clock
from watcher.ports.source import Reply, Request
from watcher.ports.store import Settlement, Store
from watcher.service.throttle import SourceThrottle

log = logging.getLogger(__name__)

FACT = "rates"
"""Under this name the store keeps the last list of a source, so that a start needs no request."""

CHECK_EVERY = 600.0
AGAIN = timedelta(hours=1)
"""A request that brought nothing is tried again after so long: it may have been charged all the same."""


def rates_kept(facts: Mapping[str, str], source: str) -> ExchangeRates | None:
    """The list that an earlier run kept of a source."""
    return ExchangeRates.load(facts.get(FACT), source)


class KnownRates:
    """The last list of exchange rates of one source, whoever asked for it."""

    def __init__(self, source: str, store: Store) -> None:
        self._source, self._store = source, store
        self.known: ExchangeRates | None = None
        """None if there was none yet."""

    async def look(self) -> None:
        """See what the store has."""
        self.known = rates_kept(await self._store.facts(self._source), self._source)

    async def follow(self, clock: Clock) -> None:
        """See what others have asked for, until cancelled."""
        while True:
            await clock.sleep(CHECK_EVERY)
            try:
                await self.look()
            except StoreError as error:
                log.debug("%s: the exchange rates that others know wait: %s", self._source, error)

    async def keep(self, told: Mapping[str, Decimal], now: datetime) -> None:
        """Take a list as the source tells it, for all who ask the store as well."""
        self.known = ExchangeRates(told, now.date(), self._source)
        await self._store.keep_facts(self._source, {FACT: self.known.dump()}, now)


class DailyRates:
    """Exchange rates of one source. A request for them leaves the reserve alone, and slows down no poll."""

    def __init__(self, throttle: SourceThrottle, store: Store, clock: Clock, rates: KnownRates) -> None:
        self._throttle, self._source = throttle, throttle.source
        self._store, self._clock, self._rates = store, clock, rates
        self._tried: datetime | None = None

    @property
    def known(self) -> ExchangeRates | None:
        """The last list; None if there was none yet."""
        return self._rates.known

    async def run(self) -> None:
        """Have the rates of each day (UTC), until cancelled."""
        while True:
            try:
                await self.once()
            except StoreError as error:
                log.warning("%s: exchange rates wait: %s", self._source.name, error)
            await self._clock.sleep(CHECK_EVERY)

    async def once(self) -> None:
        """Ask, if those of today are not known yet."""
        now = self._clock.now()
        fresh = self.known is not None and self.known.of == now.date()
        if fresh or (self._tried is not None and timedelta(0) <= now - self._tried < AGAIN):
            return
        self._tried, request = now, self._source.rates()
        while request is not None:
            reply = await self._ask(request)
            if reply is None:
                return
            request = next(iter(reply.more), None)
            rates = sound(reply.rates or {})
            if rates.keys() - {DOLLAR}:
                await self._rates.keep(rates, now)
            elif request is None:
                why = reply.failure or "the list has no currency but the dollar"
                log.warning("%s: no exchange rates: %s", self._source.name, why)

    async def _ask(self, request: Request) -> Reply | None:
        """One request, booked and settled; None if nothing may be asked now."""
        name, cost = self._source.name, request.cost
        with self._throttle.request():
            if await self._throttle.asleep(Purpose.RATES, cost):
                return None
            await self._throttle.turn()
            booking = Booking(name, 0, cost, Purpose.RATES, self._clock.now())
            grant = await self._store.reserve(booking, self._source.allowance)
            if isinstance(grant, CreditRefusal):
                log.info("%s: exchange rates wait: %s", name, grant.reason)
                return None
            reply = await self._throttle.send(request)
            settlement = Settlement(grant, self._clock.now(), reply.charged, failure=reply.failure)
            await self._store.fail(settlement)
            return reply
