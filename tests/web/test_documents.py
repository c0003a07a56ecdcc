"""Large JSON: made once for all who ask, in pages, and not sent again to whoever has it."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.contract.given import HOT, NOW, alert, keep
from tests.web.given import Page, fill, serving
from watcher.domain.alerts.lifecycle import AlertState
from watcher.domain.model import AccountState, Asset
from watcher.domain.records import replace
from watcher.web import api, documents
from watcher.web.documents import KEPT, SENT, Content, Documents, pack

BALANCES = "/api/v1/balances"


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with serving(tmp_path) as page:
        await fill(page.store)
        yield page


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was encoded and compressed."""
    found: list[object] = []

    def counted(content: Content) -> documents.Packed:
        found.append(content)
        return pack(content)

    for place in (documents, api):
        monkeypatch.setattr(place, "pack", counted)
    return found


async def hold(page: Page, count: int, at: timedelta = timedelta(0)) -> None:
    """`hot` holds so many assets."""
    held = {Asset("ethereum", f"0x{n:040x}"): Decimal(n + 1) for n in range(count)}
    state = AccountState(HOT, held, {"ethereum": NOW + at}, last_attempt=NOW + at, watched_since=NOW)
    await keep(page.store, accounts=(state,))
    await page.later()


async def test_ten_who_ask_at_once_have_it_made_once(page: Page, made: list[object]) -> None:
    answers = await asyncio.gather(*(page.get(BALANCES) for _ in range(10)))
    assert {status for status, *_ in answers} == {200}
    assert len({text for _, text, _ in answers}) == 1
    assert len(made) == 1


async def test_what_has_not_changed_is_not_made_again_however_late_it_is(
    page: Page, made: list[object]
) -> None:
    _, before, headers = await page.get(BALANCES)
    await page.clock.advance(3600)
    _, after, later = await page.get(BALANCES)
    assert (after, later["ETag"]) == (before, headers["ETag"])
    assert len(made) == 1
    await hold(page, 3)
    _, changed, latest = await page.get(BALANCES)
    assert latest["ETag"] != headers["ETag"]
    assert changed != before
    assert len(made) == 2


@pytest.mark.parametrize("path", [BALANCES, "/api/v1/status", "/api/v1/history", "/metrics"])
async def test_whoever_has_it_is_told_so_and_no_more(page: Page, path: str) -> None:
    status, text, headers = await page.get(path)
    assert (status, headers["Cache-Control"]) == (200, "private, no-cache")
    assert text
    for known in (headers["ETag"], f'"other", {headers["ETag"]}', "*"):
        status, text, again = await page.get(path, If_None_Match=known)
        assert (status, text, again["ETag"]) == (304, "", headers["ETag"])
        assert again["Cache-Control"] == "private, no-cache"
    assert (await page.get(path, If_None_Match='W/"other"'))[0] == 200


async def test_the_head_says_how_long_each_form_would_be(page: Page) -> None:
    await hold(page, 500)
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        for coding in ("gzip", "identity"):
            asked = {"Accept-Encoding": coding}
            async with session.get(page.url + BALANCES, headers=asked) as answer:
                body = await answer.read()
            async with session.head(page.url + BALANCES, headers=asked) as head:
                assert (head.status, head.headers["ETag"]) == (200, answer.headers["ETag"])
                assert int(head.headers["Content-Length"]) == len(body)
                assert await head.read() == b""
            rows = json.loads(gzip.decompress(body) if coding == "gzip" else body)
            assert len(rows) == 500


async def test_what_is_longer_than_a_piece_comes_whole(page: Page) -> None:
    await hold(page, 1000)
    _, text, headers = await page.get(BALANCES, Accept_Encoding="identity")
    assert len(text) > SENT
    assert "Transfer-Encoding" not in headers
    assert [row["amount"] for row in json.loads(text)] == [str(n + 1) for n in range(1000)]


async def pages_of(page: Page, path: str) -> AsyncIterator[Any]:
    """Each page of a list, by the links from one to the next."""
    url = page.url + path
    while url:
        async with page.session.get(url) as answer:
            assert answer.status == 200
            yield await answer.json()
            url = str(answer.links["next"]["url"]) if "next" in answer.links else ""


@pytest.mark.parametrize(("path", "count"), [("balances?wallet=hot&", 7), ("history?", 2), ("alerts?", 1)])
async def test_the_links_lead_through_the_whole_list(page: Page, path: str, count: int) -> None:
    if path.startswith("balances"):
        await hold(page, count)
    whole = await page.json(f"/api/v1/{path}")
    assert len(whole) == count
    parts = [each async for each in pages_of(page, f"/api/v1/{path}limit=2")]
    assert [row for part in parts for row in part] == whole
    assert [len(part) for part in parts] == [2] * (count // 2) + [1] * (count % 2)


async def test_what_is_over_comes_in_pages_that_say_where_the_next_one_is(page: Page) -> None:
    over = [
        replace(alert(f"old-{n:03}", state=AlertState.RESOLVED, subject=f"s-{n}"), resolved_at=NOW)
        for n in range(130)
    ]
    await keep(page.store, alerts=over)
    await page.later()

    parts = [each async for each in pages_of(page, "/api/v1/alerts?all=true")]

    assert [len(part) for part in parts] == [100, 31]
    assert len({row["id"] for part in parts for row in part}) == 131


async def test_a_page_says_where_it_is(page: Page) -> None:
    await hold(page, 7)
    _, text, headers = await page.get(f"{BALANCES}?wallet=hot&limit=3&page=2")
    assert len(json.loads(text)) == 3
    assert headers["X-Total-Count"] == "7"
    asked = "<?wallet=hot&limit=3&page="
    assert headers["Link"] == ", ".join(
        f'{asked}{number}>; rel="{rel}"'
        for rel, number in (("first", 1), ("prev", 1), ("next", 3), ("last", 3))
    )
    _, text, headers = await page.get(f"{BALANCES}?limit=3&page=9")
    assert (text, headers["X-Total-Count"]) == ("[]", "7")
    assert "next" not in headers["Link"]
    assert "Link" not in (await page.get(BALANCES))[2]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("tag=gas", 2), ("source=coinstats", 2), ("chain=Ethereum", 2), ("chain=base", 0),
        ("asset=eth", 1), ("asset=ETH&asset=nothing", 1), ("asset=eth&chain=base", 0),
        ("asset=0x00000000000000000000000000000000000000FF", 1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["balances", "history"])
async def test_a_list_is_narrowed_down(page: Page, name: str, query: str, count: int) -> None:
    assert len(await page.json(f"/api/v1/{name}?{query}")) == count


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["a1"]), ("rule=gas-low&wallet=hot", ["a1"]), ("rule=other", []), ("wallet=cold", []),
        ("severity=warning", ["a1"]), ("severity=critical", []), ("acknowledged=false", ["a1"]),
        ("acknowledged=true", []), ("state=firing", ["a1"]), ("state=resolved", ["a2"]), ("since=1s", ["a1"]),
        ("all=true", ["a1", "a2"]), ("all=true&limit=1&page=2", ["a2"]), ("all=true&severity=critical", []),
        ("events=true", []),
    ],
)  # fmt: skip
async def test_alerts_are_narrowed_down(page: Page, query: str, found: list[str]) -> None:
    over = replace(alert("a2", state=AlertState.RESOLVED, subject="t"), since=NOW - timedelta(days=1))
    await keep(page.store, alerts=(replace(over, resolved_at=NOW - timedelta(hours=1)),))
    await page.later()
    assert [row["id"] for row in await page.json(f"/api/v1/alerts?{query}")] == found


@pytest.mark.parametrize("query", ["tag=nobody", "source=teos", "wallet=hot&wallet=x"])
async def test_a_name_that_is_not_configured_is_a_404(page: Page, query: str) -> None:
    assert (await page.get(f"{BALANCES}?{query}"))[0] == 404


@pytest.mark.parametrize("query", ["chain=", "asset=" + "x" * 101, "&".join(["asset=x"] * 101)])
async def test_what_is_looked_for_is_bounded(page: Page, query: str) -> None:
    assert (await page.get(f"{BALANCES}?{query}"))[0] == 400


async def test_each_route_of_the_api_is_described(page: Page) -> None:
    described = (await page.json("/api/v1/openapi.json"))["paths"]
    runner = page.server._runner
    assert runner is not None
    routes = {resource.canonical for resource in runner.app.router.resources()}
    served = {path for path in routes if path.startswith("/api/")}
    assert served - {"/api/v1/openapi.json"} == set(described)


async def at_once(job: Callable[[], Any]) -> Any:
    return job()


async def test_few_documents_are_kept_those_that_are_asked_for() -> None:
    kept = Documents(at_once)
    made: list[int] = []

    async def ask(number: int) -> None:
        def make() -> Content:
            made.append(number)
            return Content([b"x"])

        await kept.of(number, "same", make)

    for number in range(KEPT + 1):
        await ask(number)
        await ask(1)
    made.clear()
    await ask(1)
    await ask(KEPT)
    assert made == []
    await ask(0)
    assert made == [0]
