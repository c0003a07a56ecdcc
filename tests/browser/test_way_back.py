"""The way back leads to a page as it was left, and to nothing of whom has logged out."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from tests.browser.open_page import looking

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]

BACK = "history.back()"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def keeping() -> AsyncIterator[Browser]:
    """A browser that keeps pages for the way back, as those of people do."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), ignore_default_args=["--disable-back-forward-cache"]
        )
        yield browser
        await browser.close()


async def test_who_comes_back_finds_what_was_typed_and_news_at_once(keeping: Browser, tmp_path: Path) -> None:
    async with looking(keeping, tmp_path, "/alerts/b05") as there:
        page, form = there.page, there.page.get_by_role("form", name="Acknowledge")
        await page.evaluate("window.same = true")
        await form.get_by_label("Comment").fill("on my way")
        await page.get_by_role("link", name="Wallets").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Wallets")
        await there.resolve("b05")
        await page.evaluate(BACK)
        await expect(page.locator(".truth")).to_contain_text("resolved")
        await expect(form.get_by_label("Comment")).to_have_value("on my way")
        await expect(page.locator("#live")).to_contain_text("Live")
        assert await page.evaluate("window.same"), "it was loaded anew"


async def test_who_has_logged_out_is_led_back_to_nothing(keeping: Browser, tmp_path: Path) -> None:
    async with looking(keeping, tmp_path, "/alerts/b05") as there:
        await there.page.get_by_role("button", name="Log out").click()
        await expect(there.page.get_by_label("Token")).to_be_visible()
        await there.page.evaluate(BACK)
        await expect(there.page.get_by_label("Token")).to_be_visible()
        assert "subject 05" not in await there.page.content()
        there.visit.faults.clear()
