"""Exchange rates of CoinStats: the digits on the wire, and no rate from an answer that is none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from tests.sources.api import Api, refused
from tests.sources.test_coinstats import settings
from watcher.ports.source import Reply
from watcher.sources.coinstats.source import CoinStatsSource
from watcher.sources.coinstats.wire import read_rates
from watcher.sources.json_repair import UnusableAnswerError


@pytest.fixture
async def source(api: Api) -> AsyncIterator[CoinStatsSource]:
    source = settings(api.url).build("cs", [])
    yield source
    await source.close()


async def asked(source: CoinStatsSource) -> list[Reply]:
    replies, waiting = [], [source.rates()]
    while waiting:
        replies.append(await source.send(waiting.pop(0)))
        waiting += replies[-1].more
    return replies


async def test_every_digit_is_kept(api: Api, source: CoinStatsSource) -> None:
    api.says('{"result": {"USD": 1, "CHF": 0.80624501257370612345678, "VND": 2.6e4, "XAU": null}, "a": []}')

    (reply,) = await asked(source)

    assert (reply.charged, reply.failure) == (1, "")
    assert reply.rates == {
        "USD": Decimal(1), "CHF": Decimal("0.80624501257370612345678"), "VND": Decimal("2.6e4"),
    }  # fmt: skip
    assert api.paths == ["/v1/currencies"]


async def test_a_list_that_is_elsewhere_is_asked_for_there_and_next_time_at_once(
    api: Api, source: CoinStatsSource
) -> None:
    api.says(refused(404), '{"result": {"USD": 1, "CHF": 0.8}}')

    first, second = await asked(source)
    (third,) = await asked(source)

    assert (first.rates, bool(second.rates), bool(third.rates)) == (None, True, True)
    assert api.paths == ["/v1/currencies", "/currencies", "/currencies"]


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
async def test_a_refusal_brings_no_rate_and_is_asked_for_no_more_than_twice(
    api: Api, source: CoinStatsSource, status: int
) -> None:
    api.says(refused(status))

    replies = await asked(source)

    assert len(replies) == (2 if status == 404 else 1)
    assert not any(each.rates for each in replies)
    assert all(each.failure for each in replies)


@pytest.mark.parametrize(
    "body",
    [
        "", "{", "[]", "null", "{}", '{"result": null}', '{"result": []}', '{"result": {}}',
        '{"result": {"CHF": 0.8}}', '{"result": {"USD": 1.25, "EUR": 1}}', '{"result": {"USD": "a"}}',
        '{"result": {"USD": 1, "X": ' + "[" * 200_000 + "]" * 200_000 + "}}", "<html></html>",
        '{"result": {"USD": 1, "CHF": ' + "1" * 300_000 + "}}",
    ],
    ids=range(14),
)  # fmt: skip
def test_an_answer_that_is_no_list_of_rates_of_the_dollar_is_refused(body: str) -> None:
    with pytest.raises(UnusableAnswerError):
        read_rates(body.encode())
