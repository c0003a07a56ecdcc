"""What lies between: proxies, certificates, connections that end; against real ones on loopback."""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
import ssl
import struct
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import aiohttp.connector
import pytest
from aiohttp import web
from pydantic import SecretStr, ValidationError
from yarl import URL

from tests.certificates import Authority, self_signed
from tests.proxy import proxying
from tests.sources.api import KEY, Api
from watcher.domain.model import MissReason
from watcher.sources.coinstats.settings import CoinStatsSettings
from watcher.sources.http import REUSED_FOR, Body, Http, HttpFailure, Limits

LIMITS = Limits(timedelta(seconds=5), timedelta(seconds=2))
VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy of the machine that runs the tests."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """Trusted, as by SSL_CERT_FILE when the process begins."""
    authority = Authority(tmp_path)
    authority.is_trusted(monkeypatch)
    return authority


@asynccontextmanager
async def secure(api: Api, context: ssl.SSLContext) -> AsyncIterator[str]:
    """The API with TLS; its address."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", api.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def get(url: str, proxy: str | None = None, limits: Limits = LIMITS) -> Body | HttpFailure:
    http = Http({"X-API-KEY": KEY}, KEY, limits, SecretStr(proxy) if proxy else None)
    try:
        return await http.get(URL(url))
    finally:
        await http.close()


async def fault(url: str, proxy: str | None = None) -> str:
    """Why there was no answer; nothing was sent, so nothing was charged."""
    answer = await get(url, proxy)
    assert isinstance(answer, HttpFailure)
    assert answer.reason is MissReason.UNREACHABLE
    assert answer.charged == 0
    assert KEY not in answer.text
    return answer.text


@pytest.mark.parametrize("by", ["setting", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
async def test_the_key_goes_through_the_tunnel_and_never_to_the_proxy(
    api: Api, authority: Authority, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    api.says("[]")
    async with secure(api, authority.serves()) as url, proxying() as proxy:
        there = proxy.url.replace("//", "//user:p%40ss@")
        if by != "setting":
            monkeypatch.setenv(by, there)
        assert await get(f"{url}/x?wallets=secret", there if by == "setting" else None) == Body(b"[]")
    assert api.headers[0]["X-API-KEY"] == KEY
    assert [head.split(" HTTP")[0] for head in proxy.heads] == [f"CONNECT {url.removeprefix('https://')}"]
    assert "Proxy-Authorization: Basic dXNlcjpwQHNz" in proxy.heads[0]
    assert KEY.encode() not in proxy.read
    assert b"secret" not in proxy.read


@pytest.mark.parametrize("no_proxy", ["127.0.0.1", "127.0.0.0/8", "*"])
async def test_no_proxy_is_obeyed(
    api: Api, authority: Authority, monkeypatch: pytest.MonkeyPatch, no_proxy: str
) -> None:
    api.says("[]")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", f"other.example,{no_proxy}")
    async with secure(api, authority.serves()) as url:
        assert await get(url) == Body(b"[]")


async def test_what_has_no_tunnel_is_asked_directly(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.says("[]")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert await get(api.url) == Body(b"[]")
    with pytest.raises(ValidationError, match="leave proxy out"):
        CoinStatsSettings(
            kind="coinstats", api_key=SecretStr("k"), base_url=api.url, proxy=SecretStr("http://p:1")
        )
    with pytest.raises(ValidationError, match="as in http://proxy"):
        CoinStatsSettings(kind="coinstats", api_key=SecretStr("k"), proxy=SecretStr("socks5://p:1"))


async def test_a_proxy_that_fails_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxying(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n") as proxy:
        assert "the proxy answered 407: it wants a user" in await fault("https://api.example", proxy.url)
    async with proxying(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n") as proxy:
        text = "the proxy answered 502: it makes no connection to api.example"
        assert await fault("https://api.example", proxy.url) == text
    refused = "the proxy 127.0.0.1:1: connection refused"
    assert await fault("https://127.0.0.1:2", "http://127.0.0.1:1") == refused
    unknown = await fault("https://api.example", "http://nowhere.invalid:3128")
    assert unknown == "the proxy nowhere.invalid:3128: the name is not known"
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1")
    assert "HTTPS_PROXY must be the address of an HTTP proxy" in await fault("https://api.example")


async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    writer.close()


LONG_AGO = dt.datetime(2019, 1, 1, tzinfo=dt.UTC)
CERTIFICATES: dict[str, tuple[Callable[[Authority, Path], ssl.SSLContext | None], str]] = {
    "expired": (
        lambda ca, _: ca.serves(start=LONG_AGO, lasts=dt.timedelta(days=395)),
        "its certificate expired on 2020-01-31; it must be renewed there",
    ),
    "not yet": (
        lambda ca, _: ca.serves(start=dt.datetime(2090, 5, 1, tzinfo=dt.UTC)),
        "its certificate is not valid yet on 2090-05-01; is the clock here right?",
    ),
    "another host": (
        lambda ca, _: ca.serves("other.example"),
        "its certificate is for other.example, not for 127.0.0.1; check the address",
    ),
    "self-signed": (
        lambda _, folder: self_signed(folder),
        "its certificate is not trusted, it is signed by itself; SSL_CERT_FILE names whom to trust",
    ),
    "private CA": (
        lambda _, folder: Authority(folder, "another one").serves(),
        "the issuer of its certificate is not trusted; if it is a CA of yours, name it in SSL_CERT_FILE",
    ),
    "no TLS": (lambda *_: None, "speaks no TLS on port "),
}  # fmt: skip


@pytest.mark.parametrize("what", CERTIFICATES)
async def test_each_fault_of_tls_has_its_cause_and_its_remedy(
    authority: Authority, tmp_path: Path, what: str
) -> None:
    make, words = CERTIFICATES[what]
    server = await asyncio.start_server(plain, "127.0.0.1", 0, ssl=make(authority, tmp_path))
    async with server:
        text = await fault(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert text.startswith(f"127.0.0.1: {words}")


async def test_a_connection_that_is_never_made_costs_nothing() -> None:
    """A server that takes the connection and then says nothing of TLS."""
    hung = asyncio.Event()

    async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hung.wait()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    async with server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        failure = await get(url, limits=Limits(timedelta(seconds=9), timedelta(milliseconds=200)))
        hung.set()
    assert failure == HttpFailure(
        MissReason.UNREACHABLE, "127.0.0.1 took no connection within 0.2 s", charged=0
    )


class Closing(threading.Thread):
    """A server that closes each connection a moment after its answer, as idle limits do."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        super().__init__(daemon=True)
        self._context = context
        self._socket = socket.create_server(("127.0.0.1", 0))
        port = self._socket.getsockname()[1]
        self.url = f"http{'s' if context else ''}://127.0.0.1:{port}"
        self.requests = 0
        self.closed = threading.Event()

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            with connection:
                if not connection.recv(65536):
                    continue
                self.requests += 1
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]"
                )
                time.sleep(0.05)
                if isinstance(connection, ssl.SSLSocket):
                    connection.settimeout(0.05)
                    with suppress(OSError):  # it says that it closes, and waits for no answer
                        connection.unwrap()
            self.closed.set()

    def stop(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.join()


@pytest.fixture(params=["http", "https"])
def closing(request: pytest.FixtureRequest, authority: Authority) -> Iterator[Closing]:
    server = Closing(authority.serves() if request.param == "https" else None)
    server.start()
    yield server
    server.stop()


async def test_a_connection_that_the_other_side_has_closed_costs_no_poll(closing: Closing) -> None:
    http = Http({}, KEY, LIMITS)
    for number in range(1, 4):
        closing.closed.clear()
        assert await http.get(URL(closing.url)) == Body(b"[]")
        assert closing.requests == number
        assert closing.closed.wait(5)  # while the loop has no time to look
    await http.close()


async def test_an_idle_connection_is_not_used_for_as_long_as_servers_keep_theirs(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert REUSED_FOR < 5  # what Node.js and uvicorn do unless told otherwise
    api.says("[]")
    http = Http({}, KEY, LIMITS)
    ports = []

    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        ports.append(request.transport.get_extra_info("peername")[1])
        return web.Response(body=b"[]")

    api.answer = answer
    now = time.monotonic()
    for later in (0.0, REUSED_FOR - 0.5, 2 * REUSED_FOR):
        monkeypatch.setattr(aiohttp.connector, "monotonic", lambda at=now + later: at)
        assert await http.get(URL(api.url)) == Body(b"[]")
    await http.close()
    assert ports[0] == ports[1] != ports[2]


async def test_a_connection_that_is_reset_is_called_that_and_may_have_cost_something() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    server = await asyncio.start_server(reset, "127.0.0.1", 0)
    async with server:
        failure = await get(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert failure == HttpFailure(MissReason.UNREACHABLE, "127.0.0.1: broke the connection", charged=None)
