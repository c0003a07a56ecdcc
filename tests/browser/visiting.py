"""A visit: one browser page that notes everything which must not happen on ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any, Literal

from playwright.async_api import Browser, ConsoleMessage, Dialog, Page, Request, StorageState

WIDE, PHONE = 1280, 360
AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
GRAVE = ("serious", "critical")

OVERFLOW = """() => {
    const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    const inside = (part) => part.closest(".wide") && !part.matches(".wide");
    const out = [...document.querySelectorAll("body *")].filter((part) => part.checkVisibility()
        && !inside(part) && !part.matches(".skip") && part.getBoundingClientRect().right > innerWidth + 1);
    return [wide, out.slice(0, 3).map((part) => part.outerHTML.slice(0, 120))];
}"""


class Visit:
    """A page of the browser at one origin."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.faults: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        page.on("dialog", self._asked)
        page.on("request", self._requested)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"console: {message.text} ({message.location.get('url')})")

    async def _asked(self, dialog: Dialog) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        await dialog.dismiss()

    def _requested(self, request: Request) -> None:
        if not request.url.startswith(self.url + "/"):
            self.faults.append(f"request: {request.url[:200]}")

    async def go(self, path: str) -> None:
        answer = await self.page.goto(self.url + path)
        assert answer is not None
        assert answer.ok, f"{path}: {answer.status}"

    async def grave_findings(self) -> list[str]:
        """What axe holds against the page as it stands; only what is serious or worse."""
        if not await self.page.evaluate("typeof axe === 'object'"):
            await self.page.evaluate(AXE)
        result: dict[str, Any] = await self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        assert result["passes"], "axe looked at nothing"
        return [
            f"{each['id']}: {node['html'][:150]} {node['failureSummary']}"
            for each in result["violations"]
            if each["impact"] in GRAVE
            for node in each["nodes"]
        ]

    async def assert_fits(self) -> None:
        """Nothing but a table in its own frame is wider than the screen."""
        wide, out = await self.page.evaluate(OVERFLOW)
        assert (wide, out) == (0, []), f"{self.page.url}: {wide} px too wide: {out}"

    async def colours(self, selector: str) -> tuple[str, str]:
        """Of the text, and of what is behind it."""
        ink, paper = await self.page.evaluate(
            "(s) => { const style = getComputedStyle(document.querySelector(s));"
            " return [style.color, style.backgroundColor]; }",
            selector,
        )
        return ink, paper


@asynccontextmanager
async def visiting(
    browser: Browser,
    url: str,
    *,
    width: int = WIDE,
    scheme: Literal["light", "dark"] = "light",
    state: StorageState | None = None,
    script: bool = True,
    touch: bool = False,
) -> AsyncIterator[Visit]:
    """A visit that must end without a fault."""
    context = await browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, storage_state=state,
        java_script_enabled=script, has_touch=touch, timezone_id="Asia/Kathmandu", locale="de-CH",
    )  # fmt: skip
    context.set_default_timeout(20_000)
    try:
        visit = Visit(await context.new_page(), url)
        yield visit
        assert visit.faults == [], visit.faults
    finally:
        await context.close()
