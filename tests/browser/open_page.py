"""A page that stays open over a store that can change; its daemon's time passes as the browser's does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, Page, expect

from tests.browser.visiting import WIDE, Visit, visiting
from tests.contract.given import alert, keep
from tests.fakes import FakeClock
from tests.web.given import Page as Served
from tests.web.given import fill, serving
from watcher.domain.alerts.lifecycle import Alert, AlertState
from watcher.domain.records import replace

TOKEN = "a-long-enough-token"
MANY = 60
UPDATED = """() => { window.updates = 0; document.addEventListener("updated", () => window.updates++); }"""


@asynccontextmanager
async def looking(browser: Browser, folder: Path, path: str, width: int = WIDE) -> AsyncIterator[OpenPage]:
    """A page that is open, over a store that can change."""
    async with serving(folder, token=TOKEN) as served:
        await fill(served.store)
        await keep(served.store, alerts=tuple(map(_alert, range(MANY))))
        async with visiting(browser, served.url, width=width) as visit:
            await visit.page.goto(served.url)
            await visit.page.get_by_label("Token").fill(TOKEN)
            await visit.page.get_by_role("button").click()
            await visit.page.get_by_role("heading", name="Overview").wait_for()
            visit.faults.clear()  # the browser notes the 401 on its console
            await visit.go(path)
            await expect(visit.page.locator("#live")).to_contain_text("Live")
            await visit.page.evaluate(UPDATED)
            going = asyncio.create_task(go_on(served.clock))
            try:
                yield OpenPage(served, visit, going)
            finally:
                going.cancel()


def _alert(number: int) -> Alert:
    return replace(alert(f"b{number:02}", subject=f"s{number}"), label=f"subject {number:02}")


async def go_on(clock: FakeClock) -> None:
    """The time of the daemon passes as that of the browser does."""
    while True:
        await asyncio.sleep(0.5)
        await clock.advance(0.5)


class OpenPage:
    """A page, and a way to have it updated. `going`: lets the time of its daemon pass."""

    def __init__(self, served: Served, visit: Visit, going: asyncio.Task[None]) -> None:
        self.served, self.visit, self.going = served, visit, going

    @property
    def page(self) -> Page:
        return self.visit.page

    async def resolve(self, *names: str) -> None:
        """End some alerts, and let the page hear of it."""
        now = self.served.clock.now()
        over = tuple(
            replace(_alert(int(name[1:])), state=AlertState.RESOLVED, resolved_at=now) for name in names
        )
        await keep(self.served.store, alerts=over)
        await self.served.later()

    async def heard(self, *names: str) -> None:
        """The same, and wait until the page shows it."""
        before = await self.page.evaluate("window.updates")
        await self.resolve(*names)
        await self.page.wait_for_function("(before) => window.updates > before", arg=before)
