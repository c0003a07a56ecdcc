"""Names that strangers chose, in a browser: nothing runs, nothing breaks out, nothing is reversed."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.visiting import PHONE, WIDE, visiting
from tests.contract.given import alert, delivery, keep
from tests.web.given import NASTY, SPAM, fill, serving
from watcher.domain.messages.delivery import DeliveryState
from watcher.domain.records import replace
from watcher.store.sqlite.store import SqliteStore

UNEXPECTED = 'script:not([src], [type="application/json"]), img, iframe, svg script'
"""What no page of ours has; a block of data is no script."""

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]

BREAKOUT = '"><img src=x onerror=alert(2)>' + NASTY
HIDDEN = "\u202e\u202d\u2066\u2067\u200f\u200b\ufeff"
PATHS = (
    *("/", "/wallets", "/wallets?q=%3Cscript%3Ealert(3)%3C/script%3E", "/wallets/hot", "/alerts"),
    *("/outbox", "/rules", "/budget"),
    f"/wallets/hot?asset={SPAM.chain}/{SPAM.token}&range=1d",
)


async def poison(store: SqliteStore) -> None:
    """Ill-meant text wherever text can come from outside, long and without a place to break a line."""
    await fill(store)
    bad = replace(alert("a2", subject="s2"), label=BREAKOUT + HIDDEN, because=BREAKOUT, held=BREAKOUT)
    told = delivery("d2")
    message = replace(told.message, id="a2", title=BREAKOUT + HIDDEN)
    failed = replace(told, message=message, state=DeliveryState.GIVEN_UP, attempts=3, last_error=BREAKOUT)
    await keep(store, alerts=(bad,), deliveries=(failed,))


@pytest.mark.parametrize("width", [PHONE, WIDE])
async def test_ill_meant_names_are_only_text(browser: Browser, tmp_path: Path, width: int) -> None:
    async with serving(tmp_path) as page, visiting(browser, page.url, width=width) as visit:
        await poison(page.store)
        for path in (*PATHS, "/alerts/a2"):
            await visit.go(path)
            await expect(visit.page.get_by_role("heading", level=1)).to_be_visible()
            await visit.assert_fits()
            assert await visit.page.locator(UNEXPECTED).count() == 0, path
            shown = await visit.page.locator("body").inner_text()
            assert [char for char in HIDDEN if char in shown] == [], path
            assert len(shown) < 20_000, path
        await visit.go("/outbox")
        await expect(visit.page.get_by_role("main")).to_contain_text("<script>alert(1)</script>")
