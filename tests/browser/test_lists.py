"""The night at a glance and the lists, as a browser shows them: on a telephone nothing is cut off, and the
keyboard reaches all of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.visiting import WIDE, Visit, visiting
from tests.contract.given import HOT, NOW, alert, by, delivery, keep, known, message
from tests.web.given import CONFIG, fill, serving
from watcher.commands.alerts import acknowledge
from watcher.config.configuration import build_rules, configure
from watcher.domain.alerts.lifecycle import AlertState
from watcher.domain.messages.message import Kind, Severity
from watcher.domain.records import replace

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]

TOKEN = "a-long-enough-token"
TELEPHONE, SMALL = (390, 844), (320, 640)
PATHS = (
    *("/", "/wallets", "/alerts", "/alerts?sort=worst&since=24h", "/rules", "/rules/gas-low", "/budget"),
    *("/outbox", "/search", "/search?q=o", "/search?q=op", "/search?q=nothing-like-it"),
)
WALLETS = """\
  - {name: market-maker-with-a-rather-long-name, source: coinstats, tags: [cold, desk],
     label: "Operations (Zug)", address: "0x00000000000000000000000000000000000000aa",
     chains: [ethereum, binancesmartchain, base-wallet]}
"""
RULES = """\
rules:
  - {id: gas-low, type: threshold, match: {assets: [ETH]}, below: "0.5"}
  - {id: treasury-out, type: change, by: "10%", severity: critical}
"""
CUT_OFF = """() => [...document.querySelectorAll("main *, header *, footer *")].filter((part) => {
    const box = part.getBoundingClientRect();
    const unseen = part.closest(".unseen, thead, .skip, svg") || box.width === 0;
    return !unseen && (box.right > innerWidth + 1 || box.left < -1 || part.scrollWidth > part.clientWidth + 1
        && getComputedStyle(part).overflowX !== "visible" && part.clientWidth > 0
        && !part.matches("input, select"));
}).map((part) => part.outerHTML.slice(0, 150))"""
TOO_SMALL = """() => [...document.querySelectorAll("a, button, input, select, summary")].filter((part) => {
    const box = part.getBoundingClientRect(), label = part.closest("label");
    const target = label && part.matches("input[type=checkbox]") ? label.getBoundingClientRect() : box;
    const inText = part.matches("p a, li a, dd a, footer a, td a, figcaption a, h2 a, .skip");
    return !inText && box.width > 0 && (target.height < 24 || target.width < 24);
}).map((part) => part.outerHTML.slice(0, 150))"""


@asynccontextmanager
async def night(
    browser: Browser,
    folder: Path,
    size: tuple[int, int] = TELEPHONE,
    scheme: Literal["light", "dark"] = "light",
    *,
    quiet: bool = False,
) -> AsyncIterator[Visit]:
    """Somebody who may act looks at a page of what a night had; `quiet`: of a night in which nothing was."""
    (folder / "rules.yaml").write_text(RULES)
    config = CONFIG.replace("channels:", f"{WALLETS}rules: [rules.yaml]\nchannels:")
    async with serving(folder, token=TOKEN, config=config) as page:
        page.snapshots.rules = build_rules(configure(folder / "watcher.yaml", {}))
        if quiet:
            await keep(page.store, accounts=(known(HOT, page.clock.now(), ethereum="2"),))
        else:
            await fill(page.store)
            left = replace(
                message("e1f0", Kind.EVENT, NOW - timedelta(hours=5)), rule="treasury-out", wallet="hot",
                title="market-maker-with-a-rather-long-name: -58,890 USDC (-82 %) on Ethereum",
                facts=(("Because", "58,890 USDC left within 10 min, more than 10 % of 71,402"),),
            )  # fmt: skip
            calm = replace(alert("a9", subject="z"), severity=Severity.CRITICAL)
            over = replace(calm, id="a8", subject="y", state=AlertState.RESOLVED, resolved_at=NOW)
            await keep(
                page.store, alerts=(calm, over),
                deliveries=(replace(delivery("77aa"), message=left),),
            )  # fmt: skip
            acknowledge(page.store, by(NOW, "Nora"), ["a9"], "topping up at nine")
        async with visiting(browser, page.url, width=size[0], scheme=scheme) as visit:
            await visit.page.set_viewport_size({"width": size[0], "height": size[1]})
            await visit.page.goto(page.url)
            visit.faults.clear()  # the browser notes a 401 on the console
            await visit.page.get_by_label("Token").fill(TOKEN)
            await visit.page.locator("main button").click()
            await visit.page.get_by_role("heading", name="Overview").wait_for()
            yield visit


async def test_the_worst_of_the_night_is_above_the_fold_of_a_telephone(
    browser: Browser, tmp_path: Path
) -> None:
    async with night(browser, tmp_path) as visit:
        await visit.go("/")
        row = visit.page.locator("#alert-e1f0")
        await expect(row).to_contain_text("58,890 USDC left within 10 min")
        box = await row.bounding_box()
        bar = await visit.page.locator("form.acting").bounding_box()
        assert box is not None
        assert bar is not None
        assert box["y"] + box["height"] <= min(bar["y"], TELEPHONE[1]), (box, bar)
        ids = await visit.page.locator("tr[id^=alert-]").evaluate_all("rows => rows.map((row) => row.id)")
        assert ids[0] == "alert-e1f0"
        assert ids[-1] == "alert-a8"


async def test_what_somebody_takes_care_of_is_there_and_grey(browser: Browser, tmp_path: Path) -> None:
    async with night(browser, tmp_path) as visit:
        await visit.go("/")
        calm, loud = visit.page.locator("#alert-a9"), visit.page.locator("#alert-e1f0")
        await expect(calm).to_contain_text("acknowledged by Nora")
        assert await _ink(calm.locator("td.because")) != await _ink(loud.locator("td.because"))


async def test_a_quiet_night_is_one_line(browser: Browser, tmp_path: Path) -> None:
    async with night(browser, tmp_path, quiet=True) as visit:
        await visit.go("/")
        section = visit.page.locator("section[aria-labelledby=happened]")
        await expect(section).to_contain_text("Nothing fires")
        box = await section.bounding_box()
        assert box is not None
        assert box["height"] < 120


@pytest.mark.parametrize("size", [TELEPHONE, SMALL])
async def test_on_a_telephone_nothing_is_cut_off_and_each_target_can_be_hit(
    browser: Browser, tmp_path: Path, size: tuple[int, int]
) -> None:
    async with night(browser, tmp_path, size) as visit:
        for path in PATHS:
            await visit.go(path)
            await visit.assert_fits()
            assert await visit.page.evaluate(CUT_OFF) == [], path
            assert await visit.page.evaluate(TOO_SMALL) == [], path


@pytest.mark.parametrize(("size", "scheme"), [(TELEPHONE, "dark"), ((WIDE, 900), "light")])
async def test_lists_and_the_search_can_be_used_by_everybody(
    browser: Browser, tmp_path: Path, size: tuple[int, int], scheme: Literal["light", "dark"]
) -> None:
    async with night(browser, tmp_path, size, scheme) as visit:
        for path in PATHS:
            await visit.go(path)
            assert await visit.grave_findings() == [], path


async def test_a_card_says_what_a_value_is_where_that_is_not_plain(browser: Browser, tmp_path: Path) -> None:
    async with night(browser, tmp_path) as visit:
        await visit.go("/wallets")
        cell = visit.page.locator("#wallet-hot td[data-label=Read]")
        label = await cell.evaluate("(cell) => getComputedStyle(cell, '::before').content")
        assert label == '"Read "'
        await visit.page.set_viewport_size({"width": WIDE, "height": 800})
        assert await cell.evaluate("(cell) => getComputedStyle(cell, '::before').content") in (
            "none",
            "normal",
        )


async def test_a_wallet_in_order_takes_a_card_of_a_few_lines(browser: Browser, tmp_path: Path) -> None:
    async with night(browser, tmp_path, quiet=True) as visit:
        await visit.go("/wallets")
        card = visit.page.locator("#wallet-hot")
        await expect(card.locator("td[data-label=Value]")).to_be_visible()
        await expect(card.locator("td[data-label=Misses]")).to_be_hidden()
        name, value = await card.locator("th").bounding_box(), await card.locator("td.beside").bounding_box()
        assert name is not None
        assert value is not None
        assert abs(name["y"] + name["height"] / 2 - value["y"] - value["height"] / 2) < 8  # in one line
        box = await card.bounding_box()
        assert box is not None
        assert box["height"] < 110


async def test_the_search_and_the_order_of_a_list_are_reached_by_keyboard(
    browser: Browser, tmp_path: Path
) -> None:
    async with night(browser, tmp_path, (WIDE, 900)) as visit:
        page = visit.page
        await visit.go("/")
        await page.get_by_role("searchbox", name="Search").focus()
        await page.keyboard.type("9F114DA2")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Search")
        await page.get_by_role("link", name="hot").focus()
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/wallets/hot")
        await visit.go("/wallets")
        await _sort(page, "Value")
        await expect(page.get_by_role("columnheader", name="Value")).to_have_attribute(
            "aria-sort", "descending"
        )
        await _sort(page, "Value")
        await expect(page.get_by_role("columnheader", name="Value")).to_have_attribute(
            "aria-sort", "ascending"
        )


async def _sort(page: Page, column: str) -> None:
    await page.get_by_role("columnheader", name=column).get_by_role("link").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_load_state()


async def _ink(part: object) -> str:
    found: str = await part.first.evaluate("(part) => getComputedStyle(part).color")  # type: ignore[attr-defined]
    return found
