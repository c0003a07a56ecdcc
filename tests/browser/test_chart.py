"""A chart as a browser draws it: what is not known of is a gap, and never a line at zero."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.visiting import PHONE, WIDE, visiting
from tests.web.given import fill, serving
from tests.web.test_wallet_page import read

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]

LINES = """(chart) => [...chart.querySelectorAll(".series .line")].map((line) => {
    const { left, right, top, bottom } = line.getBoundingClientRect();
    return [left, right, top, bottom];
})"""


@pytest.mark.parametrize("width", [PHONE, WIDE])
async def test_an_outage_is_a_gap_in_the_chart(browser: Browser, tmp_path: Path, width: int) -> None:
    async with serving(tmp_path) as page, visiting(browser, page.url, width=width) as visit:
        await fill(page.store)
        for hours, before, after in (
            (100, None, "5"),
            (90, "5", "8"),
            (80, "8", "8"),
            (10, "8", "8"),
            (0, "8", "8"),
        ):
            await read(page, hours, before, after)
        await visit.go("/wallets/hot?asset=ethereum/ethereum&range=7d")
        charts = visit.page.get_by_role("img")
        await expect(charts).to_have_count(2)  # amount and value; those for the other width are not shown
        for chart in await charts.all():
            shade = await chart.locator(".gap").bounding_box()
            assert shade is not None
            assert shade["width"] > width / 10
            lines = await chart.evaluate(LINES)
            left = [each for each in lines if each[1] <= shade["x"] + 1]
            right = [each for each in lines if each[0] >= shade["x"] + shade["width"] - 1]
            assert left
            assert right
            assert left + right == lines, "a line goes through the gap"
        await visit.assert_fits()
        assert await visit.grave_findings() == []
