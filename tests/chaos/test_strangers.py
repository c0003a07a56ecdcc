"""The real daemon while strangers do all that can be done at its page: what happens is told at once."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest

from tests.endtoend.bench import EVM, Installation, installation, stop

TOKEN = "a-token-of-the-owner"
FEW = 256
"""Descriptors that the daemon may have, at all."""
SOON = 20.0
"""Seconds; polls come once a second, and the attack takes its share of the machine."""
STRANGERS = 1000 if os.environ.get("CHAOS") else 400
HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
WRONG = HEAD + b"Authorization: Bearer wrong\r\n\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 4000\r\n\r\ntoken="
WAYS = (
    b"",  # connects and says nothing
    HEAD + b"X-Slow: y",  # half a head
    b"POST /login HTTP/1.1\r\nHost: localhost\r\n" + FORM,  # half a body
    b"GET /news HTTP/1.1\r\nHost: localhost\r\n\r\n",  # asks once, and keeps the line
    WRONG * 30,  # many at once
    b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 30,  # answers that nobody takes
    HEAD + b"X: " + b"y" * 60_000,  # a huge head
)


@pytest.fixture(autouse=True)
def many_descriptors() -> Iterator[None]:
    """For the strangers, who are all in this process."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def stranger(port: int, way: bytes) -> None:
    """Holds one connection as long as it can, and then the next one."""
    loop = asyncio.get_running_loop()
    while True:
        with socket.socket() as end, suppress(OSError, TimeoutError):
            end.settimeout(0)
            async with asyncio.timeout(20):
                await loop.sock_connect(end, ("127.0.0.1", port))
                await loop.sock_sendall(end, way)
                while way != WAYS[5] and await loop.sock_recv(end, 4096):
                    pass
                await asyncio.sleep(5)
        await asyncio.sleep(0.2)


@asynccontextmanager
async def attack(port: int) -> AsyncIterator[None]:
    """So many strangers, each in one of the ways, while this lasts."""
    tasks = [asyncio.create_task(stranger(port, WAYS[number % len(WAYS)])) for number in range(STRANGERS)]
    try:
        await asyncio.sleep(3)
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def page_of(there: Installation) -> str:
    await there.logged("status page at")
    found = re.findall(r"status page at (\S+)", there.log())
    return str(found[-1])


@pytest.mark.parametrize("token", [TOKEN, None], ids=["with a token", "open to this machine"])
async def test_strangers_at_the_page_keep_no_alert_from_being_told(tmp_path: Path, token: str | None) -> None:
    async with installation(tmp_path) as there:
        there.edit("watcher.yaml", "web: null", f'web: {{listen: "127.0.0.1:0", token: {token or "null"}}}')
        async with there.daemon() as process:
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (FEW, FEW))  # before it has begun
            url = await page_of(there)
            await there.first_readings()
            async with attack(int(url.rpartition(":")[2])):
                began = time.monotonic()
                there.sim.world.set_amount(EVM, "ethereum", "ETH", "0.3", symbol="ETH", price="3000")
                await there.hook.told("eth-low")
                assert time.monotonic() - began < SOON
                held = len(list(Path(f"/proc/{process.pid}/fd").iterdir()))
                if token:
                    assert await owner_gets_in(url)
            assert held < FEW - 32
            assert "Too many open files" not in there.log()
            assert there.log().count("no room for more") <= 1
            assert "Traceback" not in there.log()
            await stop(there, process)


async def owner_gets_in(url: str) -> bool:
    """The right token is heard beside all the wrong ones."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    for _ in range(10):
        with suppress(aiohttp.ClientError):
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"{url}/readyz", headers=headers) as got,
            ):
                return got.status in (200, 503) and "ready" in await got.text()
    return False
