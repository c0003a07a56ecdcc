"""Delivery: what was decided is told; due deliveries → channel → settled. One loop a channel.

A channel that hangs, refuses or is slow is its own loop's trouble and nobody else's.
"""

from __future__ import annotations

import asyncio
import logging
import random
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from watcher.domain.alerts.fallback import candidates
from watcher.domain.alerts.lifecycle import short_id
from watcher.domain.alerts.quiet_hours import QuietPeriod
from watcher.domain.decision import Decision
from watcher.domain.messages.ack_links import without_links
from watcher.domain.messages.delivery import (
    REFUSED,
    Delivery,
    Fault,
    NotSent,
    SendResult,
    Sent,
)
from watcher.domain.messages.message import Kind, Message, Severity
from watcher.domain.model import EMPTY
from watcher.domain.records import replace
from watcher.domain.values.errors import StoreBusyError, WatcherError
from watcher.ports.channel import Channel
from watcher.ports.channel_lane import ChannelLane, LaneState
from watcher.ports.clock import Clock
from watcher.ports.store import Store, facts_of
from watcher.service import delivery_lanes
from watcher.service.delivery_policy import (
    ATTEMPTS_BEFORE_GIVING_UP,
    LOOK_AGAIN,
    ChannelSession,
    batches,
    first_news,
    gathering,
    happenings,
    in_order,
    in_turn,
    overnight,
    settled,
    singles,
    stand_ins,
    until_next,
    wait_after,
)
from watcher.service.metrics import Metrics

LOG = logging.getLogger(__name__)

BATCH = 5000
"""Deliveries looked at, and merged into one notification, at most."""

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
        quiet: Mapping[str, QuietPeriod] = EMPTY,
        fallbacks: Mapping[str, str] = EMPTY,
        metrics: Metrics | None = None,
        may_tell: Callable[[str], bool] = lambda _channel: True,
    ) -> None:
        """`quiet`: the quiet hours of channels that have some, by name; `fallbacks`: their fallbacks.
        `may_tell`: whether a channel is told from here, and not by somebody else by now."""
        self._metrics = metrics
        self._store = store
        self._clock = clock
        self._jitter = jitter
        self._fallbacks, self._may_tell = fallbacks, may_tell
        self._sessions = {each.name: ChannelSession(each, quiet.get(each.name)) for each in channels}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self) -> None:
        """Tell every channel."""
        for name in self._sessions:
            self.begin(name)

    def begin(self, channel: str, lane: ChannelLane | None = None, last: LaneState | None = None) -> None:
        """Tell a channel, from what the store knows of it. `last`: what whoever told it before left."""
        before = self._sessions[channel]
        session = self._sessions[channel] = ChannelSession(before.channel, before.quiet, lane=lane)
        if last is not None:
            delivery_lanes.resume(session, last, self._clock)
        self._tasks[channel] = asyncio.create_task(self._run(session), name=f"deliver {channel}")

    def wake(self) -> None:
        """Look for new deliveries now; call it after each record."""
        for session in self._sessions.values():
            session.idle.clear()
            session.wake.set()

    async def once(self) -> float:
        """Send what is due now, without a loop of its own; seconds until there may be more."""
        waits: dict[str, float] = {}
        sessions = self._sessions.items()
        while late := [each for name, each in sessions if name not in waits or each.wake.is_set()]:
            for session in late:
                session.wake.clear()
                while not (wait := await self._round(session)):
                    pass
                waits[session.channel.name] = wait
        return min(waits.values(), default=LOOK_AGAIN)

    async def drain(self, within: float) -> bool:
        """Wait until no channel has anything due, at most so many seconds; whether it came to that."""
        self.wake()
        try:
            async with asyncio.timeout(within):
                # What one channel cannot tell another may be owed, which was idle before.
                while not all(session.idle.is_set() for session in self._sessions.values()):
                    await asyncio.gather(*(session.idle.wait() for session in self._sessions.values()))
        except TimeoutError:
            return False
        return True

    async def stop(self, within: float) -> None:
        """Let sends under way end for so many seconds, then leave them: they stay pending.

        What is left is sent again at the next start, under the same id.
        """
        await asyncio.gather(*(self.end(name, within) for name in tuple(self._tasks)))

    async def end(self, channel: str, within: float, *, lost: bool = False) -> None:
        """The same for one channel. `lost`: another tells it from now on, also what was being gathered."""
        task, session = self._tasks.pop(channel, None), self._sessions[channel]
        session.stopping, session.gathers = True, session.gathers and not lost
        session.wake.set()
        if task is not None and not (await asyncio.wait([task], timeout=within))[0]:
            task.cancel()
            await asyncio.wait([task])

    @property
    def trouble(self) -> Mapping[str, str]:
        """Channels whose last attempt failed, and why; no secrets."""
        return {name: session.trouble for name, session in self._sessions.items() if session.trouble}

    async def _run(self, session: ChannelSession) -> None:
        """A channel's loop. Nothing but its cancellation ends it before `stop`."""
        trouble_wait = _STORE_WAIT
        while not session.stopping:
            session.wake.clear()
            try:
                wait = await self._round(session)
                trouble_wait = _STORE_WAIT
            except WatcherError as error:
                LOG.warning("delivery waits for the store: channel=%s error=%s", session.channel.name, error)
                wait, trouble_wait = trouble_wait, min(trouble_wait * 2, _LONGEST_STORE_WAIT)
            except Exception as error:  # noqa: BLE001 (top of this loop: one bad delivery ends no other)
                self._stumbled(session, error)
                wait, trouble_wait = trouble_wait, min(trouble_wait * 2, _LONGEST_STORE_WAIT)
            if wait and not session.stopping:
                if not session.wake.is_set():
                    session.idle.set()
                await self._clock.wait(session.wake, wait)
        if session.gathers:
            await self._last(session)

    async def _last(self, session: ChannelSession) -> None:
        """What was being gathered goes out before the end; what fails stays pending."""
        try:
            await self._round(session)
        except WatcherError as error:
            LOG.warning("delivery stays pending: channel=%s error=%s", session.channel.name, error)

    async def _round(self, session: ChannelSession) -> float:
        """Send what is due; seconds until there may be more, 0 for at once."""
        await self._settle(session)
        name = session.channel.name
        now = self._clock.now()
        ticks = self._clock.monotonic()
        wait = 0.0 if session.stopping else gathering(session, ticks)
        if wait > 0 and await self._store.due(name, now, 1, critical=True):
            wait = gathering(session, ticks, critical=True)
        if wait > 0:
            session.gathers = True
            return min(wait, LOOK_AGAIN)
        session.gathers = False
        # Asked for with a far horizon: what waits for a second attempt is seen too, so that a later
        # message of the same alert cannot overtake it and all of it goes out once the channel is back.
        muted = session.quiet.until(now) if session.quiet is not None else None
        pending = in_turn(await self._store.due(name, now + _HORIZON, BATCH, critical=muted is not None))
        session.forget(pending)
        ready, held = in_order(session, pending, now)
        wait = until_next(session, ready + held, now, self._clock.monotonic())
        if wait > 0:
            wait = min(wait, await self._stand_in(session, pending, now))
        if muted is not None and not ready and not held:
            wait = min(wait, (muted - now).total_seconds())
        if wait > 0:
            return min(wait, LOOK_AGAIN)
        session.paused_until = None
        failed: set[str] = set()
        kept = overnight(session, ready, now)
        for batch in batches(session, ready):
            if not await self._deliver(session, batch, failed, together=len(kept) > 1):
                break
        return 0.0

    async def _deliver(
        self, session: ChannelSession, deliveries: Sequence[Delivery], failed: set[str], *, together: bool
    ) -> bool:
        """Send one by one while that is allowed and quick, otherwise as one. False: no more for now.

        `failed` collects the alerts that must wait: nothing of theirs may overtake what failed.
        """
        began = self._clock.monotonic()
        one_by_one = happenings(deliveries) <= singles(session) and not together
        rest = list(deliveries)
        while rest := [each for each in rest if each.message.id not in failed]:
            slow = self._clock.monotonic() - began > SINGLE_SECONDS
            batch = first_news(rest) if one_by_one and not slow else rest
            under_way = {each.id for each in batch}
            rest = [each for each in rest if each.id not in under_way]
            if not await self._send(session, batch):
                failed |= {each.message.id for each in batch}
            if session.paused_until is not None or session.stopping:
                return False
        return True

    async def _stand_in(self, session: ChannelSession, pending: Sequence[Delivery], now: datetime) -> float:
        """Let the fallback tell what has waited for too long; seconds until there is more of it."""
        fallback = self._fallbacks.get(session.channel.name)
        if fallback is None:
            return LOOK_AGAIN
        found, wait = stand_ins(session, pending, fallback, now, self._clock.monotonic())
        if found and await self._store.settle([], found):
            self.wake()
        session.stood_in |= found.keys()
        return wait

    async def _send(self, session: ChannelSession, batch: Sequence[Delivery]) -> bool:
        if not self._may_tell(session.channel.name):
            raise StoreBusyError("somebody else may tell it by now")
        session.sending = tuple(batch)
        session.tried = self._clock.monotonic()
        now = self._clock.now()
        result = await self._notify(session, [replace(each, message=each.told_at(now)) for each in batch])
        if isinstance(result, NotSent) and self._undecided(session, batch, result):
            result = await self._probe(session, batch[0], result)
        self._conclude(session, result)
        await self._settle(session)
        return isinstance(result, Sent)

    async def _notify(self, session: ChannelSession, deliveries: Sequence[Delivery]) -> SendResult:
        """One notification, counted."""
        result = without_links(await session.channel.send(deliveries))
        if self._metrics is not None:
            self._metrics.notified(session.channel.name, result)
        return result

    def _undecided(self, session: ChannelSession, batch: Sequence[Delivery], result: NotSent) -> bool:
        """Whether nothing tells yet if this message or the channel is wrong, and it is time to know."""
        first = batch[0]
        late = first.attempts + 1 >= ATTEMPTS_BEFORE_GIVING_UP
        unclear = result.fault is Fault.UNCLEAR and len(batch) == 1 and not session.stopping
        mine = self._may_tell(session.channel.name)
        return unclear and late and mine and not session.proven(first.id)

    async def _probe(self, session: ChannelSession, refused: Delivery, result: NotSent) -> NotSent:
        """Send a test message: if it is taken the other was bad, else the channel is broken."""
        now, name = self._clock.now(), session.channel.name
        identity = short_id("probe", refused.id)
        title = f"Channel {name} refused a message; this one tests whether the channel works"
        facts = (("Refused", f"alert {refused.message.id}"), ("See", "watcher outbox"))
        message = Message(identity, Kind.TEST, Severity.INFO, "watcher.test", "", "", title, facts, now)
        tested = await self._notify(session, [Delivery(identity, name, message, now, now)])
        if isinstance(tested, Sent):
            session.passed = self._clock.monotonic()
            session.faults[refused.id] = (Fault.UNCLEAR, session.passed)
            return result
        detail = f"{result.detail}; a test message: {tested.detail}"
        fault = Fault.PASSING if tested.fault is Fault.PASSING else Fault.CHANNEL
        return replace(result, fault=fault, detail=detail, retry_after=tested.retry_after)

    def _conclude(self, session: ChannelSession, result: SendResult) -> None:
        """Hold what came of the send until the store has it: a busy store must cause no repeat."""
        now = self._clock.now()
        batch, session.sending = session.sending, ()
        self._note(session, batch, result)
        session.outcome = [settled(session, each, result, len(batch), now, self._jitter()) for each in batch]
        session.facts.update(result.facts)
        session.remarks.update(result.remarks)

    async def _settle(self, session: ChannelSession) -> None:
        if session.outcome:
            fallback = self._fallbacks.get(session.channel.name)
            instead = candidates(session.outcome, fallback, self._clock.now())
            if await self._store.settle(session.outcome, instead):
                self.wake()
            session.outcome = []
        if session.lane is not None:
            await delivery_lanes.keep(session, session.lane, self._clock)
        if session.facts:
            await self._store.keep_facts(facts_of(session.channel.name), session.facts, self._clock.now())
            session.facts = {}
        for name, words in tuple(session.remarks.items()):
            if name not in session.said:
                await self._remark(session, name, words)
            session.said.add(name)
            del session.remarks[name]

    async def _remark(self, session: ChannelSession, name: str, words: str) -> None:
        """Tell the channel's own people once what they should know of it. Its words may differ each time: the
        message that tells of it may give cause for the same remark."""
        now, channel = self._clock.now(), session.channel.name
        LOG.warning("channel %s: %s", channel, words)
        identity = short_id("remark", channel, name)
        facts = (("Channel", channel), ("What", words))
        title = f"channel {channel}: {words}"
        message = Message(
            identity, Kind.NOTICE, Severity.WARNING, "watcher.channel", channel, "", title, facts, now
        )
        owed = Decision(at=now, deliveries=(Delivery(identity, channel, message, now, now),))
        await self._store.conclude([], lambda _past, _recall: owed)

    def _note(self, session: ChannelSession, batch: Sequence[Delivery], result: SendResult) -> None:
        """What the attempt says about the channel itself."""
        name, ticks = session.channel.name, self._clock.monotonic()
        if isinstance(result, Sent):
            session.went_out(batch, ticks)
            if session.trouble:
                LOG.info("channel works again: channel=%s", name)
            session.works(ticks)
            return
        LOG.warning("not sent: channel=%s deliveries=%d why=%s", name, len(batch), result.detail)
        session.trouble = result.detail
        if result.delivered_to or batch[0].delivered_to or batch[0].only:
            # Some of its recipients: the others, and what comes next, do not wait for them.
            if result.delivered_to:
                session.went_out(batch, ticks)
                session.works(ticks, trouble=result.detail)
            session.blame(batch, result.fault, ticks)
            return
        if result.fault in REFUSED:
            session.apart |= {each.id for each in batch}
            if len(batch) == 1:
                session.blame(batch, result.fault, ticks)
            session.refusals += 1
            if session.refusals < REFUSALS_BEFORE_PAUSE:
                return
        else:
            for each in batch:
                session.faults.pop(each.id, None)
            session.fault = result.fault
            session.failing_since = ticks if session.failing_since is None else session.failing_since
        session.failures += 1
        session.paused_until = ticks + wait_after(session.failures, result, self._jitter()).total_seconds()
        session.asked_to_wait = result.retry_after is not None

    def _stumbled(self, session: ChannelSession, error: Exception) -> None:
        """Note an error that nobody foresaw. What it says is not logged: it may hold a channel's URL."""
        frames = "".join(traceback.format_tb(error.__traceback__))
        kind = type(error).__name__
        LOG.error("unexpected error: channel=%s error=%s\n%s", session.channel.name, kind, frames)
        if session.sending:
            # Whatever it was, one of these may have caused it: from now on each goes alone.
            session.apart |= {each.id for each in session.sending}
            self._conclude(session, NotSent(f"unexpected error: {kind}", maybe_sent=True))
