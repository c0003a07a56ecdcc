"""Fixed schedule: intervals and cron lines. A tick puts accounts into their source's queue, nothing more."""

from __future__ import annotations

import asyncio
import logging
from array import array
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from math import isnan
from typing import TYPE_CHECKING, TypeAlias

from watcher.domain.credits.allowance import Purpose
from watcher.domain.model import Account
from watcher.domain.records import Record
from watcher.domain.values.errors import StoreError
from watcher.ports.clock import Clock
from watcher.ports.queue import Queue
from watcher.service.poll_times import PollTimes

if TYPE_CHECKING:
    from watcher.service.ticks import Ticks

log = logging.getLogger(__name__)

SLOT = 100
"""Accounts of the same poll times that share a tick, about as many as one request holds."""

MOST_SLOTS = 2000
"""Ticks of the same poll times; of more accounts than they hold, more share one."""

SLICE = 5000
"""Accounts of which the store is asked at once when they were asked for last."""

MOST_WAITING = 20_000
"""Once so many accounts wait to be asked for, more are put when fewer do."""

AGAIN = 1.0
UNKNOWN = float("nan")

Attempts: TypeAlias = Callable[[Sequence[Account]], Awaitable[Mapping[Account, datetime]]]


class Slot(Record, eq=False):
    """Accounts of the same poll times that tick together, and their last tick that asked for them."""

    times: PollTimes
    all: Sequence[Account]
    """Those of these poll times."""
    places: range
    """Where its own stand among them."""
    phase: float
    """The share of the interval at which it ticks."""
    last: datetime | None = None
    asked: array[float] | None = None
    """When each was made due, or asked for, that no tick has asked for yet; `UNKNOWN` of the others."""

    @property
    def accounts(self) -> Sequence[Account]:
        """Found anew each time, for there may be a million."""
        return self.all[self.places.start : self.places.stop]


def slots_of(times: PollTimes, accounts: Sequence[Account]) -> list[Slot]:
    """Slots of accounts of the same poll times, spread over the interval."""
    size, count = max(SLOT, -(-len(accounts) // MOST_SLOTS)), len(accounts)
    places = [range(start, min(start + size, count)) for start in range(0, count, size)]
    return [Slot(times, accounts, each, number / len(places)) for number, each in enumerate(places)]


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
        self._affordable, self._clock, self._queue = affordable, clock, queue
        self._attempts = attempts
        # APScheduler knows of its own ticks only: who was made due by a look-up less than half an interval
        # ago is left out of a tick. A slot of very many may tick before: it asks for all its own.
        self._slots = [slot for times, accounts in fixed.items() for slot in slots_of(times, accounts)]
        self._unknown = deque(self._slots)
        """The slots whose last attempts are not looked up yet; the first one is next."""
        self._held: deque[Slot] = deque()
        """Slots that ticked while too many waited."""
        self._holds = asyncio.Event()

    @property
    def ticks(self) -> bool:
        """Whether any account has fixed times."""
        return bool(self._slots)

    async def begin(self) -> None:
        """Make due whose time came while nobody was there; the others wait. Of many the first are asked for
        while the last are looked up, and of very many `run` looks up the rest. After a StoreError it goes on
        where it was."""
        while self._unknown and self._room:
            await self._look_up()

    async def run(self) -> None:
        """Begin, if nobody has had it begin, and tick until cancelled."""
        if self._unknown:  # the first are asked for before what ticks is loaded
            with suppress(StoreError):  # it will be said
                await self._look_up()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._go_on())
            await (await asyncio.to_thread(self._ticks)).run()

    async def _go_on(self) -> None:
        """Put what waits for room, and begin, beside the ticks."""
        while True:
            try:
                while self._held and self._room:
                    self._ask(self._held.popleft())
                await self.begin()
            except StoreError as error:
                log.warning("who is overdue is not known: %s", error)
            if self._held or self._unknown:
                await self._clock.sleep(AGAIN)
            else:
                self._holds.clear()
                await self._holds.wait()

    @property
    def _room(self) -> bool:
        return len(self._queue) < MOST_WAITING

    def _ticks(self) -> Ticks:
        # The first polls need no tick: the library is loaded beside them.
        from watcher.service.ticks import Ticks

        timed = ((slot.times, slot.phase, partial(self._tick, slot)) for slot in self._slots)
        return Ticks(timed, self._clock)

    async def _look_up(self) -> None:
        """Make due who is overdue of the next slots."""
        size, slots = 0, list[Slot]()
        for slot in self._unknown:
            size += len(slot.places)
            if slots and size > SLICE:
                break
            slots.append(slot)
        attempts = await self._attempts([account for slot in slots for account in slot.accounts])
        now, late = self._clock.now(), list[Account]()
        since = {slot.times: _since(slot.times, now) for slot in slots}
        for slot in slots:
            self._unknown.popleft()
            if slot.last is None:  # else a tick has asked for them meanwhile
                late += _overdue(slot, attempts, now, since[slot.times])
        self._put(late)

    def _tick(self, slot: Slot) -> None:
        if self._room:
            self._ask(slot)
        elif slot not in self._held:
            self._held.append(slot)
            self._holds.set()

    def _ask(self, slot: Slot) -> None:
        now, every = self._clock.now(), slot.times.every
        recent = now - every / 2 if every is not None else now
        usual = slot.last is None or not recent < slot.last <= now
        if slot.asked is None:
            due = slot.accounts if usual else ()
        else:
            due = _due(slot, slot.asked, usual=usual, since=recent.timestamp(), now=now.timestamp())
        if usual:
            slot.last = now
        self._put(due)

    def _put(self, accounts: Sequence[Account]) -> None:
        self._queue.put(self._affordable(accounts), Purpose.SCHEDULED)


def _since(times: PollTimes, now: datetime) -> datetime | None:
    """Whoever was asked from then on has missed nothing."""
    return times.latest(now) if times.every is None else now - times.every + datetime.resolution


def _overdue(
    slot: Slot, attempts: Mapping[Account, datetime], now: datetime, since: datetime | None
) -> list[Account]:
    """Those of a slot whose time came while nobody was there; it takes down when each was asked for."""
    asked, late = array("d", [UNKNOWN]) * len(slot.places), []
    for number, account in enumerate(slot.accounts):
        last = attempts.get(account)
        if last is None or last > now or (since is not None and last < since):
            late.append(account)
            last = now
        asked[number] = last.timestamp()
    slot.asked = asked
    return late


def _due(slot: Slot, asked: array[float], *, usual: bool, since: float, now: float) -> list[Account]:
    """Those of a slot that a tick is to ask for: not who was asked for since."""
    due = []
    for number, account in enumerate(slot.accounts):
        at = asked[number]
        if usual if isnan(at) else not since < at <= now:
            asked[number] = UNKNOWN
            due.append(account)
    if all(map(isnan, asked)):
        slot.asked = None
    return due
