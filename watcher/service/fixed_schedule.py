"""Fixed schedule: intervals and cron lines. A tick puts accounts into their source's queue, nothing more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from watcher.domain.credits.allowance import Purpose
from watcher.domain.model import Account
from watcher.domain.values.errors import StoreError
from watcher.ports.clock import Clock
from watcher.ports.queue import Queue
from watcher.service.poll_times import PollTimes

if TYPE_CHECKING:
    from watcher.service.ticks import Ticks, Timed

log = logging.getLogger(__name__)

SLOT = 50
"""Accounts of the same poll times that share a tick, about as many as one request holds."""


SLICE = 5000
"""Accounts of which the store is asked at once when they were asked for last."""
AGAIN = 1.0

Attempts: TypeAlias = Callable[[Sequence[Account]], Awaitable[Mapping[Account, datetime]]]


@dataclass(slots=True, eq=False)
class Slot:
    """Accounts of the same poll times that tick together, and their last tick that asked for them."""

    times: PollTimes
    accounts: Sequence[Account]
    last: datetime | None = None


class FixedScheduler:
    """The schedule of one source's accounts at fixed times. `run` makes them due."""

    def __init__(
        self,
        fixed: Mapping[PollTimes, Sequence[Account]],
        affordable: Callable[[Sequence[Account]], Sequence[Account]],
        clock: Clock,
        queue: Queue,
        attempts: Attempts,
    ) -> None:
        """`affordable`: those of some accounts that a tick may ask for now. `attempts`: says when some were
        asked for last."""
        self._fixed, self._affordable, self._clock, self._queue = fixed, affordable, clock, queue
        self._attempts = attempts
        self._unknown = [
            (times, start) for times, all_ in fixed.items() for start in range(0, len(all_), SLICE)
        ][::-1]
        """The slices of accounts whose last attempts are not looked up yet; the first one is next."""
        # APScheduler knows of its own ticks only: whoever was made due by `begin`, less than half an interval
        # ago, is left out of a tick.
        self._last: dict[Account, datetime] = {}
        """When accounts were made due, or asked for, that no tick has asked for yet."""

    @property
    def ticks(self) -> bool:
        """Whether any account has fixed times."""
        return bool(self._fixed)

    async def begin(self) -> None:
        """Make due whose time came while nobody was there; the others wait. Of many the first are asked for
        while the last are looked up. After a StoreError it goes on where it was."""
        while self._unknown:
            times, start = self._unknown[-1]
            some = self._fixed[times][start : start + SLICE]
            attempts = await self._attempts(some)
            self._unknown.pop()
            self._put(self._overdue(times, some, attempts))

    async def run(self) -> None:
        """Begin, if nobody has had it begin, and tick until cancelled."""
        while self._unknown:
            try:
                await self.begin()
            except StoreError as error:
                log.warning("who is overdue is not known: %s", error)
                await self._clock.sleep(AGAIN)
        await (await asyncio.to_thread(self._ticks)).run()

    def _ticks(self) -> Ticks:
        # The first polls need no tick: the library is loaded beside them.
        from watcher.service.ticks import Ticks

        return Ticks(self._slots(), self._clock)

    def _slots(self) -> Iterator[Timed]:
        """Slots of accounts, those of the same poll times spread over the interval."""
        for times, accounts in self._fixed.items():
            slots = [Slot(times, accounts[start : start + SLOT]) for start in range(0, len(accounts), SLOT)]
            for number, slot in enumerate(slots):
                yield times, number / len(slots), partial(self._tick, slot)

    def _overdue(
        self, times: PollTimes, accounts: Sequence[Account], attempts: Mapping[Account, datetime]
    ) -> list[Account]:
        now = self._clock.now()
        # Whoever was asked from then on has missed nothing.
        since = times.latest(now) if times.every is None else now - times.every + datetime.resolution
        late = []
        for account in accounts:
            last = attempts.get(account)
            if last is not None and last <= now:
                self._last[account] = last
            if last is None or last > now or (since is not None and last < since):
                late.append(account)
                self._last[account] = now
        return late

    def _tick(self, slot: Slot) -> None:
        now, known, every = self._clock.now(), self._last, slot.times.every
        recent = now - every / 2 if every is not None else now
        due = []
        usual = slot.last is None or not recent < slot.last <= now
        for account in slot.accounts:
            last = known.get(account)
            if usual if last is None else not recent < last <= now:
                known.pop(account, None)
                due.append(account)
        if usual:
            slot.last = now
        self._put(due)

    def _put(self, accounts: Sequence[Account]) -> None:
        self._queue.put(self._affordable(accounts), Purpose.SCHEDULED)
