"""`/healthz` and `/readyz`: answered whatever else is asked, and honest about what nobody knows."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.contract.given import HOT, keep, known
from tests.web.given import Page, fill, serving
from watcher.reports.health import Readiness
from watcher.web.health import ASKED, EVERY, FRESH, OLDEST
from watcher.web.lanes import LANE, Lane
from watcher.web.server import AT_ONCE

PATIENCE = 20


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with serving(tmp_path) as page:
        await fill(page.store)
        yield page


@contextmanager
def held(page: Page, lane: Lane) -> Iterator[threading.Event]:
    """A lane whose thread is busy until the event is set."""
    before, busy = LANE.set(lane), threading.Event()
    holding = asyncio.create_task(page.snapshots.work(busy.wait))
    LANE.reset(before)
    try:
        yield busy
    finally:
        busy.set()
        del holding


@pytest.mark.parametrize("lane", [Lane.LARGE, Lane.PAGES])
async def test_health_is_answered_while_a_lane_is_full(page: Page, lane: Lane) -> None:
    path = "/api/v1/balances" if lane is Lane.LARGE else "/wallets"
    with held(page, lane) as busy:
        asked = [asyncio.create_task(page.get(path)) for _ in range(10)]
        async with asyncio.timeout(PATIENCE):
            assert (await page.get("/healthz"))[:2] == (200, "ok\n")
            assert (await page.get("/readyz"))[:2] == (200, "ready\n")
            await page.later()
            assert (await page.get("/readyz"))[0] == 200
            assert (await page.get("/static/style.css"))[0] == 200
            assert not any(each.done() for each in asked)
            busy.set()
            assert [status for status, *_ in await asyncio.gather(*asked)] == [200] * 10


async def test_a_page_waits_behind_nothing_large(page: Page) -> None:
    with held(page, Lane.LARGE):
        large = ("/api/v1/balances", "/api/v1/status", "/metrics")
        asked = [asyncio.create_task(page.get(path)) for path in large * AT_ONCE]
        async with asyncio.timeout(PATIENCE):
            for path in ("/", "/wallets", "/alerts", "/outbox", "/rules"):
                assert (await page.get(path))[0] == 200
        assert not any(each.done() for each in asked)
        for each in asked:
            each.cancel()


async def test_readiness_is_looked_at_again_while_somebody_asks_and_then_no_more(page: Page) -> None:
    looks: asyncio.Queue[Readiness] = asyncio.Queue()
    look = page.snapshots.readiness

    async def noted(work: Any) -> Readiness:
        found = await look(work)
        await looks.put(found)
        return found

    page.snapshots.readiness = noted  # type: ignore[method-assign]
    async with asyncio.timeout(PATIENCE):
        await page.get("/readyz")
        await page.get("/readyz")
        assert (await looks.get()).ready
        await page.clock.advance(EVERY)
        assert (await looks.get()).ready
        await keep(page.store, accounts=(known(HOT, page.clock.now())._replace(misses=3, miss="nothing"),))
        await page.clock.advance(EVERY)
        assert (await looks.get()).troubled == ("coinstats: 1 of 2 accounts cannot be read",)
        assert "1 of 2 accounts cannot be read" in (await page.get("/readyz"))[1]
        assert looks.empty()
        keeping = page.server._health._keeping
        assert keeping is not None
        await page.clock.advance(ASKED)
        await keeping  # how many looks were taken in that time depends on how quick they are
    while not looks.empty():
        looks.get_nowait()
    await page.clock.advance(ASKED)
    assert looks.empty()


async def test_a_store_that_does_not_answer_is_said_with_what_was_known_last(
    page: Page, tmp_path: Path
) -> None:
    before = (await page.get("/readyz"))[1]
    assert before.startswith("ready")
    (tmp_path / "watcher.db").rename(tmp_path / "elsewhere.db")
    await page.clock.advance(FRESH)
    status, text, _ = await page.get("/readyz")
    assert status == 503
    assert "watcher.db" in text
    assert text.endswith("\nready 2 s ago\n")


async def test_what_was_known_long_ago_is_not_told_as_if_it_were_so_now(page: Page) -> None:
    waits = asyncio.Event()

    async def never(*_: object) -> None:
        await waits.wait()

    await page.get("/readyz")
    page.snapshots.readiness = never  # type: ignore[method-assign,assignment]
    await page.clock.advance(OLDEST)
    status, _, headers = await page.get("/readyz")
    assert (status, headers["Age"]) == (200, f"{OLDEST:.0f}")
    await page.clock.advance(1)
    status, text, _ = await page.get("/readyz")
    assert (status, text) == (503, "not ready\nthe store does not answer\nready 16 s ago\n")


async def test_while_the_database_is_away_every_answer_says_since_when_and_none_waits(page: Page) -> None:
    said = "db: the server cannot be reached, since 2026-03-10 12:00:00 UTC"
    assert (await page.get("/readyz"))[0] == 200
    page.snapshots._away = lambda: said
    await page.later()
    status, text, _ = await page.get("/readyz")
    assert (status, text.splitlines()[:2]) == (503, ["not ready", said])
    assert (await page.get("/healthz"))[0] == 200
    for path in ("/", "/wallets", "/alerts", "/metrics", "/api/v1/status", "/api/v1/history"):
        status, text, _ = await page.get(path, Accept="text/html")
        assert (status, said[1:] in text) == (503, True), path
    page.snapshots._away = str
    await page.later()
    assert (await page.get("/readyz"))[0] == 200
    assert (await page.get("/"))[0] == 200
