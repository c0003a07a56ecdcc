"""`/api/v1` and health, held against what is promised of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.contract.given import ETH, HOT, NOW, delivery, keep
from tests.web.given import SPAM, Page, fill, serving
from watcher.domain.audit import Actor, AuditAction
from watcher.domain.credits.provider_count import USAGE, Metered
from watcher.domain.model import AccountState, PriceSuspicion, Suspect
from watcher.domain.records import replace
from watcher.domain.scheduler.outlook import OUTLOOK, Detections, Outlook
from watcher.web.documents import PIECE, encoded, listed


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with serving(tmp_path) as page:
        page.store.commands(Actor("ann", "page", NOW)).note(AuditAction.POLL, ["hot"], "40 credits")
        await fill(page.store)
        yield page


def assert_times(value: Any) -> None:
    """Every time ends in Z and can be read."""
    for key, part in value.items() if isinstance(value, dict) else ():
        if isinstance(part, str) and (key.endswith("_at") or key in {"as_of", "since", "created", "sent"}):
            assert part.endswith("Z"), key
            datetime.fromisoformat(part)
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        assert_times(part)


def answer_of(described: Any, methods: Any) -> Any:
    """The schema of an answer, with what it refers to."""
    schema = methods["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    return {**schema, "components": described["components"]}


async def test_every_answer_is_as_described(page: Page) -> None:
    described = await page.json("/api/v1/openapi.json")
    for path, methods in described["paths"].items():
        schema = answer_of(described, methods)
        value = await page.json(path)
        assert value, f"{path} has nothing to check"
        Draft202012Validator(schema).validate(value)
        assert_times(value)


def empty(value: Any, path: str = "") -> list[str]:
    """Where nothing is that could be held against the description."""
    if isinstance(value, dict):
        return [each for key, part in value.items() for each in empty(part, f"{path}.{key}")]
    if isinstance(value, list) and value:
        return empty(value[0], f"{path}[]")
    return [path] if value in ([], None) else []


async def test_no_object_is_described_that_may_have_other_fields(page: Page) -> None:
    described = await page.json("/api/v1/openapi.json")
    for name, schema in described["components"]["schemas"].items():
        if schema["type"] == "object":
            assert schema["additionalProperties"] is False, name
            assert schema["required"] == list(schema["properties"]), name


async def test_every_field_that_is_sent_is_described(page: Page) -> None:
    described = await page.json("/api/v1/openapi.json")
    await everything(page)
    for path, methods in described["paths"].items():
        schema = answer_of(described, methods)
        value = await page.json(path)
        Draft202012Validator(schema).validate(value)
        assert not [each for each in empty(value) if each not in NOTHING], path


NOTHING = {
    "[].sent", "[].acknowledged_by", ".alerts[].acknowledged_by",
    "[].acknowledged_at", ".alerts[].acknowledged_at",
    ".held_prices[].price_usd", "[].before_at", ".claims[].value_usd",
    ".credits.coinstats.runs_out", ".credits.coinstats.provider.renewed",
    *(f"{part}.{name}" for part in (".total", ".groups[]") for name in ("chain", "asset", "amount")),
    ".members",
}  # fmt: skip
"""What is null in `everything`, and has no fields; and the members, which a file has none of."""


async def everything(page: Page) -> None:
    """Something in every list and every part that may be missing."""
    outlook = Outlook(0.0, 1000.0, 1.0, {f"{HOT.chain}:{HOT.address}": 300.0}, Detections(2, 600.0, 500.0))
    metered = Metered(NOW, 20_000, 100)
    await page.store.keep_facts("coinstats", {OUTLOOK: outlook.dump(), USAGE: metered.dump()}, NOW)
    odd = (await page.store.load([HOT])).accounts[HOT]
    spare = next(account for account in page.snapshots.wallets if account != HOT)
    bare = AccountState(spare, seen={spare.chain: NOW}, watched_since=NOW - timedelta(days=2))
    await keep(page.store, accounts=(bare,))
    await page.store.running(NOW - timedelta(days=3), NOW - timedelta(hours=1))
    held = odd._replace(held={ETH: Suspect(Decimal(0), NOW, "reported as zero")}, newcomers={SPAM: NOW})
    doubt = PriceSuspicion(None, NOW, "it has no price any more")
    owed = delivery("waits")
    await keep(page.store, accounts=(held,), doubts={ETH: doubt}, deliveries=(owed,))
    await page.store.settle([replace(owed, attempts=1, last_error="bob@mail.test: 550 user unknown")])
    await page.later()


async def test_every_parameter_described_is_taken_and_no_other(page: Page) -> None:
    described = await page.json("/api/v1/openapi.json")
    samples = {
        "wallet": "hot", "tag": "gas", "source": "coinstats", "chain": "Ethereum", "asset": "eth",
        "since": "24h", "limit": "5", "page": "2", "all": "true", "events": "true", "rule": "gas-low",
        "severity": "critical", "acknowledged": "false", "action": "acknowledge", "q": "ann",
        "by": "asset", "range": "30d",
    }  # fmt: skip
    states = {"/api/v1/alerts": "silenced", "/api/v1/outbox": "sent"}
    for path, methods in described["paths"].items():
        for parameter in methods["get"]["parameters"]:
            name = parameter["name"]
            if parameter["in"] == "header":
                continue
            sample = states[path] if name == "state" else samples[name]
            status, text, _ = await page.get(f"{path}?{name}={sample}")
            assert status == 200, (path, name, text)
        status, text, _ = await page.get(f"{path}?nonsense=1")
        assert status == 400
        assert "nonsense" in text


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("history?limit=0", "limit"), ("history?limit=10001", "limit"),
        ("history?limit=%F0%9D%9F%99", "limit"),
        ("history?limit=1&limit=2", "once"), ("history?since=yesterday", "duration"),
        ("alerts?all=maybe", "true"),
        ("outbox?state=lost", "pending"), ("outbox?limit=-1", "limit"), ("status?x=%00", "unknown"),
    ],
)  # fmt: skip
async def test_a_wrong_parameter_is_refused_with_a_reason(page: Page, query: str, word: str) -> None:
    async with page.session.get(f"{page.url}/api/v1/{query}") as answer:
        assert answer.status == 400
        assert word in (await answer.json())["error"]


@pytest.mark.parametrize(
    "path",
    [
        *("/api/v1/nothing", "/api/v2/status", "/api/v1/status/more"),
        *("/api/v1/history?wallet=nobody", "/api/v1/balances?wallet="),
    ],
)
async def test_what_is_not_there_is_a_404_in_json(page: Page, path: str) -> None:
    async with page.session.get(page.url + path) as answer:
        assert answer.status == 404
        assert (await answer.json())["error"]


async def test_nothing_can_be_written(page: Page) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        async with page.session.request(method, page.url + "/api/v1/alerts", data=b"{}") as answer:
            assert answer.status == 405
            assert answer.headers["Allow"]


async def test_a_store_that_cannot_be_read_is_a_503_with_a_reason(page: Page, tmp_path: Path) -> None:
    (tmp_path / "watcher.db").rename(tmp_path / "elsewhere.db")
    await page.later()
    async with page.session.get(page.url + "/api/v1/status") as answer:
        assert answer.status == 503
        assert "watcher.db" in (await answer.json())["error"]
    assert (await page.get("/readyz"))[0] == 503
    assert (await page.get("/healthz"))[0] == 200


async def test_one_look_serves_all_who_ask_within_a_moment(page: Page) -> None:
    first = await page.snapshots.current()
    assert await page.snapshots.current() is first
    await page.later()
    assert await page.snapshots.current() is not first


def test_a_long_list_is_the_same_json_in_pieces() -> None:
    import json

    rows = [{"n": number, "text": 'é"\u2028'} for number in range(PIECE * 2 + 1)]
    assert json.loads(b"".join(encoded(rows))) == rows
    for most in (0, 1, PIECE, PIECE + 1):
        assert json.loads(b"".join(listed(rows[:most]))) == rows[:most]
    value: Any = {"a": rows, "b": {}, "c": [], "d": None}
    assert json.loads(b"".join(encoded(value))) == value
