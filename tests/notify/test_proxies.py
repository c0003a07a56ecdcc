"""Channels and the heartbeat through a proxy, each through its own; a private authority for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import cast

import pytest
from aiohttp import web
from pydantic import SecretStr

from tests.certificates import Authority
from tests.notify import discord_api, slack_api
from tests.notify.discord_api import guild
from tests.notify.given import PICTURE, delivery
from tests.notify.slack_api import workspace
from tests.proxy import proxying
from watcher.domain.messages.delivery import NotSent, Sent
from watcher.notify.apprise.settings import AppriseSettings
from watcher.notify.discord.settings import DiscordSettings
from watcher.notify.heartbeat import Heartbeat
from watcher.notify.slack.settings import SlackSettings
from watcher.notify.telegram.settings import TelegramSettings
from watcher.ports.channel import Channel, Presentation
from watcher.ports.chat import Ear

TOKEN = "very-secret-token"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy and no authority of the machine that runs the tests."""
    for name in (
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
    ):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@asynccontextmanager
async def service(authority: Authority | None = None) -> AsyncIterator[tuple[str, list[str]]]:
    """HOST:PORT of a web hook, with TLS if there is an authority; and what it was told."""
    told: list[str] = []

    async def take(request: web.BaseRequest) -> web.Response:
        told.append(f"{request.path} {await request.text()}")
        return web.Response(text="ok")

    runner = web.ServerRunner(web.Server(take, access_log=None))
    await runner.setup()
    context = authority.serves() if authority else None
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}", told
    finally:
        await runner.cleanup()


def channel(url: str, proxy: str | None = None) -> AppriseSettings:
    return AppriseSettings.model_validate({"url": url, "proxy": proxy, "timeout": "5s"})


async def test_each_channel_goes_through_its_own_proxy_at_the_same_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")  # the proxy of its own goes first
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with service() as (host, told), proxying() as first, proxying() as second:
        ways = {"a": first.url, "b": second.url, "c": None}
        built = {name: channel(f"json://{host}/{name}", way).build(name) for name, way in ways.items()}
        for _ in range(3):
            sent = await asyncio.gather(*(each.send([delivery(1)]) for each in built.values()))
            assert set(map(type, sent)) == {Sent}
    assert sorted(each.split()[0] for each in told) == sorted(3 * ["/a", "/b", "/c"])
    assert [head.split()[1] for head in first.heads] == 3 * [f"http://{host}/a"]
    assert [head.split()[1] for head in second.heads] == 3 * [f"http://{host}/b"]


async def test_a_channel_with_tls_gets_a_tunnel_and_trusts_a_private_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    async with service(authority) as (host, told), proxying() as proxy:
        hook = channel(f"jsons://{host}/{TOKEN}", proxy.url).build("hook")
        refused = await hook.send([delivery(1)])
        assert isinstance(refused, NotSent)
        assert not refused.maybe_sent
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
        assert await hook.send([delivery(1)]) == Sent()
    assert len(told) == 1
    assert proxy.heads[0].startswith(f"CONNECT {host} ")
    assert TOKEN.encode() not in proxy.read


async def test_a_bot_of_slack_writes_and_listens_through_a_tunnel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trusted(tmp_path, monkeypatch)
    picture = Presentation(attach=lambda _: [PICTURE])
    async with workspace(authority.serves()) as slack, proxying() as proxy:
        written = {"token": slack_api.BOT, "app_token": slack_api.APP, "channel": "#ops", "pictures": True}
        settings = SlackSettings.model_validate({**written, "api_url": slack.api_url, "proxy": proxy.url})
        desk = settings.build("desk", picture)
        assert (await sent_by(desk)).remarks == {}
        listening = asyncio.create_task(desk.listen(cast(Ear, None)))
        await slack.sockets.get()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await desk.close()
    assert slack.files["F0"]["content"] == PICTURE.content
    assert {head.split()[0] for head in proxy.heads} == {"CONNECT"}
    assert b"xoxb" not in proxy.read
    assert b"very-secret" not in proxy.read


async def test_a_bot_of_discord_writes_through_the_proxy_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trusted(tmp_path, monkeypatch)
    async with guild(authority.serves()) as discord, proxying() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        written = {"token": discord_api.BOT, "channel": discord_api.OPS, "api_url": discord.url}
        desk = DiscordSettings.model_validate(written).build("desk")
        await sent_by(desk)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        await sent_by(desk)
        await desk.close()
    assert len(proxy.heads) == 1
    assert discord_api.BOT.encode() not in proxy.read


def trusted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """An authority that is trusted as by SSL_CERT_FILE when the process begins."""
    authority = Authority(folder)
    authority.is_trusted(monkeypatch)
    return authority


async def sent_by(desk: Channel) -> Sent:
    result = await desk.send([delivery(1)])
    assert isinstance(result, Sent), result
    return result


async def test_a_proxy_that_fails_is_named_and_has_carried_nothing() -> None:
    gone = "http://127.0.0.1:1"
    for url in ("json://127.0.0.1:2/x", "jsons://127.0.0.1:2/x"):
        result = await channel(url, gone).build("hook").send([delivery(1)])
        assert isinstance(result, NotSent)
        assert not result.maybe_sent
        assert result.detail == "127.0.0.1:2: the proxy cannot be reached"
    async with proxying(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n") as proxy:
        result = await channel("jsons://127.0.0.1:2/x", proxy.url).build("hook").send([delivery(1)])
    assert isinstance(result, NotSent)
    assert "the proxy answered 407: it wants a user and a password" in result.detail


@pytest.mark.parametrize("scheme", ["json", "jsons"])
async def test_a_proxy_that_hangs_is_not_called_the_service(scheme: str) -> None:
    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.CancelledError):
            await over.wait()
        writer.close()

    over = asyncio.Event()
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    proxy = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        result = await channel(f"{scheme}://127.0.0.1:2/x?rto=0.3", proxy).build("hook").send([delivery(1)])
    finally:
        over.set()
        server.close()
    assert isinstance(result, NotSent)
    assert result.detail == "127.0.0.1:2: no answer in time through the proxy"


def test_a_service_that_is_not_spoken_to_by_http_takes_no_proxy() -> None:
    with pytest.raises(ValueError, match="leave proxy out"):
        channel("mailto://user:pass@mail.example", "http://127.0.0.1:1").build("mail")


async def test_the_heartbeat_goes_through_its_proxy_or_that_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other end's certificate is not trusted here; the tunnel is what counts."""
    async with service(Authority(tmp_path)) as (host, _), proxying() as proxy:
        url = SecretStr(f"https://{host}/{TOKEN}")
        said = await Heartbeat(url, SecretStr(proxy.url)).beat()
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert await Heartbeat(url).beat() == said
    assert "the issuer of its certificate is not trusted" in said
    assert [head.split()[:2] for head in proxy.heads] == 2 * [["CONNECT", host]]
    assert TOKEN.encode() not in proxy.read
    assert (
        "the proxy 127.0.0.1:1: connection refused"
        in await Heartbeat(url, SecretStr("http://127.0.0.1:1")).beat()
    )


async def test_a_bot_of_telegram_goes_through_its_proxy_and_the_token_stays_in_the_tunnel(
    tmp_path: Path,
) -> None:
    """The other end's certificate is not trusted here; the tunnel is what counts."""
    token = "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11"
    async with service(Authority(tmp_path)) as (host, told), proxying() as proxy:
        written = {"token": token, "chat": "1", "api_url": f"https://{host}"}
        bot = TelegramSettings.model_validate({**written, "proxy": proxy.url}).build("ops")
        result = await bot.send([delivery(1)])
        await bot.close()
        gone = TelegramSettings.model_validate({**written, "proxy": "http://127.0.0.1:1"}).build("ops")
        lost = await gone.send([delivery(1)])
        await gone.close()
    assert isinstance(result, NotSent)
    assert "the issuer of its certificate is not trusted" in result.detail
    assert isinstance(lost, NotSent)
    assert lost.detail == f"{host}: the proxy 127.0.0.1:1 cannot be reached"
    assert not lost.maybe_sent
    assert [head.split()[:2] for head in proxy.heads] == [["CONNECT", host]]
    assert token.encode() not in proxy.read
    assert told == []
