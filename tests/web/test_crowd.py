"""A crowd of readers: answered a few at a time, and nobody is forgotten."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.web.given import Page, fill, serving
from watcher.web.server import AT_ONCE

CROWD = 20


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with serving(tmp_path) as page:
        await fill(page.store)
        yield page


async def test_a_crowd_waits_for_its_turn_and_all_of_it_is_answered(page: Page) -> None:
    busy = threading.Event()
    holding = asyncio.create_task(page.snapshots.work(busy.wait))
    paths = [f"/wallets?q={number}" for number in range(CROWD)]
    asked = [asyncio.create_task(page.get(path)) for path in paths]
    async with asyncio.timeout(20):
        assert (await page.get("/healthz"))[0] == 200
        assert not any(task.done() for task in asked)
        busy.set()
        answers = await asyncio.gather(*asked)
    await holding
    assert [status for status, *_ in answers] == [200] * CROWD
    assert CROWD > AT_ONCE


async def test_who_goes_away_while_waiting_keeps_nobodys_place(page: Page) -> None:
    busy = threading.Event()
    holding = asyncio.create_task(page.snapshots.work(busy.wait))
    asked = [asyncio.create_task(page.get("/wallets")) for _ in range(CROWD)]
    async with asyncio.timeout(20):
        await page.get("/healthz")
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        busy.set()
        await holding
        for _ in range(AT_ONCE + 1):
            assert (await page.get("/wallets"))[0] == 200
