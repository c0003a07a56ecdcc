"""The overview and the budget page: money, its day, credits and what they will do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.contract.given import ETH, HOT, NOW, changed, known, plan
from tests.web.given import Page, cells, serving
from watcher.domain.credits.allowance import Booking, Grant, Purpose
from watcher.domain.decision import Decision
from watcher.domain.model import Quote
from watcher.ports.store import Settlement
from watcher.reports import status


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with serving(tmp_path) as page:
        for hours, before, to in ((30, None, "5"), (20, "5", "4"), (0, "4", "6")):
            at = NOW - timedelta(hours=hours)
            booked = await page.store.reserve(Booking("coinstats", 1, 40, Purpose.SCHEDULED, at), plan(10**6))
            assert isinstance(booked, Grant)
            state = known(HOT, at, ethereum=to)._replace(watched_since=NOW - timedelta(hours=30))
            conclusion = Decision(
                at, (state,), (changed(HOT, ETH, before, to, at),),
                quotes={ETH: Quote(Decimal(10), at)},
            )  # fmt: skip
            settlement = Settlement(booked, at, 40, readings=1)
            await page.store.conclude([HOT], lambda *_, c=conclusion: c, settlement)
        yield page


async def test_the_total_is_told_with_what_a_day_has_changed(page: Page) -> None:
    text = ""
    async with asyncio.timeout(10):
        while "in 24 hours" not in text:  # worked out beside the page
            await page.later()
            _, text, _ = await page.get("/")
    assert "$60.00" in text
    assert "+$10.00 (+20" in text


async def test_credits_are_drawn_with_their_forecast_on_overview_and_budget(page: Page) -> None:
    for path in ("/", "/budget"):
        _, text, _ = await page.get(path)
        assert "19,880 of 20,000 left until 2026-04-01" in text, path
        assert "serie-2" in text, path
        assert "serie-3" in text, path
        assert "will be left" in text


async def test_sources_are_told_with_their_late_accounts(page: Page) -> None:
    _, text, _ = await page.get("/")
    sources = cells(text[text.index("<h2>Sources</h2>") :])
    assert '<th scope="row">coinstats</th><td class="number">2</td><td class="number late">1</td>' in cells(
        sources
    )


async def test_the_budget_has_the_plan_of_each_account_and_the_days_of_the_ledger(page: Page) -> None:
    _, text, _ = await page.get("/budget")
    assert "2026-03-10" in text
    assert '<td class="number">40</td>' in cells(text)
    assert "hot" in text
    assert (await page.get("/budget?page=0"))[0] == 400
    assert (await page.get("/budget?page=99"))[0] == 200


async def test_a_crowd_that_asks_at_once_has_the_page_made_once(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, read = [], []
    work, report = page.snapshots.work, status.report

    async def counted(job: Callable[[], object]) -> object:
        made.append(job)
        return await work(job)

    def reported(*args: Any) -> object:
        read.append(args)
        return report(*args)

    await page.get("/wallets")
    await page.later()
    monkeypatch.setattr(page.snapshots, "work", counted)
    monkeypatch.setattr(status, "report", reported)
    answers = await asyncio.gather(*(page.get("/wallets?q=hot") for _ in range(20)))
    assert {code for code, _, _ in answers} == {200}
    assert (len(read), len(made)) == (1, 1)
