"""Replay: what a series of readings leads to, when, and who is told, under a simulated clock.

Readings are concluded, time is judged and messages are sent by the very code that the daemon runs;
only the clock, the store (in memory) and the channels (they take everything) are others. Nothing
here waits, and nothing depends on how fast the machine is.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Protocol

from watcher.domain.alerts.lifecycle import Alert
from watcher.domain.alerts.quiet_hours import QuietPeriod
from watcher.domain.decision import Decision, Recheck
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.messages.delivery import Delivery, SendResult, Sent
from watcher.domain.model import EMPTY, Account, Miss, Outcome
from watcher.domain.readings.reconcile import unfinished
from watcher.domain.records import Record
from watcher.ports.store import Store
from watcher.service.delivery import Deliverer
from watcher.service.engine import PASS, RuleEngine
from watcher.service.timers import LONGEST, TimeBasedEvaluation

MOMENT = timedelta(milliseconds=1)

LONGEST_SENDING = timedelta(days=8)
"""No quiet hours are longer."""


class ReplayStore(Store, Protocol):
    """A store that tells what is concluded."""

    on_conclusion: Callable[[Decision], None]


class ReplayedPoll(Record, frozen=True):
    """What one request brought, and when its answer was read."""

    at: datetime
    outcomes: tuple[Outcome, ...]


class Notification(Record, frozen=True):
    """One notification: what a channel was told at once."""

    at: datetime
    channel: str
    deliveries: tuple[Delivery, ...]


class ReplayedTransition(Record, frozen=True):
    """An alert that came to another state."""

    at: datetime
    alert: Alert


Answer = Callable[[Account, datetime], Outcome | None]
"""What an account would answer to a confirming poll; None: nobody knows, and none is made."""


class ReplayClock:
    """Shows the time that the replay has come to."""

    def __init__(self, start: datetime) -> None:
        self._start = self.at = start

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - self._start).total_seconds()

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    async def wait(self, event: asyncio.Event, timeout: float | None) -> bool:  # noqa: ASYNC109
        await self.sleep(timeout or 0)
        return event.is_set()


class _Recorder:
    """A channel that takes everything."""

    def __init__(self, name: str, burst: int, clock: ReplayClock, told: list[Notification]) -> None:
        self.name, self.burst = name, burst
        self._clock, self._told = clock, told

    def remember(self, facts: Mapping[str, str]) -> None:
        """It learns nothing."""

    async def send(self, deliveries: Sequence[Delivery]) -> SendResult:
        self._told.append(Notification(self._clock.now(), self.name, tuple(deliveries)))
        return Sent()

    async def close(self) -> None:
        return None


class _Due(Record, order=True):
    """A confirming poll that is to be made; of those of one moment the one with the lower number first."""

    at: datetime
    number: int
    account: Account
    alone: bool


class Replay:
    """Plays polls in the order of time. `told` and `transitions` grow as `until` goes on."""

    def __init__(
        self,
        store: ReplayStore,
        rules: Rules,
        polls: Iterable[ReplayedPoll],
        start: datetime,
        *,
        again: Answer = lambda *_: None,
        burst: Callable[[str], int] = lambda _: 1,
        quiet: Mapping[str, QuietPeriod] = EMPTY,
    ) -> None:
        self.told: list[Notification] = []
        self.transitions: list[ReplayedTransition] = []
        self.clock = ReplayClock(start)
        self._store, self._rules, self._answer = store, rules, again
        self._polls: Iterator[ReplayedPoll] = iter(polls)
        self._next: ReplayedPoll | None = next(self._polls, None)
        self._confirming: list[_Due] = []
        self._numbers = count()
        self._states: dict[str, tuple[str, bool]] = {}
        self._news = False
        channels = [_Recorder(name, burst(name), self.clock, self.told) for name in rules.channels]
        self._deliverer = Deliverer(store, channels, self.clock, quiet=quiet)
        self._sending: datetime | None = None
        store.on_conclusion = self._note
        self._begin(start)

    def _begin(self, at: datetime) -> None:
        """The daemon starts: time counts from here."""
        self._since = at
        self._passed = at - PASS
        self._quiet_until = at - PASS
        self._engine = RuleEngine(self._store, self._rules, self.clock, running_since=at)
        self._timers = TimeBasedEvaluation(self._engine)

    async def alerts(self) -> list[Alert]:
        """Every pending and firing alert, as of now."""
        return [alert for alert in await self._store.live_alerts() if not alert.unspoken]

    async def restart(self, at: datetime | None = None, rules: Rules | None = None) -> None:
        """The daemon is stopped now and started again at `at` (now, if not said), perhaps under other rules.

        What was to be polled in between is not. What was to be confirmed is asked for again, as by the
        daemon.
        """
        now = self.clock.at = max(at or self.clock.at, self.clock.at)
        while self._next is not None and self._next.at < now:
            self._next = next(self._polls, None)
        self._confirming.clear()
        self._rules = rules or self._rules
        self._begin(now)
        if (await self._engine.take_effect()).deliveries:
            self._sending = now
        past = await self._store.load(list(self._rules.wallets))
        for again in unfinished(past, now):
            self._ask_again(again)

    async def until(self, end: datetime, *, judging: bool = True) -> None:
        """Everything up to and including `end`; afterwards it is `end`. `judging`: time is judged too."""
        while True:
            at = self._soonest(end)
            if judging and await self._time_passes(at or end + MOMENT):
                continue  # what it brought about may be due before `at`
            if at is None:
                break
            self.clock.at = max(self.clock.at, at)
            # What is concluded at one moment is told together: polls come before the sending.
            if self._confirming and self._confirming[0].at <= at:
                await self._confirm(heapq.heappop(self._confirming))
            elif self._next is not None and self._next.at <= at:
                poll, self._next = self._next, next(self._polls, None)
                await self._see(poll.outcomes)
            else:
                await self._send()
        self.clock.at = max(self.clock.at, end)

    async def finish(self) -> None:
        """What is still gathered, or waits for quiet hours to end, is sent; nothing else happens any more."""
        last = self.clock.at + LONGEST_SENDING
        while self._sending is not None and self._sending <= last:
            self.clock.at = max(self.clock.at, self._sending)
            await self._send()

    def _soonest(self, end: datetime) -> datetime | None:
        """When the next thing happens that does not follow from time alone."""
        times = [self._next.at] if self._next is not None else []
        times += [self._confirming[0].at] if self._confirming else []
        times += [self._sending] if self._sending is not None else []
        soonest = min(times, default=None)
        return soonest if soonest is not None and soonest <= end else None

    async def _see(self, outcomes: Sequence[Outcome]) -> None:
        now = self.clock.now()
        concluded = await self._engine.judge(outcomes, now)
        if concluded.alerts or any(isinstance(outcome, Miss) for outcome in outcomes):
            self._quiet_until = self._passed
        for again in concluded.again:
            self._ask_again(again)
        if concluded.deliveries:
            self._sending = now

    def _ask_again(self, again: Recheck) -> None:
        due = self.clock.now() + again.after
        if self._answer(again.account, due) is not None:
            heapq.heappush(self._confirming, _Due(due, next(self._numbers), again.account, again.alone))

    async def _confirm(self, due: _Due) -> None:
        """Those of one source that are due together share a request, but for who must be asked alone."""
        accounts, others = {due.account: None}, []
        while self._confirming and self._confirming[0].at <= due.at and not due.alone:
            other = heapq.heappop(self._confirming)
            if other.alone or other.account.source != due.account.source:
                others.append(other)
            else:
                accounts[other.account] = None
        for other in others:
            heapq.heappush(self._confirming, other)
        answers = (self._answer(account, self.clock.now()) for account in accounts)
        if outcomes := [outcome for outcome in answers if outcome is not None]:
            await self._see(outcomes)

    async def _send(self) -> None:
        """What is owed now; what is owed later sets the time of the next look."""
        wait = await self._deliverer.once()
        owed = [await self._store.next_due(name) for name in self._rules.channels]
        pending = any(due is not None for due in owed)
        self._sending = self.clock.now() + timedelta(seconds=wait) if pending else None

    # ------------------------------------------------------------------ time alone

    async def _time_passes(self, before: datetime) -> bool:
        """Make the passes that the daemon would make before this moment, until one brings something about.

        Each says how long nothing will come of time alone: that stays so until something else happens.
        """
        last = self._grid(before)
        while last > self._quiet_until:
            self._passed = self.clock.at = self._quiet_until + PASS
            self._news = False
            quiet = await self._timers.once(max((last - self._passed) // PASS, LONGEST))
            self._quiet_until = self._passed + PASS * quiet
            if self._news:
                await self._send()
                return True
        self._passed = max(self._passed, last)
        return False

    def _grid(self, before: datetime) -> datetime:
        """The last pass earlier than this moment."""
        return self._since + PASS * (-((self._since - before) // PASS) - 1)

    def _note(self, conclusion: Decision) -> None:
        self._news = self._news or conclusion.news
        for alert in conclusion.alerts:
            state = (str(alert.state), alert.closed)
            if self._states.get(alert.id) != state:
                self._states[alert.id] = state
                self.transitions.append(ReplayedTransition(self.clock.now(), alert))
            if not alert.live:
                self._states.pop(alert.id, None)
