"""Light or dark as somebody wants it, in every tab and next time, too."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.open_page import looking

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]

LIGHT, DARK = "rgb(255, 255, 255)", "rgb(13, 17, 23)"


async def test_colours_are_chosen_for_all_tabs_and_for_good(browser: Browser, tmp_path: Path) -> None:
    async with looking(browser, tmp_path, "/") as there:
        page, other = there.page, await there.page.context.new_page()
        await other.goto(there.served.url)
        await expect(page.locator("body")).to_have_css("background-color", LIGHT)
        await page.get_by_label("Colours").select_option("dark")
        for tab in (page, other):
            await expect(tab.locator("body")).to_have_css("background-color", DARK)
        await page.reload()
        await expect(page.locator("body")).to_have_css("background-color", DARK)
        await expect(page.get_by_label("Colours")).to_have_value("dark")
        assert await page.locator("meta[name=theme-color]").first.get_attribute("content") == "#0d1117"
        assert await there.visit.grave_findings() == []
        await page.get_by_label("Colours").select_option("as the device")
        await expect(other.locator("body")).to_have_css("background-color", LIGHT)


async def test_keys_of_charts_are_seen_in_colours_of_the_system(browser: Browser, tmp_path: Path) -> None:
    async with looking(browser, tmp_path, "/") as there:
        await there.page.emulate_media(forced_colors="active")
        for kind in ("gap", "alert"):
            colour = await there.page.evaluate(
                """(kind) => {
                    const swatch = document.createElement("span");
                    swatch.className = `swatch ${kind}-swatch`;
                    document.body.append(swatch);
                    return getComputedStyle(swatch).backgroundColor;
                }""",
                kind,
            )
            assert colour not in (LIGHT, "rgba(0, 0, 0, 0)"), kind
