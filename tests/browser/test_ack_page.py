"""The page that a link in a message opens, on a telephone and without script: one tap, and it is done."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, expect

from tests.browser.test_hostile import BREAKOUT, HIDDEN
from tests.browser.visiting import PHONE, visiting
from tests.contract.given import NOW, alert, delivery, keep, message
from tests.web.given import serving
from watcher.domain.messages.ack_links import LASTS, LinkSigner
from watcher.domain.messages.message import Kind
from watcher.domain.records import replace

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]

TOKEN = "a-long-enough-token"
BAD = replace(message("e0", Kind.EVENT), title=BREAKOUT + HIDDEN, facts=(("Because", BREAKOUT),))


def link(identity: str) -> str:
    return f"/a/{identity}?t={LinkSigner(TOKEN).word(identity, NOW + LASTS)}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, PHONE])
async def test_one_tap_on_a_telephone_without_script(
    browser: Browser, tmp_path: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    async with serving(tmp_path, token=TOKEN, more={"url": "https://watch.example.org"}) as page:
        await keep(page.store, alerts=(alert("a1"),), deliveries=(delivery("d1"),))
        async with visiting(browser, page.url, width=width, scheme=scheme, script=False) as visit:
            await visit.go(link("d1"))
            await visit.assert_fits()
            button = visit.page.get_by_role("button", name="Acknowledge")
            box = await button.bounding_box()
            assert box is not None
            assert box["height"] >= 44
            assert box["y"] + box["height"] < 500, "it is seen without scrolling"
            await visit.page.get_by_label("Your name").fill("Ada")
            await button.click()
            await expect(visit.page.get_by_role("status")).to_contain_text("Acknowledged by Ada at")
            await visit.assert_fits()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_is_readable_to_all_and_ill_meant_names_are_only_text(
    browser: Browser, tmp_path: Path, scheme: Literal["light", "dark"]
) -> None:
    async with serving(tmp_path, token=TOKEN, more={"url": "https://watch.example.org"}) as page:
        await keep(page.store, deliveries=(replace(delivery("e7"), message=BAD),))
        async with visiting(browser, page.url, width=PHONE, scheme=scheme) as visit:
            await visit.go(link("e7"))
            assert await visit.grave_findings() == []
            await visit.assert_fits()
            assert await visit.page.locator("script, img, iframe").count() == 0
            shown = await visit.page.locator("body").inner_text()
            assert [char for char in HIDDEN if char in shown] == []
