"""A wallet's page in a browser: its charts are read with pointer, finger and keys, its address is copied."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.async_api import Browser, Locator, expect

from tests.browser.visiting import Visit, visiting
from tests.contract.given import ETH, HOT, keep, known
from tests.web.given import CONFIG, Page, serving
from tests.web.test_wallet_page import read

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]

WIDTHS = [1280, 390]
FINE = "5.000000000000000000001"
ZONE = CONFIG + "display: {timezone: Europe/Zurich}\n"


@asynccontextmanager
async def charted(
    browser: Browser, folder: Path, width: int, scheme: Literal["light", "dark"] = "light", **kinds: Any
) -> AsyncIterator[tuple[Page, Visit, Locator, Locator]]:
    """A wallet with five, an outage of sixty hours, then eight; its first chart, and what that reads out."""
    async with serving(folder, config=ZONE) as page:
        await keep(page.store, accounts=(known(HOT, ethereum="5"),), symbols={ETH: "ETH"})
        steps = ((100, None, "5"), (90, "5", FINE), (80, FINE, "5"), (70, "5", "5"), (10, "5", "8"))
        for hours, before, after in (*steps, (0, "8", "8")):
            await read(page, hours, before, after)
        async with visiting(browser, page.url, width=width, scheme=scheme, **kinds) as visit:
            await visit.go("/wallets/hot?asset=ethereum/ethereum&range=7d")
            chart = visit.page.locator("#amount-chart")
            await expect(chart).to_be_visible()
            yield page, visit, chart, visit.page.locator("#amount-reading")


async def place(chart: Locator, share: float) -> tuple[float, float]:
    """Where in the picture so much of its time has passed."""
    box = await chart.evaluate(
        "(chart) => { const plots = [...chart.querySelectorAll('g[data-width]')];"
        " const plot = plots.find((each) => each.getClientRects().length), at = plot.getScreenCTM();"
        " return [at.e, at.f, at.a * plot.dataset.width]; }"
    )
    return box[0] + share * box[2], box[1] + 40


@pytest.mark.parametrize("width", WIDTHS)
async def test_the_value_under_the_pointer_is_told_with_its_time_and_a_gap_is_no_value(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    async with charted(browser, tmp_path, width) as (_, visit, chart, said):
        await chart.scroll_into_view_if_needed()
        await visit.page.mouse.move(*await place(chart, 0.15))
        await expect(said).to_have_text(re.compile(rf"^7 Mar 2026, [0-9:]+ CET: {FINE} ETH"))
        await expect(chart.locator(".cursor circle").first).to_be_attached()
        await visit.page.mouse.move(*await place(chart, 0.6))
        await expect(said).to_have_text(re.compile("CET: not read$"))
        assert await chart.locator(".cursor circle").count() == 0
        await visit.page.mouse.move(2, 2)
        await expect(said).to_have_text("")
        assert await chart.locator(".cursor").count() == 0


@pytest.mark.parametrize("width", WIDTHS)
async def test_the_keys_go_from_step_to_step(browser: Browser, tmp_path: Path, width: int) -> None:
    async with charted(browser, tmp_path, width) as (_, visit, chart, said):
        await chart.focus()
        keys = visit.page.keyboard
        await keys.press("Home")
        await expect(said).to_have_text(re.compile(r"^6 Mar 2026, 09:00:00 CET: 5 ETH"))
        await keys.press("ArrowRight")
        await expect(said).to_have_text(re.compile(rf"^6 Mar 2026, 19:00:00 CET: {FINE} ETH"))
        await keys.press("ArrowLeft")
        await expect(said).to_have_text(re.compile(r"09:00:00 CET: 5 ETH"))
        await keys.press("End")
        await expect(said).to_have_text(re.compile(r"^10 Mar 2026, [0-9:]{8} CET: 8 ETH"))
        seen = set()
        for _ in range(12):
            seen.add(await said.inner_text())
            await keys.press("ArrowLeft")
        assert any(each.endswith("not read") for each in seen), "a gap is a step too"
        await keys.press("Tab")
        await expect(said).to_have_text("")


@pytest.mark.parametrize("width", WIDTHS)
async def test_a_finger_that_taps_and_drags_reads(browser: Browser, tmp_path: Path, width: int) -> None:
    async with charted(browser, tmp_path, width, touch=True) as (_, visit, chart, said):
        await chart.scroll_into_view_if_needed()
        await visit.page.touchscreen.tap(*await place(chart, 0.97))
        await expect(said).to_have_text(re.compile("CET: 8 ETH"))
        session = await visit.page.context.new_cdp_session(visit.page)
        for kind, share in (("touchStart", 0.95), ("touchMove", 0.7), ("touchMove", 0.6)):
            x, y = await place(chart, share)
            await session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        await session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        await expect(said).to_have_text(re.compile("CET: not read$"))


async def test_what_is_read_stays_when_the_page_is_made_anew(browser: Browser, tmp_path: Path) -> None:
    async with charted(browser, tmp_path, 1280) as (page, visit, chart, said):
        await chart.focus()
        await visit.page.keyboard.press("Home")
        await expect(said).to_have_text(re.compile("CET: 5 ETH"))
        await page.later()
        await read(page, -0.05, "8", "9")
        await page.later()
        await expect(visit.page.locator(".big").first).to_contain_text("$18.00")
        await expect(said).to_have_text(re.compile("CET: 5 ETH"))
        await expect(chart).to_be_focused()
        await expect(chart.locator(".cursor").first).to_be_attached()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
async def test_the_page_fits_and_axe_finds_nothing_while_it_is_read(
    browser: Browser, tmp_path: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    async with charted(browser, tmp_path, width, scheme) as (_, visit, chart, said):
        await chart.focus()
        await visit.page.keyboard.press("End")
        await expect(said).not_to_have_text("")
        await visit.assert_fits()
        assert await visit.grave_findings() == []


async def test_an_address_is_copied_whole(browser: Browser, tmp_path: Path) -> None:
    async with charted(browser, tmp_path, 1280) as (_, visit, _chart, _said):
        await visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await visit.page.get_by_role("button", name="Copy the address on Ethereum").click()
        await expect(visit.page.locator("#copied")).to_have_text("Copied")
        assert await visit.page.evaluate("navigator.clipboard.readText()") == HOT.address


async def test_without_a_script_the_page_says_all_and_offers_nothing_that_does_nothing(
    browser: Browser, tmp_path: Path
) -> None:
    async with charted(browser, tmp_path, 390, script=False) as (_, visit, chart, _said):
        await expect(visit.page.locator("button.copy")).to_be_hidden()
        await expect(chart.get_by_role("img")).to_be_visible()
        await visit.assert_fits()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_on_paper_it_is_black_on_white_with_addresses_and_without_forms(
    browser: Browser, tmp_path: Path, scheme: Literal["light", "dark"]
) -> None:
    async with charted(browser, tmp_path, 794, scheme) as (_, visit, chart, _said):
        await visit.page.emulate_media(media="print", color_scheme=scheme)
        assert await visit.colours("body") == ("rgb(0, 0, 0)", "rgb(255, 255, 255)")
        assert await visit.page.locator("time.ago").count()
        for hidden in ("header", "form", ".copy", "footer", ".exact"):
            for each in await visit.page.locator(hidden).all():
                await expect(each).to_be_hidden()
        await expect(visit.page.locator("code.address")).to_have_text(HOT.address)
        after = "(link) => getComputedStyle(link, '::after').content"
        assert HOT.address in await visit.page.locator("a.explorer").first.evaluate(after)
        box = await chart.bounding_box()
        assert box is not None
        assert box["width"] <= 794
