"""The portfolio and the assets in a browser: at a desk and on a phone, by keyboard, and without a script."""

from __future__ import annotations

import re
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import Watched
from tests.browser.visiting import WIDE, Visit, visiting

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]

PATHS = ("/portfolio", "/portfolio?by=asset&range=all", "/portfolio?by=wallet", "/assets")
SMALL = 390


@pytest.fixture
def look(browser: Browser, watched: Watched) -> Any:
    def looking(**options: Any) -> AbstractAsyncContextManager[Visit]:
        return visiting(browser, watched.url, state=watched.state, **options)

    return looking


async def worked_out(visit: Visit, path: str) -> None:
    """Until the figures over time are there: the page asks again by itself."""
    await visit.go(path)
    await expect(visit.page.locator("#not-yet")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, SMALL])
async def test_the_pages_fit_and_axe_finds_nothing(look: Any, width: int, scheme: str) -> None:
    async with look(width=width, scheme=scheme) as visit:
        for path in PATHS:
            await worked_out(visit, path)
            await visit.assert_fits()
            assert await visit.grave_findings() == [], path
        await visit.page.locator("tbody th a").first.click()
        await expect(visit.page.get_by_role("heading", name="Who holds it")).to_be_visible()
        await expect(visit.page.locator("#not-yet")).to_have_count(0)
        await visit.assert_fits()
        assert await visit.grave_findings() == []


async def test_from_the_portfolio_one_comes_to_an_asset_and_to_who_holds_it(look: Any) -> None:
    async with look() as visit:
        await worked_out(visit, "/portfolio")
        await visit.page.get_by_role("link", name="By asset").click()
        await visit.page.get_by_role("link", name="ETH").first.click()
        await visit.page.get_by_role("link", name="hot", exact=True).first.click()
        await expect(visit.page).to_have_title(re.compile(r"hot · watcher$"))


async def test_the_chart_is_read_by_keyboard(look: Any) -> None:
    async with look() as visit:
        await worked_out(visit, "/portfolio?range=all")
        await visit.page.locator("#worth-chart").focus()
        await visit.page.keyboard.press("End")
        await expect(visit.page.locator("#worth-reading")).to_contain_text("$")


@pytest.mark.parametrize("script", [True, False])
@pytest.mark.parametrize("width", [WIDE, SMALL])
async def test_what_is_under_more_is_reached_by_keyboard_with_and_without_a_script(
    look: Any, width: int, script: bool
) -> None:
    async with look(width=width, script=script) as visit:
        await visit.go("/assets")
        way = visit.page.get_by_role("link", name="Budget")
        await expect(way).to_be_hidden()
        await visit.page.locator("summary", has_text="More").first.focus()
        await visit.page.keyboard.press("Enter")
        await expect(way).to_be_visible()
        await visit.assert_fits()
        await way.focus()
        await visit.page.keyboard.press("Enter")
        await expect(visit.page).to_have_title(re.compile(r"Budget · watcher$"))
        await expect(visit.page.locator("summary.here")).to_have_text("More: Budget")


async def test_without_a_script_the_figures_come_by_themselves(look: Any) -> None:
    async with look(script=False) as visit:
        await worked_out(visit, "/portfolio?range=90d")
        await expect(visit.page.get_by_role("table")).to_be_visible()
