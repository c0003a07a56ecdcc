"""Sessions in a browser, without script: what somebody wrote is not lost, and links lead where they say."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, BrowserContext, expect

from tests.browser.visiting import PHONE, WIDE, Visit, visiting
from tests.web.given import fill, serving

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]

TOKEN = "a-long-enough-token"
ELSEWHERE = "http://chat.elsewhere.test/"


async def log_in(visit: Visit) -> None:
    await visit.page.get_by_label("Token").fill(TOKEN)
    await visit.page.get_by_role("button", name="Log in").click()


async def shown(context: BrowserContext, body: str) -> None:
    """Have another site show this."""
    await context.route(f"{ELSEWHERE}**", lambda route: route.fulfill(body=body, content_type="text/html"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, PHONE, WIDE])
async def test_what_was_written_without_a_session_is_sent_with_one_press_after_the_login(
    browser: Browser, tmp_path: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    async with serving(tmp_path, token=TOKEN) as page:
        await fill(page.store)
        async with visiting(browser, page.url, width=width, scheme=scheme, script=False) as visit:
            await visit.page.goto(f"{page.url}/alerts/a1")
            await log_in(visit)
            await expect(visit.page).to_have_url(f"{page.url}/alerts/a1")
            await visit.page.context.clear_cookies()
            form = visit.page.get_by_role("form", name="Acknowledge")
            await form.get_by_label("Your name").fill("Zoë")
            await form.get_by_label("Comment").fill("on it")
            await form.get_by_role("button").click()
            await expect(visit.page.get_by_role("status")).to_contain_text("What you wrote is kept")
            await visit.assert_fits()
            await log_in(visit)
            await expect(visit.page.get_by_label("Comment")).to_have_value("on it")
            await visit.assert_fits()
            await visit.page.get_by_role("button", name="Acknowledge").click()
            await expect(visit.page.locator("body")).to_contain_text("by Zoë")
            visit.faults = [each for each in visit.faults if "401" not in each]
        with page.store.queries() as reader:
            alert = reader.alert("a1")
            assert alert is not None
            assert alert.acknowledged is not None
            assert (alert.acknowledged.by, alert.acknowledged.comment) == ("Zoë", "on it")


async def test_a_link_on_another_site_opens_the_page_for_whoever_is_logged_in(
    browser: Browser, tmp_path: Path
) -> None:
    async with serving(tmp_path, token=TOKEN) as page:
        await fill(page.store)
        context = await browser.new_context(java_script_enabled=False)
        tab = await context.new_page()
        link = f'<a href="{page.url}/alerts/a1">hot is low</a>'
        await context.route(
            f"{ELSEWHERE}**", lambda route: route.fulfill(body=link, content_type="text/html")
        )
        for logged_in in (False, True):
            await tab.goto(ELSEWHERE)
            await tab.get_by_role("link").click()
            if not logged_in:
                await tab.get_by_label("Token").fill(TOKEN)
                await tab.get_by_role("button", name="Log in").click()
            await expect(tab.get_by_role("heading", level=1)).to_have_text("hot: ETH on ethereum")
            assert tab.url == f"{page.url}/alerts/a1"
        await context.close()


async def test_a_form_on_another_site_does_nothing(browser: Browser, tmp_path: Path) -> None:
    async with serving(tmp_path, token=TOKEN) as page:
        await fill(page.store)
        context = await browser.new_context(java_script_enabled=False)
        tab = await context.new_page()
        await tab.goto(f"{page.url}/alerts/a1")
        await tab.get_by_label("Token").fill(TOKEN)
        await tab.get_by_role("button", name="Log in").click()
        await tab.get_by_role("form", name="Acknowledge").wait_for()
        word = await tab.locator('button[formaction="/alerts/ack"]').get_attribute("value")
        form = (
            f'<form method="post" action="{page.url}/alerts/ack"><input name="id" value="a1">'
            f'<input name="by" value="Mallory"><input name="form_token" value="{word}">'
            "<button>Win</button></form>"
        )
        await context.route(
            f"{ELSEWHERE}**", lambda route: route.fulfill(body=form, content_type="text/html")
        )
        await tab.goto(ELSEWHERE)
        await tab.get_by_role("button").click()
        await expect(tab.get_by_role("alert")).to_contain_text("another site sent this")
        await context.close()
        with page.store.queries() as reader:
            alert = reader.alert("a1")
            assert alert is not None
            assert alert.acknowledged is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/nothing", "/wallets/hott", "/wallets?colour=red", "/login"])
async def test_errors_and_the_login_are_for_all(
    browser: Browser, tmp_path: Path, path: str, scheme: Literal["light", "dark"]
) -> None:
    async with (
        serving(tmp_path, token=TOKEN) as page,
        visiting(browser, page.url, width=320, scheme=scheme) as visit,
    ):
        await visit.page.goto(page.url)
        await log_in(visit)
        await visit.page.goto(page.url + path)
        assert await visit.grave_findings() == []
        await visit.assert_fits()
        visit.faults = [each for each in visit.faults if "console: Failed to load" not in each]
