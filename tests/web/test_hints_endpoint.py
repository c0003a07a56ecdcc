"""`POST /hints/{name}` on the real server: what it costs a stranger, and what it lets through."""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from tests.hints.webhooks import KEY, SOL, A, B, activity, alchemy, generic, hints, quicknode, webhook
from tests.web.given import Page, fill, serving
from watcher.hints.webhook.source import Webhook
from watcher.ports.hints import LARGEST_POST, Hint
from watcher.web import hints as endpoint
from watcher.web.connection_limits import QUIET
from watcher.web.login_throttle import ADDRESSES

TOKEN = "a-long-enough-token"
BURST = int(endpoint.BURST)
HELD_UP = 0.5
"""Seconds of work; it is a tenth of that."""


class Site:
    """The page with three hint sources that are posted to."""

    def __init__(self, page: Page, hooks: Mapping[str, Webhook]) -> None:
        self.page, self.hooks = page, hooks
        self.number = 0

    async def post(
        self, body: bytes, headers: Mapping[str, str] | None = None, name: str = "script", **more: str
    ) -> int:
        """Signed as our own scheme wants it if no headers are given; the status."""
        if headers is None:
            self.number += 1
            headers = generic(body, self.page.clock.now(), f"nonce-{self.number:06}")
        url = f"{self.page.url}/hints/{name}"
        async with self.page.session.post(url, data=body, headers={**headers, **more}) as answer:
            self.said = await answer.text()
            return answer.status

    async def raw(self, request: bytes) -> tuple[int, str]:
        """Send these bytes; the status and the head of the answer."""
        host, _, port = self.page.url.removeprefix("http://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(request)
        async with asyncio.timeout(10):
            head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        return int(head.split()[1]), head.decode()

    def waiting(self, name: str = "script") -> list[Hint]:
        """What was taken and is not told yet."""
        found = []
        while (hint := self.hooks[name]._inbox.take()) is not None:
            found.append(hint)
        return found


def hooks() -> dict[str, Webhook]:
    return {
        "script": webhook(name="script"),
        "alchemy": webhook("alchemy", name="alchemy"),
        "quicknode": webhook("quicknode", name="quicknode"),
        "helius": webhook("helius", name="helius"),
    }


@pytest.fixture(params=["", TOKEN], ids=["without a token", "with a token"])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    found = hooks()
    async with serving(tmp_path, token=request.param or None, postings=found) as page:
        await fill(page.store)
        yield Site(page, found)


@pytest.fixture
async def alone(tmp_path: Path) -> AsyncIterator[Site]:
    found = hooks()
    async with serving(tmp_path, token=TOKEN, postings=found) as page:
        await fill(page.store)
        yield Site(page, found)


async def test_who_signs_needs_no_token_and_may_ask_by_any_name_of_this_machine(site: Site) -> None:
    assert await site.post(hints(A), Host="hints.example.com") == 200
    assert site.said == "1 hint taken\n"
    now = site.page.clock.now()
    for name, body, headers in (
        ("alchemy", activity(A, B), alchemy(activity(A, B))),
        ("quicknode", activity(A), quicknode(activity(A), now)),
        ("helius", json.dumps([SOL]).encode(), {"Authorization": KEY}),
    ):
        assert await site.post(body, headers, name) == 200
        assert site.waiting(name)


async def test_every_other_page_still_asks_for_the_token_or_the_name(site: Site) -> None:
    status, *_ = await site.page.get("/api/v1/status", Host="hints.example.com")
    assert status in (401, 421)
    assert (await site.page.get("/hints/../api/v1/status", Host="x.example"))[0] in (401, 421)
    assert (await site.page.get("/hints/%2e%2e/api/v1/status", Host="x.example"))[0] != 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
async def test_only_a_post_is_answered(alone: Site, method: str) -> None:
    for name in ("script", "nobody"):
        async with alone.page.session.request(method, f"{alone.page.url}/hints/{name}") as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "name", ["nobody", "Script", "script/", "script%00", "%ff", "a" * 5000, "..%2fscript"]
)
async def test_there_is_no_other_hint_source(alone: Site, name: str) -> None:
    """An unknown name is answered before a body is read, and the same whatever it is."""
    request = f"POST /hints/{name} HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n\r\n"
    assert (await alone.raw(request.encode()))[0] == 404


async def test_a_body_that_is_too_large_is_not_read(alone: Site) -> None:
    request = f"POST /hints/script HTTP/1.1\r\nHost: x\r\nContent-Length: {LARGEST_POST + 1}\r\n\r\n"
    assert (await alone.raw(request.encode()))[0] == 413
    assert await alone.post(b"x" * LARGEST_POST) == 400
    assert "of no use" in alone.said


def in_chunks(body: bytes, size: int) -> bytes:
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


@pytest.mark.parametrize(("size", "chunk"), [(500, 1), (9000, 1), (60_000, 8000)])
async def test_a_body_whose_length_is_not_told_is_taken(alone: Site, size: int, chunk: int) -> None:
    body = hints(A) + b" " * size
    headers = {**generic(body, alone.page.clock.now()), "Transfer-Encoding": "Chunked"}
    head = "POST /hints/script HTTP/1.1\r\nHost: x\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items())
    assert (await alone.raw(head.encode() + b"\r\n" + in_chunks(body, chunk)))[0] == 200


@pytest.mark.parametrize(
    "head",
    [
        b"POST /hints/script HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: cHUNKED\r\n\r\n",
        b"POST /hints/script HTTP/1.1\r\n"
        + b"X: %b\r\n" % (b"y" * 4000) * 3
        + b"Content-Length: 900000\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: x\r\nX: POST /hints/\r\nContent-Length: 900000\r\n\r\n",
        b"GET /hints/ HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n",
    ],
    ids=["in chunks", "with a long head", "elsewhere", "no post"],
)
async def test_who_does_not_say_how_long_a_body_is_or_posts_elsewhere_cannot_send_a_long_one(
    alone: Site, head: bytes
) -> None:
    host, _, port = alone.page.url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    chunked = in_chunks(bytes(200_000), 1)
    writer.write(head + chunked[:900_000])
    with suppress(ConnectionError):
        async with asyncio.timeout(10):
            await writer.drain()
            while await reader.read(1000):
                pass
    writer.close()
    assert not alone.page.server._limits._connections


async def test_a_broken_body_is_the_callers_fault(alone: Site, caplog: pytest.LogCaptureFixture) -> None:
    head = b"POST /hints/script HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert (await alone.raw(head + b"zz\r\nnonsense\r\n"))[0] == 400
    assert caplog.text == ""


async def test_who_sends_slowly_is_not_waited_for(alone: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "PATIENCE", 0.05)
    request = b"POST /hints/script HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nslow"
    status, head = await alone.raw(request)
    assert (status, "Connection: close" in head) == (408, True)


async def test_all_half_bodies_together_are_bounded(alone: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "HELD", 3000)
    monkeypatch.setattr(endpoint, "PATIENCE", 5.0)
    head = b"POST /hints/script HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n"
    host, _, port = alone.page.url.removeprefix("http://").rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(head + bytes(1999))
    await settled(lambda: alone.page.server._posts._held == 1999)
    assert (await alone.raw(head + bytes(1999)))[0] == 503
    writer.close()
    await settled(lambda: alone.page.server._posts._held == 0)


async def settled(holds: Callable[[], bool]) -> None:
    """Let the server, which is in this loop, come to where this holds."""
    for _ in range(5000):
        if holds():
            return
        await asyncio.sleep(0.001)
    raise TimeoutError


async def test_wrong_signatures_are_counted_as_wrong_tokens_are_and_the_right_one_works_all_the_same(
    alone: Site, caplog: pytest.LogCaptureFixture
) -> None:
    body = hints(A)
    wrong = generic(body, alone.page.clock.now(), key="a-key-that-is-another-one")
    assert [await alone.post(body, wrong) for _ in range(12)] == [401] * 10 + [429] * 2
    assert await alone.post(body) == 200
    assert caplog.text.count("is not signed with its key") == 1
    await alone.page.clock.advance(QUIET)
    assert await alone.post(body, wrong) == 401
    assert caplog.text.count("is not signed with its key") == 2
    # A webhook with a wrong key locks nobody out of the page.
    assert (await alone.page.get("/api/v1/status", Authorization="Bearer no"))[0] == 401


async def test_each_answer_is_counted(alone: Site) -> None:
    body, metrics = hints(A), alone.page.snapshots.metrics
    assert metrics is not None
    for name in ("script", "script", "nobody"):
        await alone.post(body, None, name)
    await alone.post(body, {})
    await alone.raw(f"POST /hints/script HTTP/1.1\r\nHost: x\r\nContent-Length: {2**30}\r\n\r\n".encode())
    assert metrics.hint_posts == {("script", "200"): 2, ("script", "401"): 1, ("script", "413"): 1}
    shown = (await alone.page.get("/metrics", Authorization=f"Bearer {TOKEN}"))[1]
    assert 'watcher_hint_posts_total{hint_source="script",status="401"} 1.0' in shown


async def test_a_signature_that_comes_twice_is_none(alone: Site) -> None:
    body = hints(A)
    lines = [f"{name}: {value}\r\n" for name, value in generic(body, alone.page.clock.now()).items()]
    for twice in lines:
        head = f"POST /hints/script HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        request = (head + "".join([*lines, twice]) + "\r\n").encode() + body
        assert (await alone.raw(request))[0] == 401
    assert alone.waiting() == []


async def test_nothing_of_a_request_is_in_the_log(alone: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    body = b'{"nobody-may-see": "' + A.encode() + b'"}'
    await alone.post(body)
    await alone.post(body, generic(body, alone.page.clock.now(), "nonce-nobody-sees", key="k" * 20))
    await alone.post(body, {"Authorization": KEY + "x"}, "helius")
    await alone.post(body, {"x-alchemy-signature": "caf\u00e9"}, "alchemy")
    for secret in ("nobody-may-see", A, KEY, "nonce-nobody-sees", "sha256="):
        assert secret not in caplog.text


async def test_so_many_requests_of_one_address_and_no_more(alone: Site) -> None:
    found = [await alone.post(b"x", {}, "nobody") for _ in range(BURST + 5)]
    assert found == [404] * BURST + [429] * 5
    await alone.page.clock.advance(0.1)
    assert [await alone.post(b"x", {}, "nobody") for _ in range(6)] == [404] * 5 + [429]
    await alone.page.clock.advance(60)
    assert await alone.post(hints(A)) == 200


async def test_a_large_body_counts_as_many_requests(alone: Site) -> None:
    large = json.dumps({"hints": [], "more": "x" * 1_000_000}).encode()
    found = [await alone.post(large) for _ in range(6)]
    assert found == [200] * 4 + [429] * 2
    await alone.page.clock.advance(60)
    assert await alone.post(large) == 200


async def test_behind_a_proxy_each_sender_has_a_rate_of_its_own(tmp_path: Path) -> None:
    found = hooks()
    async with serving(tmp_path, token=TOKEN, proxies=["127.0.0.1"], postings=found) as page:
        site, stranger = Site(page, found), {"X-Forwarded-For": "203.0.113.9"}
        assert [await site.post(b"x", stranger, "nobody") for _ in range(BURST + 1)][-1] == 429
        assert await site.post(hints(A), None, "script", **{"X-Forwarded-For": "198.51.100.7"}) == 200


def test_however_many_addresses_post_what_is_kept_of_them_is_bounded() -> None:
    rate = endpoint.PostRate()
    for number in range(5000):
        rate.charge(f"address {number}", 1.0, 1.0)
    assert len(rate._left) <= ADDRESSES + 1
    assert rate.has_room("address 1", 1.0)
    assert rate.has_room("later", 100.0)
    assert len(rate._left) == 1


async def test_a_bomb_is_refused_and_never_unpacked_whole(alone: Site) -> None:
    bomb = gzip.compress(bytes(64 * 2**20), 9)
    assert len(bomb) < LARGEST_POST
    assert await alone.post(bomb, None, "script", **{"Content-Encoding": "gzip"}) == 413
    body = hints(A)
    packed = gzip.compress(body)
    headers = generic(body, alone.page.clock.now())
    assert await alone.post(packed, headers, "script", **{"Content-Encoding": "gzip"}) == 200
    assert [each.where.address for each in alone.waiting()] == [A]


async def test_without_hint_sources_there_is_nothing_to_post_to(tmp_path: Path) -> None:
    async with serving(tmp_path) as page:
        assert await Site(page, {}).post(hints(A)) == 404


FLOOD = """
import http.client, sys, urllib.parse
place, body = urllib.parse.urlsplit(sys.argv[1]), sys.stdin.buffer.read()
for _ in range(int(sys.argv[2])):
    line = http.client.HTTPConnection(place.hostname, place.port)
    line.request("POST", place.path, body, {"X-Watcher-Nonce": "nonce-0123456789"})
    print(line.getresponse().status)
    line.close()
"""


async def longest_turn(work: Awaitable[object]) -> float:
    """Seconds of work that something else in this loop had to wait for at most while this was done. What the
    machine does besides does not count."""
    doing, longest = asyncio.ensure_future(work), 0.0
    while not doing.done():
        before = time.thread_time()
        await asyncio.sleep(0.001)
        longest = max(longest, time.thread_time() - before)
    await doing
    return longest


async def flood(url: str, body: bytes, times: int) -> set[str]:
    """Post it again and again from another process; the statuses."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        FLOOD,
        url,
        str(times),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate(body)
    assert process.returncode == 0
    return set(said.decode().split())


async def test_a_stranger_who_floods_holds_up_nobody(alone: Site) -> None:
    longest = await longest_turn(flood(f"{alone.page.url}/hints/script", hints(A), 2000))
    assert (await alone.page.get("/healthz"))[0] == 200
    assert longest < HELD_UP, f"{longest:.3f} s"


async def test_who_has_the_key_and_posts_100_000_hints_holds_up_nobody_and_what_waits_is_bounded(
    alone: Site,
) -> None:
    crowd = [f"0x{number:040x}" for number in range(4_998)]
    bodies = [hints(*crowd, A, B, id=f"{number}") for number in range(20)]

    async def post_all() -> set[int]:
        return {await alone.post(body) for body in bodies}

    posting = asyncio.ensure_future(post_all())
    longest = await longest_turn(posting)
    assert posting.result() == {200, 429}
    waiting = alone.waiting()
    assert len(waiting) == 5_000
    assert {A, B} <= {each.where.address for each in waiting}
    assert longest < HELD_UP, f"{longest:.3f} s"
