"""Requests that are no polls go where polls go: same host, same key, bounded, and failures in words."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from tests.sources.api import KEY, Api, refused
from watcher.ports.source import RawAnswer, RawCall, Source
from watcher.sources.coinstats.settings import CoinStatsSettings
from watcher.sources.teos.settings import TeosSettings

HEADER = {"coinstats": ("X-API-KEY", KEY), "teos": ("Authorization", f"Bearer {KEY}")}


@pytest.fixture(params=["coinstats", "coinstats/v1", "teos"])
async def source(request: pytest.FixtureRequest, api: Api) -> AsyncIterator[Source]:
    kind, _, below = request.param.partition("/")
    settings = {"kind": kind, "api_key": KEY, "base_url": f"{api.url}/api{'/' + below if below else ''}"}
    model = CoinStatsSettings if kind == "coinstats" else TeosSettings
    source: Source = model.model_validate(settings).build(kind, [])
    yield source
    await source.close()


async def test_a_request_is_sent_below_the_configured_address_with_the_key(api: Api, source: Source) -> None:
    bodies = []

    async def answer(request: web.Request) -> web.StreamResponse:
        bodies.append((request.method, await request.read()))
        return web.Response(status=201, text='{"Queue": "q"}', content_type="application/json")

    api.answer = answer
    query = (("eventRoutingKey", "#.account.*"), ("$filter", "a gt 1&b"))
    answered = await source.ask(RawCall("POST", "/v1.1/events/queue", query))
    assert await source.ask(RawCall("PATCH", "/v1/sync")) == answered == RawAnswer(b'{"Queue": "q"}')

    assert api.paths[0].startswith("/api/v1.1/events/queue?eventRoutingKey=%23.account.*&$filter=a")
    assert api.paths[0].endswith("gt+1%26b")
    assert api.paths[1] == "/api/v1/sync"
    assert bodies == [("POST", b""), ("PATCH", b"")]
    name, value = HEADER[source.name]
    assert [each[name] for each in api.headers] == [value, value]


async def test_a_path_is_sent_as_it_stands(api: Api, source: Source) -> None:
    api.says(refused(204, ""))

    await source.ask(RawCall("GET", "/odata/v1.1/Search(addresses=%5B%270x1%27%5D)"))

    assert api.paths == ["/api/odata/v1.1/Search(addresses=%5B%270x1%27%5D)"]


async def test_an_answer_without_a_body_is_an_answer(api: Api, source: Source) -> None:
    api.says(refused(204, ""))

    assert await source.ask(RawCall("PATCH", "/v1/sync")) == RawAnswer()


@pytest.mark.parametrize(
    ("status", "people", "charged"), [(401, True, 0), (403, True, None), (404, False, None), (429, False, 0)]
)
async def test_a_refusal_says_why_and_whose_turn_it_is_without_the_key(
    status: int, people: bool, charged: int | None, api: Api, source: Source
) -> None:
    api.says(refused(status, f'{{"message": "no {KEY}"}}', Retry_After="7"))

    answer = await source.ask(RawCall("GET", "/v1/x", (("secret", KEY),)))

    assert f"answered {status}: no ***" in answer.failure
    assert KEY not in answer.failure
    assert (answer.refused, answer.charged, answer.rejected) == (people, charged, status == 404)
    assert (answer.pause is not None) == (status == 429)


async def test_a_redirect_is_followed_nowhere(api: Api, source: Source) -> None:
    api.says(refused(307, Location=f"{api.url}/stranger"))

    answer = await source.ask(RawCall("POST", "/v1/x"))

    assert "redirects are not followed" in answer.failure
    assert len(api.paths) == 1
