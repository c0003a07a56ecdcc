"""What was decided is delivered: due deliveries → channel → settled. One loop a channel.

A channel that hangs, refuses or is slow is its own loop's trouble and nobody else's.
"""

from __future__ import annotations

import asyncio
import logging
import random
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from watcher.domain.delivery import (
    GIVE_UP_AFTER,
    Delivery,
    DeliveryState,
    NotSent,
    SendResult,
    Sent,
    backoff,
)
from watcher.domain.errors import WatcherError
from watcher.domain.fallback import FALLBACK_AFTER, candidates
from watcher.domain.model import EMPTY
from watcher.domain.quiet import Quiet
from watcher.ports import Channel, Store
from watcher.service.clock import Clock
from watcher.service.lane import (
    LONGEST_ASKED,
    LOOK_AGAIN,
    Lane,
    batches,
    first_news,
    gathering,
    in_order,
    in_turn,
    overnight,
    singles,
    until_next,
)

LOG = logging.getLogger(__name__)

BATCH = 5000
"""Deliveries looked at, and merged into one notification, at most."""

ATTEMPTS_BEFORE_GIVING_UP = 3
"""A refusal for good is believed the third time; nothing is given up with fewer attempts."""

REFUSALS_BEFORE_PAUSE = 3
"""So many refusals for good in a row mean that the channel is wrong, not the messages."""

SINGLE_SECONDS = 1.0
"""Sending one by one goes on so long; what is left then goes as one."""

_HORIZON = timedelta(days=36500)
_STORE_WAIT = 1.0
_LONGEST_STORE_WAIT = 30.0


class Deliverer:
    """Sends what the store owes each channel, until stopped. Start it once, inside a running loop."""

    def __init__(
        self,
        store: Store,
        channels: Iterable[Channel],
        clock: Clock,
        jitter: Callable[[], float] = random.random,
        quiet: Mapping[str, Quiet] = EMPTY,
        fallbacks: Mapping[str, str] = EMPTY,
    ) -> None:
        """`quiet`: the quiet hours of channels that have some, by name; `fallbacks`: their fallbacks."""
        self._store = store
        self._clock = clock
        self._jitter = jitter
        self._fallbacks = fallbacks
        self._lanes = {channel.name: Lane(channel, quiet.get(channel.name)) for channel in channels}
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._run(lane), name=f"deliver {name}") for name, lane in self._lanes.items()
        ]

    def wake(self) -> None:
        """Look for new deliveries now; call it after each record."""
        for lane in self._lanes.values():
            lane.idle.clear()
            lane.wake.set()

    async def once(self) -> float:
        """Send what is due now, without a loop of its own; seconds until there may be more."""
        waits = []
        for lane in self._lanes.values():
            while not (wait := await self._round(lane)):
                pass
            waits.append(wait)
        return min(waits, default=LOOK_AGAIN)

    async def drain(self, within: float) -> bool:
        """Wait until no channel has anything due, at most so many seconds; whether it came to that."""
        self.wake()
        everyone = asyncio.gather(*(lane.idle.wait() for lane in self._lanes.values()))
        try:
            async with asyncio.timeout(within):
                await everyone
        except TimeoutError:
            return False
        return True

    async def stop(self, within: float) -> None:
        """Let sends under way end for so many seconds, then leave them: they stay pending.

        What is left is sent again at the next start, under the same id.
        """
        self._stopping = True
        self.wake()
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=within)
        for task in late:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    @property
    def trouble(self) -> Mapping[str, str]:
        """Channels whose last attempt failed, and why; no secrets."""
        return {name: lane.trouble for name, lane in self._lanes.items() if lane.trouble}

    async def _run(self, lane: Lane) -> None:
        """A channel's loop. Nothing but its cancellation ends it before `stop`."""
        trouble_wait = _STORE_WAIT
        while not self._stopping:
            lane.wake.clear()
            try:
                wait = await self._round(lane)
                trouble_wait = _STORE_WAIT
            except WatcherError as error:
                LOG.warning("delivery waits for the store: channel=%s error=%s", lane.channel.name, error)
                wait, trouble_wait = trouble_wait, min(trouble_wait * 2, _LONGEST_STORE_WAIT)
            except Exception as error:  # noqa: BLE001 (top of this loop: one bad delivery ends no other)
                self._stumbled(lane, error)
                wait, trouble_wait = trouble_wait, min(trouble_wait * 2, _LONGEST_STORE_WAIT)
            if wait and not self._stopping:
                if not lane.wake.is_set():
                    lane.idle.set()
                await self._clock.wait(lane.wake, wait)
        if lane.gathers:
            await self._last(lane)

    async def _last(self, lane: Lane) -> None:
        """What was being gathered goes out before the end; what fails stays pending."""
        try:
            await self._round(lane)
        except WatcherError as error:
            LOG.warning("delivery stays pending: channel=%s error=%s", lane.channel.name, error)

    async def _round(self, lane: Lane) -> float:
        """Send what is due; seconds until there may be more, 0 for at once."""
        await self._settle(lane)
        name = lane.channel.name
        now = self._clock.now()
        if not self._stopping and (wait := gathering(lane, self._clock.monotonic())) > 0:
            lane.gathers = True
            return min(wait, LOOK_AGAIN)
        lane.gathers = False
        # Asked for with a far horizon: what waits for a second attempt is seen too, so that a later
        # message of the same alert cannot overtake it and all of it goes out once the channel is back.
        muted = lane.quiet.until(now) if lane.quiet is not None else None
        pending = in_turn(await self._store.due(name, now + _HORIZON, BATCH, critical=muted is not None))
        lane.apart &= {each.id for each in pending}
        ready, held = in_order(lane, pending, now)
        wait = until_next(lane, ready + held, now, self._clock.monotonic())
        if muted is not None and not ready and not held:
            wait = min(wait, (muted - now).total_seconds())
        if wait > 0:
            return min(wait, LOOK_AGAIN)
        lane.paused_until = None
        failed: set[str] = set()
        kept = overnight(lane, ready, now)
        for batch in batches(lane, ready):
            if not await self._tell(lane, batch, failed, together=len(kept) > 1):
                break
        return 0.0

    async def _tell(
        self, lane: Lane, deliveries: Sequence[Delivery], failed: set[str], *, together: bool = False
    ) -> bool:
        """Send one by one while that is allowed and quick, otherwise as one. False: no more for now.

        `failed` collects the alerts that must wait: nothing of theirs may overtake what failed.
        """
        began = self._clock.monotonic()
        one_by_one = len({each.message.id for each in deliveries}) <= singles(lane) and not together
        rest = list(deliveries)
        while rest := [each for each in rest if each.message.id not in failed]:
            slow = self._clock.monotonic() - began > SINGLE_SECONDS
            batch = first_news(rest) if one_by_one and not slow else rest
            under_way = {each.id for each in batch}
            rest = [each for each in rest if each.id not in under_way]
            if not await self._send(lane, batch):
                failed |= {each.message.id for each in batch}
            if lane.paused_until is not None or self._stopping:
                return False
        return True

    async def _send(self, lane: Lane, batch: Sequence[Delivery]) -> bool:
        lane.sending = tuple(batch)
        lane.tried = self._clock.monotonic()
        result = await lane.channel.send(batch)
        self._conclude(lane, result)
        await self._settle(lane)
        return isinstance(result, Sent)

    def _conclude(self, lane: Lane, result: SendResult) -> None:
        """Hold what came of the send until the store has it: a busy store must cause no repeat."""
        now = self._clock.now()
        batch, lane.sending = lane.sending, ()
        lane.outcome = [self._settled(each, result, len(batch), now) for each in batch]
        self._note(lane, batch, result)

    async def _settle(self, lane: Lane) -> None:
        if lane.outcome:
            fallback = self._fallbacks.get(lane.channel.name)
            instead = candidates(lane.outcome, fallback, self._clock.now())
            if await self._store.settle(lane.outcome, instead):
                self.wake()
            lane.outcome = []

    def _settled(self, delivery: Delivery, result: SendResult, together: int, now: datetime) -> Delivery:
        attempts = delivery.attempts + 1
        if isinstance(result, Sent):
            return replace(delivery, state=DeliveryState.SENT, attempts=attempts, last_error="", sent=now)
        due = now + self._wait(attempts, result)
        patience = FALLBACK_AFTER if delivery.channel in self._fallbacks else GIVE_UP_AFTER
        # A refusal of several at once may be the fault of one: that one is found by sending it alone.
        hopeless = (result.permanent and together == 1) or now >= delivery.created + patience
        gives_up = hopeless and attempts >= ATTEMPTS_BEFORE_GIVING_UP
        state = DeliveryState.GIVEN_UP if gives_up else DeliveryState.PENDING
        return replace(delivery, state=state, attempts=attempts, last_error=result.detail, due=due)

    def _wait(self, attempts: int, result: NotSent) -> timedelta:
        asked = min(timedelta(seconds=result.retry_after or 0), LONGEST_ASKED)
        return _to_ms(max(backoff(attempts, self._jitter()), asked))

    def _note(self, lane: Lane, batch: Sequence[Delivery], result: SendResult) -> None:
        """What the attempt says about the channel itself."""
        name = lane.channel.name
        if isinstance(result, Sent):
            lane.told_at.append((self._clock.monotonic(), len(batch)))
            if lane.trouble:
                LOG.info("channel works again: channel=%s", name)
            lane.failures, lane.refusals, lane.paused_until, lane.trouble = 0, 0, None, ""
            return
        LOG.warning("not sent: channel=%s deliveries=%d why=%s", name, len(batch), result.detail)
        lane.trouble = result.detail
        if result.permanent:
            lane.apart |= {each.id for each in batch}
            lane.refusals += 1
            if lane.refusals < REFUSALS_BEFORE_PAUSE:
                return
        lane.failures += 1
        lane.paused_until = self._clock.monotonic() + self._wait(lane.failures, result).total_seconds()
        lane.asked_to_wait = result.retry_after is not None

    def _stumbled(self, lane: Lane, error: Exception) -> None:
        """Note an error that nobody foresaw with what was being sent; the loop goes on."""
        # Neither the error's words nor its arguments are logged: they may hold a channel's URL.
        frames = "".join(traceback.format_tb(error.__traceback__))
        kind = type(error).__name__
        LOG.error("unexpected error: channel=%s error=%s\n%s", lane.channel.name, kind, frames)
        if lane.sending:
            # Whatever it was, one of these may have caused it: from now on each goes alone.
            lane.apart |= {each.id for each in lane.sending}
            self._conclude(lane, NotSent(f"unexpected error: {kind}", maybe_sent=True))


def _to_ms(wait: timedelta) -> timedelta:
    return timedelta(milliseconds=wait // timedelta(milliseconds=1))
