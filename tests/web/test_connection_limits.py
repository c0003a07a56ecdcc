"""What strangers open at the page is bounded, and ends."""

from __future__ import annotations

import asyncio
import logging
import random
import resource
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.fakes import FakeClock
from tests.web.given import Page, fill, serving
from watcher.web import connection_limits

TOKEN = "a-long-enough-token"
HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\n"
SLOW = b"POST /login HTTP/1.1\r\nHost: x\r\n" + FORM + b"tok"


def asking(path: str) -> bytes:
    """A whole request, with the token."""
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()


class Line:
    """A stranger's end of a connection."""

    def __init__(self, page: Page, end: socket.socket | None = None) -> None:
        host, _, port = page.url.removeprefix("http://").rpartition(":")
        self.end = end or socket.create_connection((host, int(port)))
        self.end.settimeout(0)
        LINES.append(self.end)

    async def send(self, words: bytes) -> None:
        """What is not taken at once is not sent."""
        with suppress(OSError):
            self.end.send(words)
        await settle()

    def is_open(self) -> bool:
        """Whether the server still holds it; what it has answered is thrown away."""
        try:
            while self.end.recv(2**20):
                pass
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    async def answer(self) -> int:
        """The status of what it answers."""
        async with asyncio.timeout(10):
            while True:
                try:
                    return int(self.end.recv(4096).split()[1])
                except BlockingIOError:
                    await asyncio.sleep(0.005)


LINES: list[socket.socket] = []


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with serving(tmp_path, token=TOKEN) as page:
        await fill(page.store)
        yield page


@pytest.fixture
async def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Page]:
    """A page with room for eight, four of them of this machine."""
    monkeypatch.setattr(connection_limits, "MOST", 8)
    async with serving(tmp_path, token=TOKEN) as page:
        await fill(page.store)
        yield page


@pytest.fixture(autouse=True)
def hang_up() -> Iterator[None]:
    yield
    while LINES:
        LINES.pop().close()


async def connect(page: Page, words: bytes = b"") -> Line:
    line = Line(page)
    await line.send(words)
    return line


async def settle() -> None:
    """Long enough for the server, in this loop, to see all that was sent."""
    for _ in range(10):
        await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        (b"", connection_limits.IDLE),
        (HEAD, connection_limits.HEAD),
        (HEAD + b"\r\n", connection_limits.IDLE),
        (SLOW, connection_limits.HEAD),
    ],
    ids=["says nothing", "half a head", "asks for nothing more", "half a body"],
)
async def test_who_keeps_the_page_waiting_has_to_go(page: Page, sent: bytes, seconds: float) -> None:
    line = await connect(page, sent)
    await page.clock.advance(seconds - 1)
    assert line.is_open()
    await page.clock.advance(2)
    assert not line.is_open()


async def test_a_head_that_comes_byte_by_byte_has_no_longer(page: Page) -> None:
    line = await connect(page, b"GET")
    for _ in range(12):
        await line.send(b"X: y\r\n")
        await page.clock.advance(1)
    assert not line.is_open()


async def test_whoever_waits_for_the_page_itself_stays(page: Page) -> None:
    held = threading.Event()
    holding = asyncio.create_task(page.snapshots.work(held.wait))
    line = await connect(page, asking("/wallets"))
    try:
        await page.clock.advance(100)
        assert line.is_open()
    finally:
        held.set()
        await holding
    assert await line.answer() == 200


async def test_without_room_whoever_has_waited_longest_makes_room(
    small: Page, caplog: pytest.LogCaptureFixture
) -> None:
    lines = []
    for _ in range(4):
        lines.append(await connect(small))
        await small.clock.advance(1)
    fifth = await connect(small, HEAD + b"\r\n")
    assert await fifth.answer() == 200
    assert [line.is_open() for line in lines] == [False, True, True, True]
    for _ in range(50):
        await connect(small)
    assert caplog.text.count("no room") == 1


async def test_however_many_come_the_next_one_is_heard(small: Page) -> None:
    lines = [await connect(small, sent) for sent in (b"", HEAD, SLOW) for _ in range(20)]
    line = await connect(small, HEAD + b"\r\n")
    assert await line.answer() == 200
    assert sum(each.is_open() for each in lines) <= 3


async def test_who_is_being_answered_is_not_ended_for_others_who_are_told_to_come_again(small: Page) -> None:
    held = threading.Event()
    holding = asyncio.create_task(small.snapshots.work(held.wait))
    request = asking("/wallets")
    asked = [await connect(small, request) for _ in range(4)]
    try:
        assert await (await connect(small)).answer() == 503
    finally:
        held.set()
        await holding
    assert [await line.answer() for line in asked] == [200] * 4


async def test_what_is_sent_before_an_answer_is_bounded(page: Page) -> None:
    for sent in (SLOW.replace(b": 9", b": 999999999"), HEAD + b"\r\n" * 3 + b"X: "):
        line = await connect(page, sent)
        for _ in range(40):
            await line.send(b"y" * 4096)
        assert not line.is_open()


async def test_answers_that_nobody_takes_do_not_fill_the_memory(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_limits, "UNREAD", 4_000_000)
    noise = random.Random(1).randbytes(8_000_000)  # nothing makes it smaller
    monkeypatch.setattr("watcher.web.api.encoded", lambda _: [noise])
    request = asking("/api/v1/status").replace(b"\r\n", b"\r\nAccept-Encoding: gzip\r\n", 1)
    lines = []
    for _ in range(5):
        lines.append(await connect(page, request))
        async with asyncio.timeout(10):
            while not unread(page) or 0 in unread(page):  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        await page.clock.advance(1)
        assert len(unread(page)) == 1
    await page.clock.advance(connection_limits.TAKING + 1)
    assert not page.server._limits._connections


async def test_what_is_sent_unpacked_waits_in_small_pieces(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watcher.web.api.encoded", lambda _: [b"1" * 50_000_000])
    line = await connect(page, asking("/api/v1/status"))
    async with asyncio.timeout(10):
        while not unread(page) or 0 in unread(page):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    assert max(unread(page)) < 1_000_000
    assert await line.answer() == 200
    await page.clock.advance(connection_limits.TAKING + 1)
    assert not page.server._limits._connections


def unread(page: Page) -> list[int]:
    """Bytes that wait for each who is connected."""
    return [each.unread for each in page.server._limits._connections]


def descriptors() -> int:
    """The limit below which no descriptor is free."""
    with Path("/dev/null").open() as lowest:
        return lowest.fileno()


async def test_without_a_descriptor_connections_wait_and_the_log_says_so_once(
    page: Page, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connection_limits, "AGAIN", 0.05)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    host, _, port = page.url.removeprefix("http://").rpartition(":")
    sockets = [socket.socket() for _ in range(3)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors(), hard))
    try:
        for each in sockets:
            each.connect((host, int(port)))
        await asyncio.sleep(0.3)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert caplog.text.count("no connection to the page can be accepted") == 1
    for each in sockets:
        line = Line(page, each)
        await line.send(HEAD + b"\r\n")
        assert await line.answer() == 200


def test_descriptors_are_left_for_what_polls_and_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit, most in ((1024, 200), (256, 128), (100, 8), (resource.RLIM_INFINITY, 200)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, limit=limit: (limit, limit))
        assert connection_limits.ConnectionLimits(FakeClock(), (), logging.getLogger())._most == most
