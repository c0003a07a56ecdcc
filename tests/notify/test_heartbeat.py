"""The call to the dead-man's switch, against real servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from pydantic import SecretStr, ValidationError

from watcher.config.models import HeartbeatSettings
from watcher.notify.heartbeat import Heartbeat

SECRET = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    runner = web.ServerRunner(web.Server(handler, access_log=None, handler_cancellation=True))
    await runner.setup()
    runner._shutdown_timeout = 0.1
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/{SECRET}"
    finally:
        await runner.cleanup()


async def test_it_calls_the_url_once() -> None:
    called: list[str] = []

    async def take(request: web.BaseRequest) -> web.Response:
        called.append(f"{request.method} {request.path}")
        return web.Response(text="OK")

    async with serving(take) as url:
        assert await Heartbeat(SecretStr(url)).beat() == ""
    assert called == [f"GET /{SECRET}"]


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_anything_but_success_is_said(status: int) -> None:
    called: list[str] = []

    async def refuse(request: web.BaseRequest) -> web.Response:
        called.append(request.path)
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async with serving(refuse) as url:
        assert await Heartbeat(SecretStr(url)).beat() == f"HTTP {status}"
    assert called == [f"/{SECRET}"]


async def test_a_target_that_hangs_is_left_after_its_time() -> None:
    async def hang(_: web.BaseRequest) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with serving(hang) as url:
        assert "did not answer within 0.1 s" in await Heartbeat(SecretStr(url), patience=0.1).beat()


async def test_a_refused_connection_is_said_without_the_url() -> None:
    async with serving(lambda _: asyncio.sleep(0)) as url:  # type: ignore[arg-type,return-value]
        pass
    heartbeat = Heartbeat(SecretStr(url))

    why = await heartbeat.beat()

    assert why
    assert SECRET not in why
    assert SECRET not in repr(heartbeat.__dict__)


@pytest.mark.parametrize("url", ["https://hc.test:99999/{}", "https://hc.test:x/{}", "https://[{}]/ping"])
def test_an_address_that_can_be_none_is_a_mistake_of_the_configuration_and_not_shown(url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        HeartbeatSettings(url=SecretStr(url.format(SECRET)))
    assert "must be a web address" in str(caught.value)
    assert SECRET[:8] not in str(caught.value)
