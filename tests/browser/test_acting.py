"""Acting from a page at night: on a telephone, by keyboard alone, with and without scripts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.async_api import Browser, expect

from tests.browser.visiting import WIDE, Visit, visiting
from tests.contract.given import alert, keep
from tests.web.given import Page, fill, serving
from tests.web.test_channels import Service
from tests.web.test_channels import visiting as channels_at
from watcher.domain.records import replace

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]

TOKEN = "a-long-enough-token"
PHONE = 390
MOST_TABS = 80


@asynccontextmanager
async def alerts_at(folder: Path) -> AsyncIterator[Page]:
    async with serving(folder, token=TOKEN) as page:
        await fill(page.store)
        await keep(
            page.store, alerts=[replace(alert(f"b{n}", subject=f"s{n}"), rule=f"rule-{n}") for n in range(4)]
        )
        yield page


@asynccontextmanager
async def telephone(browser: Browser, url: str, **options: Any) -> AsyncIterator[Visit]:
    """A visit of somebody who has logged in before."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(url)
    await page.get_by_label("Token").fill(TOKEN)
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="Overview").wait_for()
    state = await context.storage_state()
    await context.close()
    async with visiting(browser, url, state=state, **{"width": PHONE, **options}) as visit:
        yield visit


async def tab_to(visit: Visit, selector: str) -> None:
    """Go on with the Tab key until this has the focus, which is then to be seen."""
    for _ in range(MOST_TABS):
        await visit.page.keyboard.press("Tab")
        if await visit.page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
            return
    raise AssertionError(f"the Tab key does not come to {selector}")


@pytest.mark.parametrize("script", [True, False])
async def test_alerts_are_acknowledged_by_keyboard_alone(
    browser: Browser, tmp_path: Path, script: bool
) -> None:
    async with (
        alerts_at(tmp_path) as page,
        telephone(browser, page.url, script=script) as visit,
    ):
        await visit.go("/alerts")
        for name in ("b1", "b3"):
            await tab_to(visit, f'input[name="id"][value="{name}"]')
            await visit.page.keyboard.press("Space")
        await tab_to(visit, 'input[name="by"]')
        await visit.page.keyboard.type("Ada")
        await visit.page.keyboard.press("Enter")
        told = visit.page.locator("#result")
        await expect(told).to_contain_text("2 acknowledged")
        await expect(told).to_contain_text("rule-1")
        await expect(visit.page.locator("#alert-b1")).to_contain_text("acknowledged by Ada")
        await expect(visit.page.locator("#alert-b2")).not_to_contain_text("acknowledged")
        await visit.assert_fits()
        # The name is kept: next time only the boxes are left.
        await expect(visit.page.locator('#acting input[name="by"]')).to_have_value("Ada")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, WIDE])
async def test_each_page_to_act_from_fits_and_can_be_used_by_everybody(
    browser: Browser, tmp_path: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    async with alerts_at(tmp_path) as page, telephone(browser, page.url, width=width, scheme=scheme) as visit:
        paths = (
            "/alerts",
            "/alerts/b1",
            "/silences?rule=*",
            "/channels",
            "/outbox",
            "/quarantine?state=visible",
        )
        for path in (*paths, "/wallets/hot"):
            await visit.go(path)
            for summary in await visit.page.locator(".acting summary").all():
                await summary.click()
            await visit.assert_fits()
            assert await visit.grave_findings() == [], path


async def test_all_that_is_shown_is_ticked_at_once_and_counted(browser: Browser, tmp_path: Path) -> None:
    async with alerts_at(tmp_path) as page, telephone(browser, page.url) as visit:
        await visit.go("/alerts")
        await visit.page.get_by_label("All shown").check()
        await expect(visit.page.locator("#chosen")).to_have_text("5 ticked")
        await visit.page.locator('input[name="id"][value="b2"]').uncheck()
        await expect(visit.page.locator("#chosen")).to_have_text("4 ticked")
        await visit.page.locator('#acting input[name="by"]').fill("Ada")
        await visit.page.get_by_role("button", name="Acknowledge").click()
        await expect(visit.page.locator("#result")).to_contain_text("4 acknowledged")


async def test_what_is_silenced_is_named_before_and_a_silence_is_ended(
    browser: Browser, tmp_path: Path
) -> None:
    async with alerts_at(tmp_path) as page, telephone(browser, page.url) as visit:
        await visit.go("/silences")
        await visit.page.locator('input[name="rule"]').fill("rule-*")
        await visit.page.keyboard.press("Enter")
        await expect(visit.page.locator("#held")).to_contain_text("It would hold 4 live alerts now")
        form = visit.page.get_by_role("form", name="A new silence")
        await form.get_by_label("Your name").fill("Ada")
        await form.get_by_role("button", name="Silence").click()
        await expect(visit.page.locator("#result")).to_contain_text("rule rule-*")
        await visit.page.locator('input[name="id"]').check()
        await visit.page.get_by_role("button", name="End now").click()
        await expect(visit.page.locator("#result")).to_contain_text("1 silence ended")


async def test_a_channel_is_tested_by_keyboard_alone(browser: Browser, tmp_path: Path) -> None:
    async with channels_at(tmp_path) as (page, service), telephone(browser, page.url) as visit:
        assert isinstance(service, Service)
        await visit.go("/channels")
        await tab_to(visit, 'a[href$="channel=room#test"]')
        await visit.page.keyboard.press("Enter")
        await expect(visit.page.locator('select[name="channel"]')).to_have_value("room")
        await tab_to(visit, 'select[name="severity"]')
        await visit.page.keyboard.type("critical")
        await tab_to(visit, 'input[name="by"]')
        await visit.page.keyboard.type("Ada")
        await tab_to(visit, "button.first")
        await visit.page.keyboard.press("Enter")
        await expect(visit.page.locator("#result")).to_contain_text("room: test message sent as critical")
        assert len(service.told) == 1
        await visit.assert_fits()
        assert await visit.grave_findings() == []
