"""An update takes nothing from anybody: what is typed, chosen, selected, focused and scrolled to stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.open_page import UPDATED, looking

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]


async def test_a_form_that_somebody_has_begun_is_not_touched(browser: Browser, tmp_path: Path) -> None:
    async with looking(browser, tmp_path, "/alerts/b05") as there:
        page = there.page
        form = page.locator("form").filter(has_text="Acknowledge")
        await form.get_by_label("Your name").fill("Ada")
        await form.get_by_label("Comment").fill("on my way")
        await page.keyboard.press("Tab")
        await expect(form.get_by_role("button")).to_be_focused()
        await there.heard("b05")  # it is over, and needs no acknowledgement any more
        await expect(page.locator(".truth")).to_contain_text("resolved")
        await expect(form.get_by_label("Your name")).to_have_value("Ada")
        await expect(form.get_by_label("Comment")).to_have_value("on my way")
        await expect(form.get_by_role("button")).to_be_focused()
        await expect(page.locator("#live")).to_contain_text("but for what you have begun to fill in")
        await form.get_by_label("Your name").fill("")
        await form.get_by_label("Comment").fill("")
        await page.locator("h1").click()
        await expect(form).to_have_count(0)


async def test_a_choice_that_was_not_sent_yet_stays(browser: Browser, tmp_path: Path) -> None:
    async with looking(browser, tmp_path, "/alerts/b05") as there:
        choice = there.page.get_by_label("For")
        await choice.select_option("7d")
        await there.page.locator("h1").click()
        await there.heard("b07")
        await expect(choice).to_have_value("7d")


async def test_the_focus_stays_on_its_row_when_others_come_and_go(browser: Browser, tmp_path: Path) -> None:
    async with looking(browser, tmp_path, "/alerts?state=firing") as there:
        link = there.page.get_by_role("link", name="subject 30")
        await link.focus()
        await link.evaluate("(link) => { window.mine = link; }")
        await there.heard("b29", "b31")
        await expect(there.page.get_by_role("link", name="subject 29")).to_have_count(0)
        await expect(link).to_be_focused()
        assert await there.page.evaluate("window.mine === document.activeElement"), "it is another node"


async def test_updates_wait_while_text_is_selected_and_say_so(browser: Browser, tmp_path: Path) -> None:
    async with looking(browser, tmp_path, "/alerts?state=firing") as there:
        page = there.page
        await page.evaluate("getSelection().selectAllChildren(document.querySelector('h1'))")
        chosen = await page.evaluate("getSelection().toString()")
        await expect(page.locator("#live")).to_have_text("Live; updates wait while text is selected")
        await there.resolve("b30")
        for _ in range(2):
            async with page.expect_response("**/news"):
                pass
        assert await page.evaluate("getSelection().toString()") == chosen
        await expect(page.get_by_role("link", name="subject 30")).to_have_count(1)
        await page.evaluate("getSelection().removeAllRanges()")
        await expect(page.get_by_role("link", name="subject 30")).to_have_count(0)
        await expect(page.locator("#live")).to_have_text("Live")


async def test_the_scroll_of_the_page_and_of_wide_tables_stays(browser: Browser, tmp_path: Path) -> None:
    async with looking(browser, tmp_path, "/alerts?state=firing") as there:
        page = there.page
        await page.evaluate("document.styleSheets[0].insertRule('.wide table { min-width: 4000px; }')")
        link = page.get_by_role("link", name="subject 40")
        await link.scroll_into_view_if_needed()
        await page.evaluate("scrollBy(0, 100)")
        wide = page.locator(".wide").filter(has=link)
        await wide.evaluate("(part) => { part.scrollLeft = 321; }")
        before = await link.bounding_box()
        await there.heard("b02", "b03")
        await expect(page.get_by_role("link", name="subject 02")).to_have_count(0)
        assert await wide.evaluate("(part) => part.scrollLeft") == 321
        after = await link.bounding_box()
        assert before is not None
        assert after is not None
        assert abs(before["y"] - after["y"]) < 2, "what is read has moved"


async def test_what_was_opened_stays_open(browser: Browser, tmp_path: Path) -> None:
    async with looking(browser, tmp_path, "/alerts") as there:
        more = there.page.locator("details").filter(has_text="Silence, comment")
        await expect(more).not_to_have_attribute("open", "")
        await there.page.get_by_text("Silence, comment").click()
        await there.heard("b04")
        await expect(more).to_have_attribute("open", "")


async def test_a_list_waits_while_boxes_of_it_are_ticked_and_goes_on_then(
    browser: Browser, tmp_path: Path
) -> None:
    """What moved under the finger would have the wrong one ticked."""
    async with looking(browser, tmp_path, "/alerts") as there:
        row = there.page.get_by_role("row").filter(has_text="subject 04")
        box = row.get_by_role("checkbox")
        await box.check()
        await there.page.evaluate("document.activeElement.blur()")
        await there.heard("b04")
        await expect(box).to_be_checked()
        await expect(row).to_contain_text("firing")
        await expect(there.page.locator("#live")).to_contain_text("but for what you have begun")
        await box.uncheck()
        await there.page.evaluate("document.activeElement.blur()")
        await expect(row).to_contain_text("resolved")


async def test_an_answer_that_is_not_the_page_never_replaces_it(browser: Browser, tmp_path: Path) -> None:
    """A login page, an error, or whatever a proxy has put in between."""
    async with looking(browser, tmp_path, "/wallets/hot") as there:
        page, said = there.page, there.page.locator("#live")

        async def answer(status: int, body: str) -> None:
            await page.unroute_all()
            await page.route(
                "**/wallets/hot",
                lambda route: route.fulfill(status=status, body=body, content_type="text/html"),
            )

        await answer(200, "<main id=main><h1>Sign in</h1></main>")
        await there.resolve("b01")
        await expect(said).to_have_text("Not updated: the answer is no page of the daemon")
        await expect(page.get_by_role("heading", level=1)).to_have_text("hot")
        await answer(404, "gone")
        await there.resolve("b02")
        await expect(said).to_have_text("Not updated: it is not there any more")
        await expect(page.get_by_role("heading", level=1)).to_have_text("hot")
        await page.unroute_all()
        await expect(said).to_have_text("Live")
        there.visit.faults.clear()  # the browser notes the 404 on its console


async def test_what_was_sent_and_refused_stays_until_it_is_mended(browser: Browser, tmp_path: Path) -> None:
    """No address has it: the page that is fetched anew knows nothing of it."""
    async with looking(browser, tmp_path, "/silences?rule=gas-*") as there:
        page, form = there.page, there.page.get_by_role("form", name="A new silence")
        await form.get_by_label("Comment").fill("works on the pump")
        await form.get_by_label("or as long as").fill("forever")
        await form.get_by_label("Your name").fill("Zoë")
        await form.get_by_role("button", name="Silence").click()
        await expect(page.get_by_text("'forever' is not a duration")).to_be_visible()
        await page.evaluate(UPDATED)
        await there.heard("b04")
        await expect(page.get_by_text("'forever' is not a duration")).to_be_visible()
        await expect(form.get_by_label("Comment")).to_have_value("works on the pump")
        await expect(form.get_by_label("Your name")).to_have_value("Zoë")
        await form.get_by_label("or as long as").fill("3h")
        await form.get_by_role("button", name="Silence").click()
        await expect(page.locator("#result")).to_contain_text("Silenced until")
        there.visit.faults.clear()  # the browser notes the 400 on its console
