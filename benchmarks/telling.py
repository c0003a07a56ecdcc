"""How soon 300 alerts are out: on a fast channel, on one whose plugin sleeps, and beside one that hangs.

    python -m benchmarks.telling

A real store, real channels over HTTP on loopback. Not 0 if a bar is missed.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from watcher.domain.decision import Decision
from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Kind, Message, Severity
from watcher.notify.apprise.channel import AppriseChannel
from watcher.notify.apprise.settings import AppriseSettings
from watcher.service.clock import SystemClock
from watcher.service.delivery import Deliverer
from watcher.store.sqlite.store import SqliteStore

ALERTS = 300
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


@asynccontextmanager
async def target(*, hangs: bool = False) -> AsyncIterator[str]:
    """A web hook that takes everything, or never answers."""
    never = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        if hangs:
            await never.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"json://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    finally:
        never.set()
        server.close()


def alert(number: int, channel: str) -> Delivery:
    at = BEGIN + timedelta(milliseconds=number)
    facts = (("Wallet", "treasury"), ("Address", "0x" + "9f" * 20), ("Because", "0.018 ETH is below 0.1 ETH"))
    title = f"treasury-{number}: ETH on ethereum: 0.018 ETH is below 0.1 ETH"
    message = Message(f"a{number}", Kind.FIRING, Severity.CRITICAL, "low", "s", "treasury", title, facts, at)
    return Delivery(f"{channel}-{number:04d}", channel, message, at, at)


def built(name: str, url: str, sleeps: float = 0.0) -> AppriseChannel:
    channel = AppriseSettings.model_validate({"url": url, "timeout": "10s"}).build(name)
    if sleeps:
        channel._apprise[0].request_rate_per_sec = sleeps  # noqa: SLF001 (seconds, despite its name)
    return channel


async def took(names: list[str], channels: list[AppriseChannel], waited_for: str) -> tuple[float, float]:
    """Seconds until the channel, which has just told one, has told all of a burst; the longest hold."""
    with tempfile.TemporaryDirectory() as folder:
        store = await SqliteStore.open(Path(folder) / "watcher.db", exclusive=True)
        deliverer = Deliverer(store, channels, SystemClock())
        deliverer.start()
        holds = [0.0]
        watching = asyncio.create_task(watch(holds))
        seconds = 0.0
        for numbers in (range(1), range(1, ALERTS + 1)):
            owed = tuple(alert(number, name) for name in names for number in numbers)
            await store.conclude([], lambda _past, _recall, owed=owed: Decision(at=BEGIN, deliveries=owed))  # type: ignore[misc]
            began = time.monotonic()
            deliverer.wake()
            while await store.next_due(waited_for) is not None:  # noqa: ASYNC110 (the store is what is asked)
                await asyncio.sleep(0.005)
            seconds = time.monotonic() - began
        watching.cancel()
        await deliverer.stop(within=0.1)
        await store.close()
        return seconds, max(holds)


async def watch(holds: list[float]) -> None:
    """Notes for how long nothing else could run, until cancelled."""
    last = time.monotonic()
    while True:
        await asyncio.sleep(0.005)
        now = time.monotonic()
        holds.append(now - last - 0.005)
        last = now


async def measure() -> bool:
    async with target() as fast, target(hangs=True) as hung:
        alone, _ = await took(["ops"], [built("ops", fast)], "ops")
        slow, _ = await took(["mail"], [built("mail", fast, 5.5)], "mail")
        both = [built("ops", fast), built("hung", hung)]
        beside, held = await took(["ops", "hung"], both, "ops")
    rows = [
        ("300 alerts on a fast channel", alone, 1.5),
        ("300 alerts where the plugin sleeps 5.5 s", slow, 12.0),
        ("what a hung channel adds to another", max(beside - alone, 0.0), 0.2),
        ("longest hold of the loop meanwhile", held, 0.1),
    ]
    for what, seconds, bar in rows:
        print(f"{what:<44} {seconds:8.3f} s   <= {bar} s")
    return all(seconds <= bar for _, seconds, bar in rows)


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(measure()) else 1)
