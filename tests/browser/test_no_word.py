"""A page that is open says so when there is no word from the daemon, why, and when there is again."""

from __future__ import annotations

import re
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from tests.browser.open_page import TOKEN, looking
from tests.browser.visiting import PHONE, visiting
from tests.endtoend.bench import Installation, installation, stop
from watcher.domain.values.errors import StoreError

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]

SHOWN = """() => {
    window.shown = [];
    const bar = document.getElementById("bar");
    const look = () => bar.hidden || window.shown.push(bar.textContent);
    new MutationObserver(look).observe(bar, {attributes: true});
}"""
BUSY = 4.4
"""Seconds from one word to the next; 4.2 if nothing else is done meanwhile."""
NO_WORD = re.compile(r"No word from the daemon since \d\d:\d\d:\d\d\.")


@pytest_asyncio.fixture(loop_scope="session")
async def there(tmp_path: Path) -> AsyncIterator[Installation]:
    """An installation whose page is always at the same address, and asks for no token."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with installation(tmp_path) as there:
        there.edit("watcher.yaml", "web: null", f'web: {{listen: "127.0.0.1:{port}"}}')
        there.env["PAGE"] = f"http://127.0.0.1:{port}"
        yield there


@asynccontextmanager
async def seen(browser: Browser, there: Installation, path: str = "/") -> AsyncIterator[Page]:
    """A page of the daemon, live, whose time passes only as we say. What the browser notes is not looked at:
    it notes each question that fails."""
    await there.logged("status page at")
    async with visiting(browser, there.env["PAGE"]) as visit:
        await visit.page.clock.install()
        await visit.go(path)
        await expect(visit.page.locator("#live")).to_have_text("Live")
        yield visit.page
        visit.faults.clear()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_five_seconds_after_its_end_or_standstill_a_page_says_that_there_is_no_word(
    browser: Browser, there: Installation, number: signal.Signals
) -> None:
    async with there.daemon() as daemon, seen(browser, there) as page:
        await page.clock.pause_at(await page.evaluate("Date.now() / 1000 + 5"))
        async with page.expect_response("**/news") as answered:
            await page.clock.run_for(2500)
        await (await answered.value).finished()
        there.signalled.add(daemon.pid)
        daemon.send_signal(number)
        await page.clock.run_for(5000)
        await expect(page.get_by_role("alert")).to_have_text(NO_WORD)
        await expect(page.locator("#live")).to_have_text("Not live")
        await expect(page).to_have_title(re.compile("^No word · "))
        await expect(page.locator("#icon")).to_have_attribute("href", "/static/icon-lost.svg")
        await page.clock.run_for(120_000)
        await expect(page.locator("#bar-age")).to_have_text("2 min ago")


async def test_when_the_daemon_goes_on_so_does_the_page(browser: Browser, there: Installation) -> None:
    async with there.daemon() as daemon, seen(browser, there) as page:
        daemon.send_signal(signal.SIGSTOP)
        await page.clock.run_for(5000)
        await expect(page.get_by_role("alert")).to_have_text(NO_WORD)
        daemon.send_signal(signal.SIGCONT)
        await page.clock.resume()
        await expect(page.locator("#bar")).to_be_hidden()
        await expect(page.locator("#live")).to_have_text("Live")
        await stop(there, daemon)


async def test_a_page_outlives_the_daemon_that_made_it(browser: Browser, there: Installation) -> None:
    async with there.daemon() as daemon, seen(browser, there) as page:
        await there.ended(daemon, signal.SIGKILL)
        await page.clock.resume()
        await expect(page.get_by_role("alert")).to_have_text(NO_WORD)
        async with there.daemon() as second:
            await expect(page.locator("#bar")).to_be_hidden()
            await expect(page.locator("#live")).to_have_text("Live")
            await stop(there, second)


async def test_whose_login_has_ended_keeps_what_is_typed_and_goes_on_after_a_new_one(
    browser: Browser, tmp_path: Path
) -> None:
    async with looking(browser, tmp_path, "/alerts/b05") as there:
        page, form = there.page, there.page.get_by_role("form", name="Acknowledge")
        await form.get_by_label("Comment").fill("on my way")
        await page.context.clear_cookies()
        await expect(page.get_by_role("alert")).to_contain_text("Your login has ended")
        async with page.context.expect_page() as opened:
            await page.get_by_role("link", name="Log in again").click()
        again = await opened.value
        await again.get_by_label("Token").fill(TOKEN)
        await again.get_by_role("button", name="Log in").click()
        await expect(again.get_by_role("form", name="Acknowledge")).to_be_visible()
        await expect(page.locator("#bar")).to_be_hidden()
        await expect(form.get_by_label("Comment")).to_have_value("on my way")
        there.visit.faults.clear()


async def test_a_store_that_cannot_be_read_is_said_with_its_reason(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise StoreError("the disk <b>is</b> gone")

    async with looking(browser, tmp_path, "/alerts?state=firing") as there:
        with monkeypatch.context() as patch:
            patch.setattr(there.served.store, "queries", broken)
            await expect(there.page.get_by_role("alert")).to_contain_text("the disk <b>is</b> gone")
        await expect(there.page.locator("#bar")).to_be_hidden()
        there.visit.faults.clear()


async def test_news_that_do_not_get_any_newer_are_no_word(browser: Browser, tmp_path: Path) -> None:
    """A proxy that keeps answers, or a daemon that answers and does nothing else."""
    async with looking(browser, tmp_path, "/alerts?state=firing") as there:
        there.going.cancel()
        await expect(there.page.get_by_role("alert")).to_have_text(NO_WORD)


async def test_word_that_comes_late_each_time_is_word(browser: Browser, tmp_path: Path) -> None:
    async with looking(browser, tmp_path, "/alerts?state=firing") as there:
        page = there.page

        async def late(route: Route) -> None:
            await page.wait_for_timeout(2200)
            await route.continue_()

        await page.route("**/news", late)
        await page.evaluate(SHOWN)
        heard = [time.monotonic()]
        for _ in range(3):
            async with page.expect_response("**/news"):
                pass
            heard.append(time.monotonic())
        # On a machine so busy that word comes later than that, the page is right to say so.
        busy = any(after - before > BUSY for before, after in pairwise(heard))
        assert busy or await page.evaluate("window.shown") == [], "it comes and goes"
        await page.unroute_all(behavior="ignoreErrors")


async def test_ages_go_on_though_there_is_no_word(browser: Browser, tmp_path: Path) -> None:
    async with looking(browser, tmp_path, "/alerts") as there:
        age = there.page.locator("time.ago").first
        before = await age.inner_text()
        await there.page.clock.install()
        await there.visit.go("/alerts")
        await there.page.route("**/news", lambda route: route.abort())
        await there.page.clock.run_for(180_000)
        await expect(age).to_have_text("8 min ago")
        assert before == "5 min ago"
        there.visit.faults.clear()


async def test_title_and_icon_say_what_fires(browser: Browser, tmp_path: Path) -> None:
    async with looking(browser, tmp_path, "/alerts") as there:
        await expect(there.page).to_have_title("(61) Alerts · watcher")
        await expect(there.page.locator("#icon")).to_have_attribute("href", "/static/icon-alert.svg")
        await there.resolve("b01")
        await expect(there.page).to_have_title("(60) Alerts · watcher")


async def test_any_number_of_tabs_is_live(browser: Browser, tmp_path: Path) -> None:
    """Seven: a browser opens six connections to a host, and no more."""
    async with looking(browser, tmp_path, "/alerts?state=firing") as there:
        tabs = [there.page]
        for _ in range(6):
            tabs.append(await there.page.context.new_page())
            await tabs[-1].goto(there.served.url)
        await there.resolve("b30")
        for tab in tabs:
            await tab.bring_to_front()
            await expect(tab.get_by_role("link", name="subject 30")).to_have_count(0)
            await expect(tab.locator("#live")).to_have_text("Live")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_bar_can_be_read_by_everybody_and_fits_a_phone(
    browser: Browser, tmp_path: Path, scheme: str
) -> None:
    async with looking(browser, tmp_path, "/alerts", width=PHONE) as there:
        await there.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        await there.page.context.clear_cookies()
        await expect(there.page.get_by_role("link", name="Log in again")).to_be_visible()
        await there.visit.assert_fits()
        assert await there.visit.grave_findings() == []
        await there.page.evaluate("scrollTo(0, 9999)")
        await expect(there.page.get_by_role("alert")).to_be_in_viewport()
        there.visit.faults.clear()
