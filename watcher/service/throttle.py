"""Throttle of one source: how soon the next request may start, and until when the source sleeps."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from watcher.domain.credits.allowance import CreditRefusal, Purpose
from watcher.domain.model import Reading
from watcher.domain.values.durations import span
from watcher.ports.clock import Clock
from watcher.ports.gate import Gate, Sleep
from watcher.ports.source import RawAnswer, RawCall, Reply, Request, Source
from watcher.service.gate import LocalGate
from watcher.service.metrics import Metrics

log = logging.getLogger(__name__)

FIRST_BACKOFF = 2.0
LONGEST_BACKOFF = 900.0

SLEEPING = (Purpose.SCHEDULED, Purpose.SWEEP, Purpose.HINTED, Purpose.HINTING, Purpose.RATES)
"""What is not asked for while a source sleeps."""


class SourceThrottle:
    """A source, asked no faster than it bears. Each of its requests goes through here and is counted."""

    def __init__(
        self, source: Source, clock: Clock, metrics: Metrics | None = None, gate: Gate | None = None
    ) -> None:
        """`gate`: shared with whoever else asks with the same key; without it nobody else does."""
        self.source = source
        self._clock, self._metrics = clock, metrics
        self.gate: Gate = gate or LocalGate(clock)
        self._faults = 0
        self.begun = 0
        """Requests that ever began, waiting for their booking included."""
        self._under_way = 0

    @property
    def next_start(self) -> float:
        """When the next request may start, in monotonic seconds."""
        return self.gate.next_start

    @property
    def asleep_until(self) -> datetime | None:
        """Until when the source sleeps."""
        return self.gate.asleep.until if self.gate.asleep is not None else None

    @property
    def asleep_because(self) -> str:
        """Why it sleeps."""
        return self.gate.asleep.because if self.gate.asleep is not None else ""

    @contextmanager
    def request(self) -> Iterator[None]:
        """One request from before its booking to its end."""
        self._under_way += 1
        self.begun += 1
        try:
            yield
        finally:
            self._under_way -= 1

    @property
    def quiet(self) -> bool:
        """Whether nothing is booked here that the provider may not have counted yet."""
        return not self._under_way

    async def turn(self) -> None:
        """Keep the spacing between the starts of two requests, and any pause asked for."""
        await self.gate.turn(self.source.spacing)

    async def send(self, request: Request) -> Reply:
        """One request, counted. An answer whose charge nobody knows counts as charged."""
        began = self._clock.monotonic()
        reply = await self.source.send(request)
        if self._metrics is not None:
            charged = request.cost if reply.charged is None else reply.charged
            self._metrics.requested(self.source.name, self._clock.monotonic() - began, charged)
        return reply

    async def ask(self, call: RawCall, cost: int) -> RawAnswer:
        """One request that is no poll, counted as well. Its failure slows down no poll, unless the provider
        asks for a pause."""
        began = self._clock.monotonic()
        answer = await self.source.ask(call)
        if self._metrics is not None:
            charged = cost if answer.charged is None else answer.charged
            self._metrics.requested(self.source.name, self._clock.monotonic() - began, charged)
        if answer.pause:
            await self.gate.pause(answer.pause.total_seconds())
        return answer

    async def note(self, reply: Reply) -> None:
        """Slow down after a failure, with jitter; a success forgets it."""
        pause = reply.pause.total_seconds() if reply.pause else 0.0
        if pause > self.source.spacing:
            log.warning("%s: %s; nothing is asked for %s", self.source.name, reply.failure, span(pause))
        if reply.failure and not any(isinstance(outcome, Reading) for outcome in reply.outcomes):
            pause = max(pause, _backoff(await self.gate.failed()))
        else:
            self._faults = 0
            await self.gate.succeeded()
        if pause:
            await self.gate.pause(pause)

    def backoff(self) -> float:
        """Seconds to wait after one more fault in a row that is not the source's."""
        self._faults += 1
        return _backoff(self._faults)

    async def asleep(self, purpose: Purpose, cost: int) -> bool:
        """Whether a request of this cost need not be tried now."""
        if purpose not in SLEEPING or self.gate.asleep is None:
            return False
        await self.gate.look()
        known = self.gate.asleep
        return known is not None and self._clock.now() < known.until and cost >= known.cost

    async def sleep(
        self, refusal: CreditRefusal, cost: int = 0, purpose: Purpose = Purpose.SCHEDULED
    ) -> None:
        """No request of `cost` or more fits until then. A refused poll by hand puts nothing else to sleep."""
        if self.gate.asleep is None:
            plan = self.source.allowance.credits
            gone = plan is not None and refusal.until >= plan.bounds(self._clock.now())[1]
            say = log.warning if gone else log.info  # a wait until a window has room is no news
            say("%s sleeps until %s: %s", self.source.name, refusal.until.isoformat(), refusal.reason)
        if purpose in SLEEPING:
            await self.gate.sleep(Sleep(refusal.until, refusal.reason, cost))

    async def granted(self, purpose: Purpose, cost: int) -> None:
        """A request was booked: what kept the source asleep is over, unless this one was only cheaper."""
        known = self.gate.asleep
        if known is not None and purpose in SLEEPING and cost >= known.cost:
            await self.wake()

    async def wake(self) -> None:
        """There are credits again."""
        if self.gate.asleep is not None:
            log.info("%s polls again", self.source.name)
            await self.gate.wake()


def _backoff(failures: int) -> float:
    """Seconds to wait after so many failures in a row."""
    wait: float = min(FIRST_BACKOFF * 2 ** min(failures - 1, 20), LONGEST_BACKOFF)
    return wait * random.uniform(0.8, 1.2)
