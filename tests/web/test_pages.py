"""The pages as a browser gets them."""

from __future__ import annotations

import html
import logging
import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.contract.given import THIRTY, alert, delivery, keep
from tests.web.given import HOOK, KEY, Page, fill, serving
from watcher.domain.values.formatting import full
from watcher.web.parameters import ROWS

TOKEN = "a-long-enough-token"

PAGES = ("/", "/wallets", "/wallets/hot", "/alerts", "/rules", "/budget", "/outbox", "/metrics")


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with serving(tmp_path) as page:
        await fill(page.store)
        yield page


class Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_is_served_and_lets_nothing_in_from_elsewhere(page: Page, path: str) -> None:
    status, text, headers = await page.get(path)
    assert status == 200
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    for tag, attributes in Elements(text).found if path != "/metrics" else ():
        assert tag != "style"
        assert not any(name.startswith("on") or name == "style" for name in attributes), (tag, attributes)
        if tag == "script":
            data, src = attributes.get("type") == "application/json", attributes.get("src") or ""
            assert data or src.startswith("/static/")
        for name in ("src", "href", "action"):
            where = attributes.get(name) or "/"
            if attributes.get("rel") == "noopener noreferrer":  # somebody goes there, nothing is loaded
                continue
            assert where.startswith(("/", "#")), where
            assert not where.startswith("//")


@pytest.mark.parametrize("path", PAGES)
async def test_a_name_from_outside_is_shown_harmlessly(page: Page, path: str) -> None:
    _, text, _ = await page.get(path)
    if path != "/metrics":
        assert "<script>alert" not in text
        assert "\u202e" not in text
        assert len(text) < 50_000
    assert "<b>&1" not in text.replace("\\", "") or path == "/metrics"


async def test_no_key_and_no_channel_url_is_on_any_page(page: Page) -> None:
    paths = [*PAGES, "/readyz", *(f"/api/v1/{name}" for name in ("status", "balances", "history", "outbox"))]
    for path in paths:
        _, text, _ = await page.get(path)
        assert KEY not in text, path
        assert HOOK not in text, path
        assert "hook-that" not in text, path


async def test_the_overview_says_the_truth_in_one_sentence(page: Page) -> None:
    _, text, _ = await page.get("/")
    (truth,) = re.findall(r'role="status">(.*?)</p>', text)
    assert truth.startswith("1 alert firing; 1 of 2 accounts was not read yet; credits of coinstats last")
    assert "0.4 is below 0.5" in text


async def test_amounts_have_every_digit(page: Page) -> None:
    _, text, _ = await page.get("/wallets/hot")
    assert full(THIRTY) in text


async def test_a_wallet_is_found_by_a_part_of_its_name_and_an_unknown_one_is_not_there(page: Page) -> None:
    assert "/wallets/hot" in (await page.get("/wallets?q=HO"))[1]
    assert "/wallets/hot" not in (await page.get("/wallets?q=sp%C3%A4re"))[1]
    assert (await page.get("/wallets/sp%C3%A4re%20%3Cb%3E%261"))[0] == 200
    assert (await page.get("/wallets/nobody"))[0] == 404


async def test_what_metrics_say_is_readable_and_names_no_address(page: Page) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    _, text, _ = await page.get("/metrics")
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert {"watcher_alerts", "watcher_credits_remaining", "watcher_balance", "watcher_ready"} <= set(
        families
    )
    firing = [s.value for s in families["watcher_alerts"].samples if s.labels["state"] == "firing"]
    assert sum(firing) == 1
    assert "0x9f11" not in text


async def test_another_sites_name_for_this_address_is_refused(page: Page) -> None:
    status, text, _ = await page.get("/api/v1/balances", Host="rebound.example.org")
    assert status == 421
    assert "amount" not in text
    assert (await page.get("/", Host="localhost:8787"))[0] == 200


async def test_a_public_page_wants_its_token(tmp_path: Path) -> None:
    async with serving(tmp_path, token="a-long-enough-token") as page:
        await fill(page.store)
        for path in (*PAGES, "/api/v1/status", "/news", "/readyz"):
            status, text, _ = await page.get(path)
            assert status == 401, path
            assert "hot" not in text.replace(f'value="{path}"', ""), path
        assert (await page.get("/healthz"))[0] == 200
        assert (await page.get("/api/v1/status", Authorization="Bearer a-long-enough-token"))[0] == 200
        assert (await page.get("/api/v1/status", Authorization="Bearer wrong"))[0] == 401
        async with page.session.post(
            page.url + "/login", data={"token": "a-long-enough-token"}, allow_redirects=False
        ) as answer:
            assert answer.status == 303
            assert "HttpOnly" in answer.headers["Set-Cookie"]
            assert "SameSite=Strict" in answer.headers["Set-Cookie"]
            assert "a-long-enough-token" not in answer.headers["Set-Cookie"]
        assert (await page.get("/"))[0] == 200


async def test_a_token_in_a_query_opens_nothing_and_is_written_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(tmp_path, token="a-long-enough-token") as page:
        for path in ("/?token=a-long-enough-token", "/api/v1/status?token=a-long-enough-token"):
            status, text, _ = await page.get(path)
            assert status in (400, 401)
            assert "a-long-enough-token" not in text
    assert not [each for each in caplog.records if each.name != "asyncio" and "a-long" in each.getMessage()]


@pytest.mark.parametrize("path", ["/alerts?range=7d", "/outbox?state=pending"])
async def test_what_does_not_fit_on_a_page_is_on_the_next_one(page: Page, path: str) -> None:
    ended = [alert(f"old-{number}", subject=f"s-{number}") for number in range(ROWS + 30)]
    owed = [delivery(f"more-{number}") for number in range(ROWS + 30)]
    await keep(page.store, alerts=ended, deliveries=owed)
    await page.later()
    seen = []
    for number in (1, 2):
        _, text, _ = await page.get(f"{path}&page={number}")
        seen.append(text.count("<tr") - 1)
        assert ("Next<" in text or "Older<" in text) == (number == 1)
        assert ("Before<" in text or "Newer<" in text) == (number == 2)
        assert f"{html.escape(path)}{'&amp;page=2' if number == 1 else ''}" in text
    assert seen[0] == ROWS
    assert sum(seen) == ROWS + 31
