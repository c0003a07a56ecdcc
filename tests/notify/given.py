"""What the tests of telling start from: messages, a clock by hand, an outbox in memory, receivers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from aiohttp import web

from watcher.domain.messages.delivery import Delivery, DeliveryState, SendResult, Sent
from watcher.domain.messages.message import Kind, Message, Severity
from watcher.domain.values.errors import StoreBusyError
from watcher.ports.channel import UNGROUPED, Attachment, Channel
from watcher.ports.store import Store
from watcher.service.delivery import Deliverer

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOSTILE = "\x1b[31mEVIL\x1b[0m\u202egnp.exe <b>x</b> [win](http://evil.example) *bold* @here <!channel> `x`"

PICTURE = Attachment("chart-1.png", "image/png", b"\x89PNG one")


def message(
    number: int = 1,
    kind: Kind = Kind.EVENT,
    severity: Severity = Severity.WARNING,
    title: str = "",
    facts: tuple[tuple[str, str], ...] = (("Before", "12.5 ETH"), ("After", "10 ETH")),
    alert: str = "",
) -> Message:
    return Message(
        id=alert or f"alert-{number}",
        kind=kind,
        severity=severity,
        rule="hot-wallet-moved",
        subject="treasury-hot/ETH",
        wallet="treasury-hot",
        title=title or f"treasury-hot: ETH moved, number {number}",
        facts=facts,
        at=START + timedelta(milliseconds=number),  # each is a happening of its own
    )


def delivery(number: int = 1, channel: str = "ops", **words: Any) -> Delivery:
    created = START + timedelta(milliseconds=number)
    return Delivery(f"dlv-{number:04d}", channel, message(number, **words), created, created)


class HandClock:
    """Stands still until it is told how far to go."""

    def __init__(self, start: datetime = START + timedelta(minutes=1)) -> None:
        self._now = start
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, asyncio.Event]] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._elapsed

    def set(self, now: datetime) -> None:
        """A step of the time of day alone."""
        self._now = now

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._elapsed += seconds
        for deadline, event in self._sleepers:
            if deadline <= self._elapsed:
                event.set()
        self._sleepers = [each for each in self._sleepers if each[0] > self._elapsed]

    async def sleep(self, seconds: float) -> None:
        await self.wait(asyncio.Event(), seconds)

    async def wait(self, event: asyncio.Event, timeout: float | None) -> bool:  # noqa: ASYNC109
        rung = asyncio.Event()
        if timeout is not None:
            self._sleepers.append((self._elapsed + timeout, rung))
        waits = [asyncio.create_task(each.wait()) for each in (event, rung)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
        return event.is_set()


class Outbox:
    """The part of a store that the deliverer uses."""

    def __init__(self, *deliveries: Delivery) -> None:
        self.rows = {each.id: each for each in deliveries}
        self.busy = 0
        self.kept: dict[str, dict[str, str]] = {}
        self.asked: asyncio.Queue[str] = asyncio.Queue()

    def add(self, *deliveries: Delivery) -> None:
        self.rows.update({each.id: each for each in deliveries})

    def state(self, number: int) -> DeliveryState:
        return self.rows[f"dlv-{number:04d}"].state

    def row(self, number: int) -> Delivery:
        return self.rows[f"dlv-{number:04d}"]

    async def due(self, channel: str, now: datetime, limit: int, *, critical: bool = False) -> list[Delivery]:
        found = [
            each
            for each in self.rows.values()
            if each.channel == channel and each.state is DeliveryState.PENDING and each.due <= now
            if not critical or each.message.severity is Severity.CRITICAL
        ]
        return sorted(found, key=lambda each: each.created)[:limit]

    async def next_due(self, channel: str) -> datetime | None:
        found = await self.due(channel, datetime.max.replace(tzinfo=UTC), 1)
        return min((each.due for each in found), default=None)

    async def settle(
        self, deliveries: Sequence[Delivery], instead: Mapping[str, Delivery] | None = None
    ) -> list[Delivery]:
        self.asked.put_nowait("settle")
        if self.busy:
            self.busy -= 1
            raise StoreBusyError("the store is locked")
        self.rows.update({each.id: each for each in deliveries})
        owed = [other for other in (instead or {}).values() if other.id not in self.rows]
        self.rows.update({each.id: each for each in owed})
        return owed

    async def keep_facts(self, source: str, facts: Mapping[str, str], now: datetime) -> None:
        self.kept[source] = {**self.kept.get(source, {}), **facts}

    async def conclude(self, accounts: Any, decide: Any) -> Any:
        conclusion = decide(None, None)
        for each in conclusion.deliveries:
            self.rows.setdefault(each.id, each)
        return conclusion


@dataclass
class Scripted:
    """A channel that answers as it is told, and keeps what it was given."""

    name: str = "ops"
    burst: int = UNGROUPED
    answers: list[SendResult | Exception] = field(default_factory=list)
    otherwise: SendResult = field(default_factory=Sent)
    sent: list[list[str]] = field(default_factory=list)
    gate: asyncio.Event | None = None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def remember(self, facts: Mapping[str, str]) -> None:
        """It learns nothing."""

    async def send(self, deliveries: Sequence[Delivery]) -> SendResult:
        self.sent.append([each.id for each in deliveries])
        self.arrived.set()
        if self.gate is not None:
            await self.gate.wait()
        answer = self.answers.pop(0) if self.answers else self.otherwise
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None: ...


@dataclass
class Receiver:
    """A web service on loopback that keeps what it is sent and answers as it is told."""

    port: int = 0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    answer: str = "ok"
    gate: asyncio.Event | None = None
    paths: list[str] = field(default_factory=list)
    payloads: list[dict[str, Any]] = field(default_factory=list)
    arrivals: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    async def handle(self, request: web.Request) -> web.Response:
        self.paths.append(request.path)
        self.payloads.append(json.loads(await request.read()))
        self.arrivals.put_nowait(request.path)
        if self.gate is not None:
            await self.gate.wait()
        return web.Response(status=self.status, headers=self.headers, text=self.answer)


@asynccontextmanager
async def receiver(**words: Any) -> AsyncIterator[Receiver]:
    here = Receiver(**words)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", here.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    here.port = runner.addresses[0][1]
    try:
        yield here
    finally:
        if here.gate is not None:
            here.gate.set()
        await runner.cleanup()


@asynccontextmanager
async def delivering(store: Any, clock: HandClock, *channels: Any, **words: Any) -> AsyncIterator[Deliverer]:
    """A deliverer at work. `words`: as it takes them, such as `fallbacks` and `quiet`."""
    told = cast("list[Channel]", channels)
    deliverer = Deliverer(cast(Store, store), told, clock, jitter=lambda: 0.5, **words)
    deliverer.start()
    try:
        yield deliverer
    finally:
        await deliverer.stop(within=0.5)
