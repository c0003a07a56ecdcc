"""Fixed schedule: intervals and cron lines. A tick puts accounts into their source's queue, nothing more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from watcher.domain.credits.allowance import Purpose
from watcher.domain.model import Account
from watcher.ports.clock import Clock
from watcher.ports.queue import Queue
from watcher.service.poll_times import PollTimes

if TYPE_CHECKING:
    from watcher.service.ticks import Slot, Ticks

SLOT = 50
"""Accounts of the same poll times that share a tick, about as many as one request holds."""


class FixedScheduler:
    """The schedule of one source's accounts at fixed times. `run` makes them due."""

    def __init__(
        self,
        fixed: Mapping[PollTimes, Sequence[Account]],
        affordable: Callable[[Sequence[Account]], Sequence[Account]],
        clock: Clock,
        queue: Queue,
    ) -> None:
        """`affordable`: those of some accounts that a tick may ask for now."""
        self._fixed, self._affordable, self._clock, self._queue = fixed, affordable, clock, queue
        # APScheduler knows of its own ticks only: whoever was made due by `begin`, less than half an interval
        # ago, is left out of a tick.
        self._last: dict[Account, datetime] = {}

    @property
    def ticks(self) -> bool:
        """Whether any account has fixed times."""
        return bool(self._fixed)

    def begin(self, attempts: Mapping[Account, datetime]) -> None:
        """Make due whose time came while nobody was there, by their last `attempts`; the others wait."""
        for times, accounts in self._fixed.items():
            self._put(self._overdue(times, accounts, attempts))

    async def run(self) -> None:
        """Tick until cancelled."""
        await (await asyncio.to_thread(self._ticks)).run()

    def _ticks(self) -> Ticks:
        # The first polls need no tick: the library is loaded beside them.
        from watcher.service.ticks import Ticks

        return Ticks(self._slots(), self._tick, self._clock)

    def _slots(self) -> Iterator[Slot]:
        """Slots of accounts, those of the same poll times spread over the interval."""
        for times, accounts in self._fixed.items():
            slots = [accounts[start : start + SLOT] for start in range(0, len(accounts), SLOT)]
            for number, slot in enumerate(slots):
                yield times, slot, number / len(slots)

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

    def _tick(self, times: PollTimes, accounts: Sequence[Account]) -> None:
        now, known = self._clock.now(), self._last
        recent = now - times.every / 2 if times.every is not None else now
        due = []
        for account in accounts:
            last = known.get(account)
            if last is None or not recent < last <= now:
                known[account] = now
                due.append(account)
        self._put(due)

    def _put(self, accounts: Sequence[Account]) -> None:
        self._queue.put(self._affordable(accounts), Purpose.SCHEDULED)
