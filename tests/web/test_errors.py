"""What cannot be answered is told in the form that the asker reads, with what to do next."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.web.given import Page, fill, serving
from watcher.domain.values.errors import StoreError

TOKEN = "a-long-enough-token"


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with serving(tmp_path, more={"url": "https://watch.example.org/watcher"}) as page:
        await fill(page.store)
        yield page


async def asked(page: Page, path: str) -> tuple[int, str, list[tuple[str, str]]]:
    """By a browser: the status, the words, and the links by their labels."""
    status, text, headers = await page.get(path, Accept="text/html,*/*;q=0.8")
    assert headers["Content-Type"].startswith("text/html")
    assert 'href="/watcher/static/style.css"' in text
    (words,) = re.findall(r'role="alert">(.*?)</p>', text)
    (main,) = re.findall(r"<main.*</main>", text, re.DOTALL)
    links = [(html.unescape(href), label) for href, label in re.findall(r'<a href="([^"]*)">(.*?)</a>', main)]
    return status, html.unescape(words), links


async def test_a_wallet_that_is_not_there_may_have_been_meant_otherwise(page: Page) -> None:
    status, words, links = await asked(page, "/wallets/hott")
    assert (status, words) == (404, "There is no wallet 'hott'; did you mean 'hot'?")
    assert links[:2] == [("/watcher/wallets/hot", "hot"), ("/watcher/wallets", "Wallets")]
    for link, _ in links:
        assert (await page.get(link))[0] == 200


@pytest.mark.parametrize(
    ("path", "words", "link"),
    [
        ("/nothing", "Nothing is at this address.", "/watcher/"),
        ("/alert", "Nothing is at this address.", "/watcher/alerts"),
        ("/alerts/nothing", "There is no such alert.", "/watcher/alerts"),
        ("/rules/nothing", "There is no rule 'nothing'.", "/watcher/rules"),
        ("/outbox/x/y", "Nothing is at this address.", "/watcher/outbox"),
        ("/static/nothing", "There is no such file.", "/watcher/"),
        ("/alerts/" + "a" * 5000, "There is no such alert.", "/watcher/alerts"),
        ("/wallets/%3Cscript%3E", "There is no wallet '<script>'.", "/watcher/wallets"),
    ],
)
async def test_what_is_not_there_leads_on(page: Page, path: str, words: str, link: str) -> None:
    status, found, links = await asked(page, path)
    assert (status, found) == (404, words)
    assert link in dict(links)


async def test_a_word_that_a_page_does_not_know_is_named_with_the_page_without_it(page: Page) -> None:
    status, words, links = await asked(page, "/wallets?q=hot&colour=red&page=1")
    assert status == 400
    assert words.startswith("Unknown parameter 'colour'; known here: ")
    assert links[0] == ("?q=hot&page=1", "The page without it")
    assert (await page.get(f"/wallets{links[0][0]}"))[0] == 200


async def test_a_store_that_cannot_be_read_is_said(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    async def current() -> None:
        raise StoreError("the store is locked by another process")

    monkeypatch.setattr(page.snapshots, "current", current)
    status, words, _ = await asked(page, "/wallets")
    assert (status, words) == (503, "The store is locked by another process.")


async def test_a_fault_of_ours_is_said_and_shows_nothing(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    async def current() -> None:
        raise RuntimeError("what nobody may read")

    monkeypatch.setattr(page.snapshots, "current", current)
    status, words, _ = await asked(page, "/wallets")
    assert (status, words) == (500, "The log of the daemon says why; polls and alerts go on.")
    status, text, _ = await page.get("/api/v1/status")
    assert (status, list(json.loads(text))) == (500, ["error"])
    assert "nobody may read" not in text


@pytest.mark.parametrize("path", ["/nothing", "/wallets?x=1", "/wallets/nobody"])
async def test_curl_gets_a_line_and_a_script_json(page: Page, path: str) -> None:
    _, text, headers = await page.get(path)
    assert headers["Content-Type"].startswith("text/plain")
    assert (text.count("\n"), "<" in text) == (1, False)
    status, text, headers = await page.get("/api/v1/nothing", Accept="text/html")
    assert (status, list(json.loads(text))) == (404, ["error"])


async def test_what_an_address_offers_is_told_to_whoever_asks_for_it(page: Page) -> None:
    for path in ("/", "/alerts", "/api/v1/status"):
        async with page.session.options(page.url + path) as answer:
            assert (answer.status, await answer.text()) == (204, "")
            assert {"GET", "HEAD", "OPTIONS"} <= set(answer.headers["Allow"].split(","))
            assert not [name for name in answer.headers if name.startswith("Access-Control-")]
        async with page.session.head(page.url + path) as answer:
            assert (answer.status, await answer.text()) == (200, "")
        async with page.session.delete(page.url + path) as answer:
            assert (answer.status, "GET" in answer.headers["Allow"]) == (405, True)
    async with page.session.head(page.url + "/nothing", headers={"Accept": "text/html"}) as answer:
        assert (answer.status, await answer.text()) == (404, "")


@pytest.mark.parametrize(
    "raw", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n"]
)
async def test_even_what_is_no_request_is_answered_with_all_headers(page: Page, raw: bytes) -> None:
    host, _, port = page.url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(raw)
    async with asyncio.timeout(10):
        head = (await reader.read()).partition(b"\r\n\r\n")[0].decode()
    writer.close()
    assert " 400 " in head
    assert "frame-ancestors 'none'" in head
    assert "X-Content-Type-Options: nosniff" in head
