"""Outage: a server that cannot be worked on for now. It is said once and then each minute, and nobody begins
anything: who is in the middle of something waits, and goes on once it is over."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from watcher.domain.values.durations import span
from watcher.domain.values.errors import StoreBusyError, StoreError
from watcher.domain.values.formatting import moment
from watcher.ports.clock import Clock
from watcher.store.postgres.clock import Timer
from watcher.store.postgres.errors import StoreConflictError, StoreReadOnlyError, StoreRefusedError

log = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
"""Seconds before the next attempt, doubling, with jitter. Once another one has succeeded nobody waits."""
SAID_EVERY = 60.0
AWAY = (StoreBusyError, StoreRefusedError)


class Outage:
    """Whether there is one, of one process. Whoever reaches the server, or does not, says so here."""

    def __init__(self, place: str, timer: Timer, clock: Clock) -> None:
        self._place, self._timer, self._clock = place, timer, clock
        self._ticks = timer.monotonic
        self._error: StoreError | None = None
        self._since, self._began = 0.0, ""
        self._said, self._loud, self._why = -math.inf, False, ""
        """When anything was said last; whether this outage was, and why the last one was that was said."""
        self._over = asyncio.Event()

    @property
    def words(self) -> str:
        """Why nothing is done, and since when; empty if there is no outage."""
        return f"{self._error}{self._began}" if self._error is not None else ""

    def lost(self, error: StoreError) -> None:
        """The server could not be worked on."""
        now = self._ticks()
        if self._error is None:
            self._since, self._began = now, f", since {moment(self._clock.now())}"
            self._loud = False
            self._over = asyncio.Event()
            if str(error) != self._why:
                self._said = -math.inf
        self._error = error
        if now - self._said < SAID_EVERY:
            return
        if self._loud:
            log.error("%s; for %s", error, span(now - self._since))
        else:
            log.error("%s; nothing is asked or told until it is back", error)
            self._why = str(error)
        self._said, self._loud = now, True

    def over(self, *, wrote: bool = True) -> None:
        """It could. What was read says nothing of a server that keeps nothing."""
        if self._error is None or not (wrote or self._reading_helps):
            return
        if self._loud:
            log.info("%s is back after %s", self._place, span(self._ticks() - self._since))
        self._error = None
        self._over.set()

    async def outlast(
        self, attempt: Callable[[], Awaitable[T]], *, writes: bool = True, within: float = math.inf
    ) -> T:
        """Do it, as often as it takes. `within`: seconds after which its error is raised; until then others
        who are quicker are outlasted, too."""
        until, wait = self._ticks() + within, FIRST_WAIT
        while True:
            left = max(until - self._ticks(), 0.0)
            if await self._clear(min(wait * random.uniform(0.5, 1.0), left), writes=writes):
                wait = min(wait * 2, LONGEST_WAIT)
            last = left < FIRST_WAIT
            try:
                return await self.attempt(attempt, writes=writes)
            except StoreConflictError:
                if within == math.inf or last:
                    raise
                await self._timer.sleep(FIRST_WAIT)
            except AWAY:
                if last:
                    raise

    async def attempt(self, attempt: Callable[[], Awaitable[T]], *, writes: bool = True) -> T:
        """Do it once; whether the server could be worked on is known to all."""
        try:
            done = await attempt()
        except StoreConflictError:
            raise
        except AWAY as error:
            self.lost(error)
            raise
        self.over(wrote=writes)
        return done

    async def clear(self, seconds: float) -> None:
        """Wait if there is an outage, no longer than until it is over."""
        await self._clear(seconds)

    async def _clear(self, seconds: float, *, writes: bool = True) -> bool:
        """Whether there was anything to wait for."""
        waited = False
        while self._error is not None:
            waited, forever = True, not writes and not self._reading_helps
            await self._timer.wait(self._over, None if forever else seconds)
            if not forever:
                break
        return waited

    @property
    def _reading_helps(self) -> bool:
        return not isinstance(self._error, StoreReadOnlyError)
