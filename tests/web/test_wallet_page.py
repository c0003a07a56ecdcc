"""A wallet's page: its charts, the same in words, and what it refuses."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.contract.given import ETH, HOT, NOW, changed, keep, known, plan
from tests.web.given import CONFIG, OTHER, Page, cells, fill, serving
from watcher.config.configuration import build_rules, configure
from watcher.domain.credits.allowance import Booking, Grant, Purpose
from watcher.domain.decision import Decision
from watcher.domain.model import Quote
from watcher.ports.store import Settlement


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with serving(tmp_path) as page:
        await fill(page.store)
        yield page


async def read(page: Page, hours: float, before: str | None, to: str) -> None:
    at = NOW - timedelta(hours=hours)
    booked = await page.store.reserve(Booking("coinstats", 1, 40, Purpose.SCHEDULED, at), plan(10**6))
    assert isinstance(booked, Grant)
    changes = () if before == to else (changed(HOT, ETH, before, to, at)._replace(before_at=None),)
    conclusion = Decision(
        at, accounts=(known(HOT, at, ethereum=to),), changes=changes, quotes={ETH: Quote(Decimal(2), at)}
    )
    await page.store.conclude([HOT], lambda *_: conclusion, Settlement(booked, at, 40, readings=1))


async def test_an_outage_is_shaded_and_said_in_words(page: Page) -> None:
    await read(page, 100, None, "5")
    for hours in (90, 80, 70):
        await read(page, hours, "5", "5")
    for hours in (10, 0):
        await read(page, hours, "5", "5")
    _, text, _ = await page.get("/wallets/hot?asset=ethereum/ethereum&range=7d")
    assert text.count('class="gap"') == 4  # amount and value, each for a desk and for a telephone
    assert "not read from " in text
    assert "Amount of ETH" in text
    assert "Value of ETH" in text


async def test_a_chart_is_of_all_assets_until_one_is_chosen(page: Page) -> None:
    _, text, _ = await page.get("/wallets/hot")
    assert "Value of all assets" in text
    assert "Amount of" not in text
    assert 'aria-label="Range of the charts"' not in text, "all ranges would show the same five minutes"
    assert 'aria-current="page">Wallets' in text


@pytest.mark.parametrize(
    "query", ["range=2w", "range=7d&range=24h", "asset=nothing", "asset=a/", "asset=a%0ab/c", "other=1"]
)
async def test_a_range_or_asset_that_does_not_exist_is_refused(page: Page, query: str) -> None:
    assert (await page.get(f"/wallets/hot?{query}"))[0] == 400


async def test_an_asset_that_was_never_held_is_said_to_be_unknown(page: Page) -> None:
    status, text, _ = await page.get("/wallets/hot?asset=ethereum/0x%3Cb%3E")
    assert status == 200
    assert "not known in this time" in text
    assert "<b>" not in text


@pytest.mark.parametrize("days", ["24h", "7d", "30d", "90d", "1y", "all"])
async def test_a_page_with_a_long_history_stays_small(page: Page, days: str) -> None:
    step = timedelta(minutes=5)
    amounts = [str(1000 + number * 7919 % 311) for number in range(9000)]
    changes = tuple(
        changed(HOT, ETH, was, now, NOW - step * (9000 - number))
        for number, (was, now) in enumerate(zip(["1", *amounts], amounts, strict=False))
    )
    await keep(page.store, accounts=(known(HOT, ethereum=amounts[-1]),), changes=changes)
    status, text, _ = await page.get(f"/wallets/hot?asset=ethereum/ethereum&range={days}")
    assert status == 200
    assert len(text) < 300_000


async def test_what_was_told_is_marked_and_listed_with_its_link(page: Page) -> None:
    await page.later()
    _, text, _ = await page.get("/wallets/hot?range=30d")
    assert 'class="mark warning"' in text
    assert '<a href="/alerts/a1">0.4 is below 0.5</a>' in text


async def test_the_table_has_value_promise_and_a_small_picture_of_each_account(page: Page) -> None:
    await read(page, 100, None, "5")
    for hours in range(90, 0, -10):
        await read(page, hours, "5", "5")
    await read(page, 0, "5", "7")
    await page.later()
    _, text, _ = await page.get("/wallets?sort=age")
    assert 'class="spark"' in text
    assert re.search(r'class="spark"[^>]*aria-label="from \$[0-9.]+ to \$14.00 in ', text)
    assert "within 12 h" in text
    assert '<td class="number bare beside">$14.00' in cells(text)


async def test_the_most_valuable_account_comes_first_where_that_is_asked_for(page: Page) -> None:
    other = HOT._replace(address=OTHER)
    for account, amount in ((HOT, "5"), (other, "9")):
        changes, quotes = (changed(account, ETH, None, amount),), {ETH: Quote(Decimal(2), NOW)}
        await keep(page.store, accounts=(known(account, ethereum=amount),), changes=changes, quotes=quotes)
    await page.later()
    _, text, _ = await page.get("/wallets?sort=value")
    assert text.index("$18.00") < text.index("$10.00")
    assert (await page.get("/wallets?sort=colour"))[0] == 400


RULES = """\
rules:
  - {id: low, type: threshold, match: {assets: [ETH]}, below: "4", clear_above: "4.5", severity: critical}
  - {id: far, type: threshold, match: {assets: [ETH]}, above: "1000000"}
  - {id: worth, type: threshold, metric: value_usd, below: "9"}
"""


async def test_the_levels_of_the_rules_are_drawn_or_told_where_they_are_too_far(tmp_path: Path) -> None:
    async with serving(tmp_path) as page:
        (tmp_path / "rules.yaml").write_text(RULES)
        (tmp_path / "with-rules.yaml").write_text(CONFIG + "rules: [rules.yaml]\n")
        page.snapshots.rules = build_rules(configure(tmp_path / "with-rules.yaml", {}))
        await keep(page.store, accounts=(known(HOT, ethereum="5"),), symbols={ETH: "ETH"})
        await read(page, 100, None, "5")
        await read(page, 0, "5", "5")
        _, text, _ = await page.get("/wallets/hot?asset=ethereum/ethereum&range=7d")
        assert text.count('class="ruler critical"') == text.count('class="ruler clears"') == 2
        assert text.count('class="ruler warning"') == 2  # the value's
        assert "fires below 4 ETH, clears above 4.5 ETH" in text
        assert "fires above 1,000,000 ETH: too far from the line to be drawn" in text
        await page.later()
        _, text, _ = await page.get("/wallets/hot?asset=ethereum/none")
        assert 'class="ruler' not in text
