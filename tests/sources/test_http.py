"""One GET to an API: bounded in time and size, to that host only; each failure has its reason and charge."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from tests.sources.api import KEY, Api, refused
from watcher.domain.model import MissReason
from watcher.sources.http import Body, Http, HttpFailure, Limits

LIMITS = Limits(timedelta(seconds=5), timedelta(seconds=2), max_body=1024 * 1024)


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    http = Http({"X-API-KEY": KEY}, KEY, LIMITS)
    yield http
    await http.close()


async def fail(http: Http, url: str) -> HttpFailure:
    answer = await http.get(URL(url, encoded=True))
    assert isinstance(answer, HttpFailure)
    assert KEY not in answer.text
    assert "?" not in answer.text
    return answer


async def impatient(api: Api, answer: Any) -> HttpFailure:
    api.answer = answer
    http = Http({}, KEY, Limits(timedelta(milliseconds=300), timedelta(seconds=2)))
    failure = await fail(http, api.url)
    await http.close()
    return failure


async def test_a_url_is_sent_exactly_as_built(api: Api, http: Http) -> None:
    api.says("[]")
    path = "/odata/GetAssetsBalances(Addresses=%5B%27a%27%5D,UniqueAssetIds=%5B%270x1%27%5D)?$x=%27"

    assert await http.get(URL(api.url + path, encoded=True)) == Body(b"[]")
    assert api.paths == [path]


async def test_a_redirect_is_not_followed(api: Api, http: Http) -> None:
    api.says(refused(302, Location=f"{api.url}/stranger"))

    failure = await fail(http, api.url + "/start")

    assert failure.reason is MissReason.REDIRECTED
    assert "base_url" in failure.text
    assert api.paths == ["/start"]


async def test_a_web_page_is_not_an_answer(api: Api, http: Http) -> None:
    api.says(web.Response(body=b"<html>", headers={"Content-Type": "text/html"}))
    assert (await fail(http, api.url)).reason is MissReason.MALFORMED

    api.says("  <!doctype html>")
    assert (await fail(http, api.url)).reason is MissReason.MALFORMED


async def test_a_body_is_read_up_to_its_limit_and_no_further(api: Api, http: Http) -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while sent < 200:
            sent += 1
            await response.write(b"[" * 1024 * 1024)
        return response

    api.answer = endless
    failure = await fail(http, api.url)

    assert failure.reason is MissReason.TOO_LARGE
    assert sent < 20

    api.says("[" + " " * (1024 * 1024 - 2) + "]")
    assert isinstance(await http.get(URL(api.url)), Body)


async def test_a_gzip_bomb_is_too_large(api: Api, http: Http) -> None:
    bomb = gzip.compress(b"0" * 100 * 1024 * 1024)
    api.says(
        web.Response(body=bomb, headers={"Content-Encoding": "gzip", "Content-Type": "application/json"})
    )

    assert (await fail(http, api.url)).reason is MissReason.TOO_LARGE


async def test_a_body_that_is_not_gzip_is_malformed(api: Api, http: Http) -> None:
    api.says(web.Response(body=b"[1, 2]", headers={"Content-Encoding": "gzip"}))

    assert (await fail(http, api.url)).reason is MissReason.MALFORMED


async def test_silence_is_a_timeout(api: Api) -> None:
    async def silent(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    failure = await impatient(api, silent)

    assert failure.reason is MissReason.TIMEOUT
    assert failure.charged is None
    assert "did not answer within 0.3 s" in failure.text


async def test_a_body_that_drips_for_ever_is_a_timeout(api: Api) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.01)

    failure = await impatient(api, drip)

    assert failure.reason is MissReason.TIMEOUT
    assert "in the middle" in failure.text


async def test_nobody_there_is_unreachable_and_free(http: Http) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]

    failure = await fail(http, f"http://127.0.0.1:{port}/?secret=1")

    assert failure == HttpFailure(MissReason.UNREACHABLE, "127.0.0.1: connection refused", charged=0)


async def test_a_broken_connection_is_one_request_and_may_have_been_charged(api: Api, http: Http) -> None:
    api.says("[]")
    assert isinstance(await http.get(URL(api.url + "/first")), Body)

    async def reset(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    api.answer = reset
    failure = await fail(http, api.url + "/second")

    assert failure.reason is MissReason.UNREACHABLE
    assert failure.charged is None
    # A kept-alive connection broke: nothing repeats the request behind our back.
    assert api.paths == ["/first", "/second"]


async def test_a_body_cut_short_is_malformed(api: Api, http: Http) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"[")
        assert request.transport is not None
        request.transport.close()
        return response

    api.answer = cut

    assert (await fail(http, api.url)).reason in {MissReason.MALFORMED, MissReason.UNREACHABLE}


DATE = "Sun, 01 Mar 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "Sun, 01 Mar 2026 12:01:30 GMT", "Date": DATE}, 90),
        ({"X-Rate-Limit-Reset": "2026-03-01T12:00:20.1234567Z", "Date": DATE}, 20.123456),
        ({"X-Rate-Limit-Reset": "2026-03-01T11:00:00Z", "Date": DATE}, 1),
        ({"X-Rate-Limit-Reset": "2026-03-02T00:00:00Z", "X-Rate-Limit-Remaining": "29000", "Date": DATE}, 10),
        ({"Retry-After": "86400"}, 86_400),
        ({"Retry-After": "1767225600"}, 10),
        ({"Retry-After": "999999999999"}, 10),
        ({"Retry-After": "Sun, 01 Mar 2027 12:00:00 GMT", "Date": DATE}, 10),
        ({"Retry-After": "Sun, 01 Mar 2020 12:00:00 GMT", "Date": DATE}, 1),
        ({"Retry-After": "-5"}, 10),
        ({"Retry-After": "soon", "X-Rate-Limit-Reset": "never"}, 10),
        ({}, 10),
    ],
)
async def test_a_provider_that_asks_for_quiet_gets_it(
    api: Api, http: Http, headers: dict[str, str], seconds: float
) -> None:
    api.says(web.Response(status=429, text="{}", headers=headers))

    assert (await fail(http, api.url)).pause == timedelta(seconds=seconds)


async def test_without_credits_for_sale_406_is_a_rejection(api: Api, http: Http) -> None:
    api.says(refused(406, '{"message": "credits"}'))

    assert (await fail(http, api.url)).reason is MissReason.REJECTED


async def test_cancelling_a_request_is_not_swallowed(api: Api, http: Http) -> None:
    arrived = asyncio.Event()

    async def silent(_: web.Request) -> web.StreamResponse:
        arrived.set()
        await asyncio.Event().wait()
        raise AssertionError

    api.answer = silent
    task = asyncio.create_task(http.get(URL(api.url)))
    await arrived.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
