"""The page of a daemon at work, in a browser: it shows, follows, and lets people act."""

from __future__ import annotations

import re
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import TOKEN, Watched
from tests.browser.visiting import PHONE, WIDE, Visit, visiting
from tests.endtoend.bench import BOND, COINSTATS_KEY, DESK, EVM, HOOK_TOKEN, SOLO, TEOS_KEY

PATHS = (
    *("/", "/wallets", "/wallets/hot", "/alerts", "/rules", "/rules/acked", "/budget"),
    *("/outbox", "/outbox?state=sent"),
)
SECRETS = (COINSTATS_KEY, TEOS_KEY, HOOK_TOKEN, TOKEN)
pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]


@pytest.fixture
def look(browser: Browser, watched: Watched) -> Any:
    def looking(**options: Any) -> AbstractAsyncContextManager[Visit]:
        return visiting(browser, watched.url, state=watched.state, **options)

    return looking


async def fires(watched: Watched, rule: str) -> None:
    """Bring the alert about, unless it fires already, and wait until it was told."""
    world = watched.there.sim.world
    if rule == "live":
        world.set_sparks(DESK, BOND, 5000)
    elif rule == "acked":
        world.set_amount(EVM, "ethereum", "ETH", "0.3")
    else:
        world.set_amount(SOLO, "ethereum", "ETH", "1")
    await watched.there.hook.told(rule)


async def open_alert(page: Page, rule: str) -> None:
    await page.get_by_role("row").filter(has_text=rule).get_by_role("link").first.click()
    await expect(page.get_by_role("heading", name="What was told")).to_be_visible()


async def test_the_overview_says_how_things_are(watched: Watched, look: Any) -> None:
    async with look() as visit:
        await visit.go("/")
        await expect(visit.page.get_by_role("status")).to_contain_text("all 4 accounts were read as promised")
        await expect(visit.page.get_by_role("main")).to_contain_text("Credits of coinstats")
        await expect(visit.page).to_have_title(re.compile(r"^(\(\d+\) )?watcher$"))


async def test_the_overview_shows_an_alert_that_fires_and_its_end_by_itself(
    watched: Watched, look: Any
) -> None:
    async with look() as visit:
        await visit.go("/")
        row = visit.page.get_by_role("row").filter(has_text="live").filter(has_text="firing")
        await expect(row).to_have_count(0)
        await visit.page.evaluate("window.untouched = true")

        await fires(watched, "live")
        await expect(row).not_to_have_count(0)
        await expect(visit.page.get_by_role("status")).to_contain_text("firing")

        watched.there.sim.world.set_sparks(DESK, BOND, 25000)
        await expect(row).to_have_count(0)
        assert await visit.page.evaluate("window.untouched"), "the page was loaded anew"


async def test_what_is_being_typed_survives_news(look: Any) -> None:
    async with look() as visit:
        await visit.go("/wallets")
        field = visit.page.get_by_label("Find")
        await field.fill("so")
        for _ in range(2):
            async with visit.page.expect_response("**/news"):
                pass
        await expect(field).to_have_value("so")
        await expect(field).to_be_focused()


async def test_wallets_are_filtered_and_sorted(look: Any) -> None:
    async with look() as visit:
        await visit.go("/wallets")
        rows = visit.page.locator("tbody tr")
        await expect(rows).to_have_count(3)
        await visit.page.get_by_label("Find").fill("hot")
        await visit.page.get_by_label("Order by").select_option("age")
        await visit.page.get_by_role("button", name="Show").click()
        await expect(rows).to_have_count(1)
        await expect(visit.page.get_by_label("Find")).to_have_value("hot")
        await visit.page.get_by_label("Find").fill("nobody")
        await visit.page.keyboard.press("Enter")
        await expect(rows).to_have_count(0)
        await expect(visit.page.get_by_role("main")).to_contain_text("0 wallets")


async def test_an_alert_is_acknowledged(watched: Watched, look: Any) -> None:
    await fires(watched, "acked")
    async with look() as visit:
        await visit.go("/alerts")
        await open_alert(visit.page, "acked")
        form = visit.page.locator("form").filter(has_text="Acknowledge")
        await form.get_by_label("Your name").fill("Ada")
        await form.get_by_label("Comment").fill("<b>refill</b> ordered")
        await form.get_by_role("button").click()
        await expect(visit.page.get_by_role("main")).to_contain_text(
            re.compile("by Ada.*<b>refill</b> ordered")
        )
        await expect(form).to_have_count(0)
    rows = await watched.there.json("alerts", "--all")
    assert [row["acknowledged_by"] for row in rows if row["rule"] == "acked"] == ["Ada"]


async def test_a_rule_is_silenced(watched: Watched, look: Any) -> None:
    await fires(watched, "hushed")
    async with look() as visit:
        await visit.go("/")
        await open_alert(visit.page, "hushed")
        form = visit.page.locator("form").filter(has_text="Silence")
        await form.get_by_label("Your name").fill("Ada")
        await form.get_by_label("For").select_option("8h")
        await form.get_by_role("button").click()
        await expect(visit.page.get_by_role("main")).to_contain_text("silenced by Ada until")
        await visit.go("/")
        await expect(visit.page.get_by_role("row").filter(has_text="hushed")).to_contain_text("silenced")


async def test_dark_is_dark(look: Any) -> None:
    found = {}
    for scheme in ("light", "dark"):
        async with look(scheme=scheme) as visit:
            await visit.go("/")
            found[scheme] = [await visit.colours(part) for part in ("body", ".truth")]
    for light, dark in zip(found["light"], found["dark"], strict=True):
        assert (_bright(light[0]), _bright(light[1])) == (False, True)
        assert (_bright(dark[0]), _bright(dark[1])) == (True, False)


def _bright(colour: str) -> bool:
    """Of a colour that is plainly one or the other."""
    share = sum(float(part) for part in re.findall(r"[\d.]+", colour)[:3]) / 765
    assert not 0.3 < share < 0.75, colour
    return share > 0.5


@pytest.mark.parametrize(("width", "scheme"), [(WIDE, "light"), (PHONE, "dark")])
async def test_every_page_fits_and_can_be_used_by_everybody(
    watched: Watched, look: Any, width: int, scheme: str
) -> None:
    """axe judges what a screen reader gets, contrast among it; a phone scrolls only down."""
    await fires(watched, "acked")
    async with look(width=width, scheme=scheme) as visit:
        for path in PATHS:
            await visit.go(path)
            await visit.assert_fits()
            assert await visit.grave_findings() == [], path
            assert not [secret for secret in SECRETS if secret in await visit.page.content()], path
        await visit.go("/alerts")
        await open_alert(visit.page, "acked")
        await visit.assert_fits()
        assert await visit.grave_findings() == []


async def test_the_keyboard_reaches_the_content_first(look: Any) -> None:
    async with look() as visit:
        await visit.go("/")
        await visit.page.keyboard.press("Tab")
        await expect(visit.page.get_by_role("link", name="To the content")).to_be_in_viewport()
        await visit.page.keyboard.press("Enter")
        assert visit.page.url.endswith("#main")


async def test_without_scripts_all_of_it_can_be_read(look: Any) -> None:
    async with look(script=False) as visit:
        for path in PATHS:
            await visit.go(path)
            await expect(visit.page.get_by_role("heading", level=1)).to_be_visible()
            await expect(visit.page.get_by_role("main")).to_contain_text("As of")


@pytest.mark.parametrize("width", [WIDE, PHONE])
async def test_who_has_no_token_sees_a_form_that_everybody_can_use(
    browser: Browser, watched: Watched, width: int
) -> None:
    async with visiting(browser, watched.url, width=width) as visit:
        answer = await visit.page.goto(watched.url)
        assert answer is not None
        assert answer.status == 401
        visit.faults.clear()  # the browser notes a 401 on the console
        await visit.assert_fits()
        assert await visit.grave_findings() == []
        assert "hot" not in await visit.page.content()
