"""One browser for all of it, and one daemon at work that every test looks at."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser, StorageState, async_playwright, expect

from tests.endtoend.bench import Installation, installation, stop

expect.set_options(timeout=20_000)  # as for everything else in a visit; a busy machine is no fault

TOKEN = "browser-token-9d2f41c7"

RULES = """\
rules:
  - {id: live, type: threshold, match: {wallets: [desk]}, below: "10", severity: critical}
  - {id: acked, type: threshold, match: {wallets: [hot], chains: [ethereum]}, below: "0.5"}
  - {id: hushed, type: threshold, match: {wallets: [solo]}, below: "2"}
"""


@dataclass
class Watched:
    """A daemon at work, where its page is, and what a browser that logged in carries."""

    there: Installation
    url: str
    state: StorageState


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"))
        yield browser
        await browser.close()


async def logged_in(browser: Browser, url: str) -> StorageState:
    """What a browser carries after the form that asks for the token."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(url)
    await page.get_by_label("Token").fill(TOKEN)
    await page.get_by_role("button").click()
    await page.get_by_role("heading", name="Overview").wait_for()
    state = await context.storage_state()
    await context.close()
    return state


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def watched(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    async with installation(tmp_path_factory.mktemp("watched")) as there:
        there.edit("watcher.yaml", "web: null", f'web: {{listen: "127.0.0.1:0", token: {TOKEN}}}')
        there.file("rules.yaml").write_text(RULES)
        async with there.daemon() as daemon:
            await there.logged("status page at")
            await there.first_readings()
            (url,) = re.findall(r"status page at (\S+)", there.log())
            yield Watched(there, url, await logged_in(browser, url))
            await stop(there, daemon)
