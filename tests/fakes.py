"""Real, small implementations of the ports, in memory. They pass the suites in `tests/contract`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from watcher.domain.credits.allowance import (
    Allowance,
)
from watcher.domain.messages.delivery import Delivery, SendResult, Sent
from watcher.domain.model import Account, Outcome
from watcher.domain.records import replace
from watcher.ports.channel import UNGROUPED
from watcher.ports.clock import Clock
from watcher.ports.members import Identity, Lease
from watcher.ports.source import RawAnswer, RawCall, Reply, Request

START = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


class FakeClock:
    """Time that moves only by `advance`. Whoever sleeps wakes when it has moved far enough."""

    def __init__(self, now: datetime = START) -> None:
        self._start, self._elapsed = now, 0.0
        self._sleepers: list[tuple[float, asyncio.Event]] = []
        self.waiting = 0
        """So many wait for an event now."""
        self.wakings = 0
        """At so many moments somebody was woken by time."""

    def now(self) -> datetime:
        return self._start + timedelta(milliseconds=round(self._elapsed * 1000))

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        sleeper = (self._elapsed + seconds, asyncio.Event())
        self._sleepers.append(sleeper)
        try:
            await sleeper[1].wait()
        finally:
            if sleeper in self._sleepers:
                self._sleepers.remove(sleeper)

    async def wait(self, event: asyncio.Event, timeout: float | None) -> bool:  # noqa: ASYNC109
        waiting: list[asyncio.Task[Any]] = [asyncio.create_task(event.wait())]
        if timeout is not None:
            waiting.append(asyncio.create_task(self.sleep(timeout)))
        self.waiting += 1
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.waiting -= 1
            for each in waiting:
                each.cancel()
        return event.is_set()

    async def advance(self, seconds: float) -> None:
        """Move time, waking sleepers in their order, and let them run."""
        target = self._elapsed + seconds
        while True:
            await self.settle()
            ripe = [sleeper for sleeper in self._sleepers if sleeper[0] <= target]
            if not ripe:
                break
            first = min(ripe, key=lambda sleeper: sleeper[0])
            self.wakings += first[0] > self._elapsed
            self._elapsed = first[0]
            self._sleepers.remove(first)
            first[1].set()
        self._elapsed = target
        await self.settle()

    async def settle(self) -> None:
        """Let everything run that can run without time passing."""
        for _ in range(20):
            await asyncio.sleep(0)

    @property
    def sleeping(self) -> int:
        """So many sleep now."""
        return len(self._sleepers)

    def set_back(self, by: timedelta) -> None:
        """The time of day jumps; monotonic time does not."""
        self._start -= by


@dataclass
class FakeSource:
    """A source whose answers are scripted: per account, what the next requests bring."""

    name: str = "fake"
    allowance: Allowance = field(default_factory=Allowance)
    spacing: float = 0.0
    batch: int = 50
    credits_each: int = 40
    answers: Callable[[Account], Outcome | None] = lambda _account: None
    failure: str = ""
    sent: list[Request] = field(default_factory=list)
    answer: RawAnswer = field(default_factory=RawAnswer)
    calls: list[RawCall] = field(default_factory=list)
    remembered: dict[str, str] = field(default_factory=dict)
    closed: bool = False

    def remember(self, facts: Mapping[str, str]) -> None:
        self.remembered.update(facts)

    def usage(self) -> Request | None:
        return None

    def rates(self) -> Request | None:
        return None

    def cost(self, account: Account) -> int:
        return self.credits_each

    def plan(self, accounts: Sequence[Account], now: datetime) -> list[Request]:
        accounts = list(dict.fromkeys(accounts))
        groups = [accounts[start : start + self.batch] for start in range(0, len(accounts), self.batch)]
        return [Request(tuple(group), self.credits_each * len(group), None) for group in groups]

    async def send(self, request: Request) -> Reply:
        self.sent.append(request)
        outcomes: Iterable[Outcome | None] = (self.answers(account) for account in request.accounts)
        found = tuple(outcome for outcome in outcomes if outcome is not None)
        reply = Reply(found, charged=request.cost, failure=self.failure)
        return reply if self.failure else Reply(charged=request.cost, unread=lambda: reply)

    async def ask(self, call: RawCall) -> RawAnswer:
        self.calls.append(call)
        return self.answer

    async def close(self) -> None:
        self.closed = True


@dataclass
class FakeChannel:
    """A channel that keeps what it is told; `answers` come first, then it takes everything."""

    name: str = "ops"
    burst: int = UNGROUPED
    answers: list[SendResult] = field(default_factory=list)
    told: list[Delivery] = field(default_factory=list)
    closed: bool = False

    def remember(self, facts: Mapping[str, str]) -> None:
        """It learns nothing."""

    async def send(self, deliveries: Sequence[Delivery]) -> SendResult:
        answer: SendResult = self.answers.pop(0) if self.answers else Sent()
        if isinstance(answer, Sent):
            self.told += [replace(each) for each in deliveries]
        return answer

    async def close(self) -> None:
        self.closed = True


class FakeMembers:
    """A member that leads what the test gives it."""

    def __init__(self) -> None:
        self._leases: dict[str, Lease] = {}
        self._terms: dict[str, int] = {}
        self._news = asyncio.Event()
        self.identity = Identity("")
        self.released: list[Lease] = []
        self.clock: Clock | None = None
        self.away = self.trouble = ""

    def give(self, role: str) -> None:
        self._terms[role] = self._terms.get(role, 0) + 1
        self._leases[role] = Lease(role, self._terms[role])
        self._say()

    def take(self, role: str) -> None:
        del self._leases[role]
        self._say()

    async def introduce(self, who: Callable[[], Identity]) -> None:
        self.identity = who()

    def leads(self, role: str) -> bool:
        return role in self._leases

    async def gained(self, role: str) -> Lease:
        while role not in self._leases:
            await self._news.wait()
        return self._leases[role]

    async def lost(self, lease: Lease) -> None:
        while self._leases.get(lease.role) == lease:
            await self._news.wait()

    async def release(self, lease: Lease) -> None:
        self.released.append(lease)

    def _say(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
