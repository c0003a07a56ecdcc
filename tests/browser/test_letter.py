"""A letter in a mail program of any width: each figure is seen whole, though its style sheet is dropped."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.letters.given import NOVEMBER, Treasury, configured
from watcher.app.presentations import display_by_hand
from watcher.letters.writer import read_letter
from watcher.store.memory.store import MemoryStore

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]

DISPLAY = 'display: {currency: CHF, rates: {CHF: "0.8012"}, rates_of: 2026-11-29}\n'
CUT = """() => [...document.querySelectorAll("h1, p, small, b, th, td")].filter((each) => {
    const { left, right, width } = each.getBoundingClientRect();
    return width > 0 && (left < 0 || right > document.documentElement.clientWidth);
}).map((each) => each.textContent)"""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def mail(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The page of six weeks of a treasury, with another currency beside its dollars."""
    folder: Path = tmp_path_factory.mktemp("letter")
    there = Treasury(configured(folder, f"channels: {{ops: {{kind: console}}}}\n{DISPLAY}"), MemoryStore())
    await there.live()
    settings = there.configuration.settings
    found = read_letter(settings, there.store, *NOVEMBER, report="monthly")
    yield found.mail(display_by_hand(settings, there.clock))


@pytest.mark.parametrize("sheet", [True, False], ids=["with its sheet", "without"])
@pytest.mark.parametrize("width", [1280, 960, 600, 390])
async def test_nothing_of_a_letter_lies_outside_of_what_is_seen(
    browser: Browser, mail: str, width: int, *, sheet: bool
) -> None:
    page = await browser.new_page(viewport={"width": width, "height": 900})
    await page.set_content(mail if sheet else re.sub(r"<style>.*</style>", "", mail, flags=re.DOTALL))
    assert await page.evaluate(CUT) == []
    assert await page.get_by_text("closing", exact=False).locator("visible=true").count() > 0
    await page.close()


@pytest.mark.parametrize("sheet", [True, False], ids=["with its sheet", "without"])
async def test_a_letter_is_dark_where_the_program_is(browser: Browser, mail: str, *, sheet: bool) -> None:
    page = await browser.new_page(color_scheme="dark")
    await page.set_content(mail if sheet else re.sub(r"<style>.*</style>", "", mail, flags=re.DOTALL))
    ink = await page.evaluate("getComputedStyle(document.querySelector('td')).color")
    assert ink == "rgb(255, 255, 255)"
    await page.close()
