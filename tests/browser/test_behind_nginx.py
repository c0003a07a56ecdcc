"""The page behind a real proxy with its defaults: https in front, below a path, through restarts."""

from __future__ import annotations

import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import RULES, TOKEN
from tests.endtoend.bench import BOND, DESK, Installation, installation, stop
from tests.nginx import free_port, nginx

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium"), pytest.mark.needs("nginx"),
]  # fmt: skip


@asynccontextmanager
async def behind(folder: Path, *, prefix: str, more: str = "") -> AsyncIterator[tuple[Installation, str]]:
    """An installation whose page is reached by nginx alone. `prefix`: what the proxy leaves of the path."""
    port, public = free_port(), free_port()
    url = f"https://127.0.0.1:{public}/watcher"
    async with installation(folder) as there:
        there.edit(
            "watcher.yaml", "web: null",
            f'web: {{listen: "127.0.0.1:{port}", url: "{url}", proxies: [127.0.0.1]{more}}}',
        )  # fmt: skip
        there.file("rules.yaml").write_text(RULES)
        async with nginx(folder, public, "/watcher/", f"http://127.0.0.1:{port}{prefix}"):
            yield there, url


@asynccontextmanager
async def visitor(browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context(ignore_https_errors=True)
    context.set_default_timeout(20_000)
    yield await context.new_page()
    await context.close()


@pytest.mark.parametrize("prefix", ["", "/"], ids=["path handed on", "path taken away"])
async def test_below_a_path_and_behind_https_the_page_is_live_and_can_be_used(
    browser: Browser, tmp_path: Path, prefix: str
) -> None:
    async with (
        behind(tmp_path, prefix=prefix, more=f", token: {TOKEN}") as (there, url),
        there.daemon() as daemon,
        visitor(browser) as page,
    ):
        await there.logged("status page at")
        await page.goto(f"{url}/alerts")
        await page.get_by_label("Token").fill(TOKEN)
        await page.get_by_role("button", name="Log in").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Alerts")
        (cookie,) = await page.context.cookies()
        assert (cookie["secure"], cookie["path"]) == (True, "/watcher/")
        await expect(page.locator("#live")).to_contain_text("Live")
        there.sim.world.set_sparks(DESK, BOND, 5000)
        row = page.get_by_role("row").filter(has_text="live").first
        await expect(row).to_contain_text("firing")
        await row.get_by_role("link").first.click()
        assert page.url.startswith(f"{url}/alerts/")
        form = page.get_by_role("form", name="Acknowledge")
        await form.get_by_label("Your name").fill("Ada")
        await form.get_by_role("button").click()
        await expect(page.get_by_role("main")).to_contain_text(re.compile("by Ada"))
        assert page.url.startswith(f"{url}/alerts/")
        await stop(there, daemon)


async def test_after_a_restart_behind_a_proxy_an_open_page_is_live_again(
    browser: Browser, tmp_path: Path
) -> None:
    """In between the proxy answers 502 with a page of its own."""
    async with behind(tmp_path, prefix="") as (there, url), visitor(browser) as page:
        async with there.daemon() as daemon:
            await there.logged("status page at")
            await page.goto(f"{url}/")
            await expect(page.locator("#live")).to_contain_text("Live")
            await page.evaluate("window.untouched = true")
            await there.ended(daemon, signal.SIGKILL)
            await expect(page.get_by_role("alert")).to_contain_text("No word from the daemon since")
            await expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
        async with there.daemon() as daemon:
            await expect(page.locator("#bar")).to_be_hidden()
            there.sim.world.set_sparks(DESK, BOND, 5000)
            await expect(page.get_by_role("row").filter(has_text="live").first).to_contain_text("firing")
            assert await page.evaluate("window.untouched"), "the page was loaded anew"
            await stop(there, daemon)
