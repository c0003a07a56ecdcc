"""News: what an open page asks for, to know that the daemon lives and what has changed."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.contract.given import alert, by, keep
from tests.web.given import Page, fill, serving
from watcher.domain.alerts.lifecycle import AlertState
from watcher.domain.audit import AuditAction
from watcher.domain.records import replace
from watcher.domain.values.errors import StoreError
from watcher.domain.values.formatting import iso

SCRIPT = {"Accept": "application/json"}


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with serving(tmp_path) as page:
        await fill(page.store)
        yield page


async def test_news_say_of_when_they_are_and_what_fires(page: Page) -> None:
    news = await page.json("/news")
    assert news["at"] == iso(page.clock.now())
    assert news["firing"] == {"critical": 0, "warning": 1, "info": 0}
    assert news["ready"] is True
    assert f'data-at="{news["at"]}"' in (await page.get("/"))[1]


async def test_news_change_with_what_is_shown_and_with_nothing_else(page: Page) -> None:
    first = await page.json("/news")
    await page.later()
    second = await page.json("/news")
    assert (second["what"], second["build"]) == (first["what"], first["build"])
    assert second["at"] > first["at"]
    resolved = replace(alert(), state=AlertState.RESOLVED, resolved_at=page.clock.now())
    await keep(page.store, alerts=(resolved,))
    await page.later()
    third = await page.json("/news")
    assert third["what"] != second["what"]
    assert sum(third["firing"].values()) == 0


async def test_an_account_that_becomes_late_is_news_though_nothing_was_written(page: Page) -> None:
    before = (await page.json("/news"))["what"]
    await page.clock.advance(timedelta(hours=37).total_seconds())
    assert (await page.json("/news"))["what"] != before


async def test_what_somebody_did_is_news_at_once(page: Page) -> None:
    """An event that is acknowledged is in no snapshot; the entry in the audit log tells of it."""
    before = (await page.json("/news"))["what"]
    page.store.commands(by(page.clock.now())).note(AuditAction.TEST, ["ops"])
    await page.later()
    assert (await page.json("/news"))["what"] != before


async def test_a_store_that_cannot_be_read_is_said(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise StoreError("the disk is gone")

    monkeypatch.setattr(page.store, "queries", broken)
    async with page.session.get(page.url + "/news", headers=SCRIPT) as answer:
        assert answer.status == 503
        assert await answer.json() == {"error": "the disk is gone"}


async def test_whose_login_has_ended_is_told_so_in_json(tmp_path: Path) -> None:
    async with serving(tmp_path, token="a-long-enough-token") as page:
        status, text, _ = await page.get("/news", **SCRIPT)
        assert status == 401
        assert "token" in json.loads(text)["error"]


async def test_a_page_refreshes_itself_without_scripts_unless_somebody_may_be_filling_in_a_form(
    page: Page, tmp_path: Path
) -> None:
    refresh = '<noscript><meta http-equiv="refresh" content="60"></noscript>'
    assert refresh in (await page.get("/"))[1]
    assert refresh not in (await page.get("/alerts/a1"))[1]
    (tmp_path / "guarded").mkdir()
    async with serving(tmp_path / "guarded", token="a-long-enough-token") as guarded:
        for path in ("/", "/wallets/hot"):  # who may act finds forms there
            status, text, _ = await guarded.get(path, Authorization="Bearer a-long-enough-token")
            assert (status, refresh in text) == (200, False)


async def test_a_way_to_the_home_screen_is_offered_below_any_path(page: Page) -> None:
    text = (await page.get("/"))[1]
    assert re.search(r'<link rel="manifest" href="/static/manifest.webmanifest"', text)
    manifest = await page.json("/static/manifest.webmanifest")
    for icon in manifest["icons"]:
        async with page.session.get(f"{page.url}/static/{icon['src']}") as answer:
            assert (answer.status, answer.content_type) == (200, icon["type"])
    assert manifest["start_url"] == "../"


async def test_behind_a_crowd_of_readers_news_are_a_little_older_and_come_at_once(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watcher.web.pages.news.WAITS", 0.01)
    first = await page.json("/news")
    busy = threading.Event()
    holding = asyncio.create_task(page.snapshots.work(busy.wait))
    try:
        await page.later()
        assert await page.json("/news") == first
    finally:
        busy.set()
        await holding
    async with asyncio.timeout(10):
        while (await page.json("/news"))["at"] == first["at"]:
            pass
