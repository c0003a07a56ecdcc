"""Lists: each page of a table reads, filters, sorts and links in the same way."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.given import delivery, keep
from tests.web.given import CONFIG, Page, fill, serving
from watcher.web.listing import sheet
from watcher.web.parameters import ROWS

MANY = "".join(
    f'  - {{name: "w{number:03}", source: coinstats, address: "0x{number:040x}", chains: [ethereum]}}\n'
    for number in range(0x100, 0x100 + 230)
)


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with serving(tmp_path, config=CONFIG.replace("channels:", MANY + "channels:")) as page:
        await fill(page.store)
        yield page


def links(text: str, words: str) -> list[str]:
    return re.findall(rf'href="([^"]*)"[^>]*>{words}<', text)


async def test_a_list_says_how_many_there_are_and_leads_from_page_to_page(page: Page) -> None:
    _, text, _ = await page.get("/wallets?q=W")
    assert "230 wallets, page 1 of 5" in text
    assert text.count("<tr") == 1 + ROWS
    assert links(text, "Next") == ["/wallets?q=W&amp;page=2"]
    assert links(text, "Before") == []
    _, last, _ = await page.get("/wallets?q=W&page=5")
    assert last.count("<tr") == 1 + 30
    assert links(last, "Before") == ["/wallets?q=W&amp;page=4"]


async def test_a_page_past_the_last_shows_the_last(page: Page) -> None:
    _, text, _ = await page.get("/wallets?page=999")
    assert "page 5 of 5" in text
    assert "Before" in text


async def test_a_click_on_a_head_sorts_and_the_next_click_turns_it_round(page: Page) -> None:
    _, text, _ = await page.get("/wallets?q=w3")
    assert links(text, "Value") == ["/wallets?q=w3&amp;sort=value"]
    assert 'aria-sort="ascending"><a href="/wallets?q=w3&amp;sort=-wallet">Wallet<' in text
    _, by_value, _ = await page.get("/wallets?q=w3&sort=value")
    assert 'aria-sort="descending"><a href="/wallets?q=w3&amp;sort=-value">Value<' in by_value
    _, turned, _ = await page.get("/wallets?sort=-wallet")
    assert turned.index(">w485<") < turned.index(">w484<")
    assert "selected>wallet, reversed<" in turned


async def test_an_empty_field_of_a_form_filters_nothing(page: Page) -> None:
    assert (await page.get("/outbox?state=&page=1"))[0] == 200
    assert "232 wallets" in (await page.get("/wallets?q=&sort="))[1]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/wallets?sort=luck", "sort must be one of wallet, chain, value"),
        ("/wallets?sort=--value", "sort must be one of"),
        ("/outbox?state=lost", "state must be one of pending"),
        ("/budget?colour=red", "unknown parameter 'colour'; known here: page, q, sort"),
        ("/rules?q=a&q=b", "q may be given once"),
        (f"/wallets?q={'x' * 101}", "q may have at most 100 characters"),
    ],
)
async def test_what_a_list_does_not_take_is_named_with_the_remedy(page: Page, path: str, why: str) -> None:
    status, text, _ = await page.get(path)
    assert status == 400
    assert why in text.replace("&#39;", "'")


async def test_csv_has_all_rows_of_the_same_filter_with_the_keys_of_the_json(page: Page) -> None:
    _, text, _ = await page.get("/wallets?q=w&sort=-wallet")
    (address,) = links(text, "CSV")
    assert address == "/wallets.csv?q=w&amp;sort=-wallet"
    status, body, headers = await page.get(address.replace("&amp;", "&"))
    assert status == 200
    assert headers["Content-Type"] == "text/csv; charset=utf-8"
    assert headers["Content-Disposition"] == 'attachment; filename="wallets.csv"'
    rows = list(csv.DictReader(io.StringIO(body)))
    assert [rows[0]["wallet"], len(rows)] == ["w485", 230]
    (first, *_) = (await page.json("/api/v1/status"))["accounts"]
    assert list(rows[0])[: len(first)] == list(first)
    assert (await page.get("/outbox.csv?state=lost"))[0] == 400


async def test_csv_of_every_list_is_there(page: Page) -> None:
    for name in ("wallets", "outbox", "rules", "budget"):
        status, body, _ = await page.get(f"/{name}.csv")
        assert status == 200
        assert body.count("\r\n") >= 1


async def test_deliveries_are_counted_by_what_is_asked_for(page: Page) -> None:
    await keep(page.store, deliveries=[delivery(f"more-{number}") for number in range(130)])
    await page.later()
    _, text, _ = await page.get("/outbox?state=pending")
    assert "131 deliveries, page 1 of 3" in text
    assert "0 deliveries" not in (await page.get("/outbox?state=sent"))[1]


def test_a_cell_that_a_spreadsheet_would_run_is_defused_and_a_number_is_not() -> None:
    rows = [{"a": "=cmd|x", "b": "-5.25", "c": "-x", "d": None, "e": True, "f": ["@one", "two"], "g": -3}]
    assert sheet(rows[0], rows) == b"a,b,c,d,e,f,g\r\n'=cmd|x,-5.25,'-x,,true,'@one; two,-3\r\n"


async def test_every_order_of_a_list_can_be_chosen_and_the_one_in_force_is(tmp_path: Path) -> None:
    async with serving(tmp_path) as page:
        await fill(page.store)
        for address, chosen in (("/wallets", "wallet"), ("/wallets?sort=-age", "-age")):
            (select,) = re.findall(r'<select name="sort">.*?</select>', (await page.get(address))[1])
            names = re.findall(r'<option value="([^"]*)"', select)
            assert {"wallet", "chain", "value", "age", "misses"} <= set(names)
            assert re.findall(r'<option value="([^"]*)" selected>', select) == [chosen]
