"""The portfolio page: what everything is worth, told apart, and unknown where nobody knows."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.contract.given import ETH, HOT, NOW, changed, keep, known
from tests.web.given import OTHER, SPAM, Page, fill, serving
from watcher.domain.model import Quote

CONFIG = f"""\
version: 1
sources:
  coinstats: {{kind: coinstats, api_key: kkkkkkkkkkkk, credits: {{limit: 20000}}}}
display: {{currency: CHF, rates: {{CHF: "0.5"}}, rates_of: 2026-11-29}}
wallets:
  - {{name: hot, source: coinstats, address: "{HOT.address}", chains: [ethereum], tags: [own, main]}}
  - {{name: cold, source: coinstats, address: "{OTHER}", chains: [ethereum], tags: [own]}}
"""
COLD = HOT._replace(address=OTHER)


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with serving(tmp_path, config=CONFIG) as page:
        yield page


async def live(page: Page) -> None:
    """Ten days ago 5 ETH at $100, five days ago 8, yesterday $110; cold turned up two days ago."""
    days = [NOW - timedelta(days=number) for number in (10, 5, 2, 1)]
    await keep(
        page.store,
        accounts=(known(HOT, ethereum="8"), known(COLD, ethereum="2")),
        changes=(
            changed(HOT, ETH, None, "5", days[0]),
            changed(HOT, ETH, "5", "8", days[1]),
            changed(COLD, ETH, None, "2", days[2]),
        ),
        symbols={ETH: "ETH"},
        quotes={ETH: Quote(Decimal(100), days[0])},
    )
    await keep(page.store, accounts=(), quotes={ETH: Quote(Decimal(110), days[3])})


async def shown(page: Page, path: str) -> str:
    """Once it was worked out."""
    await page.json("/api/v1/status")
    for _ in range(100):
        status, text, headers = await page.get(path)
        assert status == 200, text
        if "not-yet" not in text:
            return text
        assert headers["Refresh"] == "2"
        await page.later()
    raise AssertionError("it is never worked out")


def cells(text: str, name: str) -> dict[str, str]:
    """The cells of the row of one name, by their columns."""
    (row,) = [row for row in re.findall(r"<tr id=.*?</tr>", text, re.DOTALL) if f">{name}</a>" in row]
    found = re.findall(r'<td data-label="([^"]+)"[^>]*>(.*?)</td>', row, re.DOTALL)
    return {label: " ".join(re.sub(r"<[^>]+>", " ", cell).split()) for label, cell in found}


async def test_what_moved_and_what_the_price_made_stand_apart_and_first_seen_is_no_gain(page: Page) -> None:
    await live(page)
    text = await shown(page, "/portfolio?by=wallet&range=7d")
    hot, cold = cells(text, "hot"), cells(text, "cold")
    assert hot["Value"] == "$880.00 CHF 440.00"
    assert (hot["Change"], hot["Moved"], hot["By price"]) == ("+$380.00", "+$330.00", "+$50.00")
    assert (cold["Change"], cold["First seen"]) == ("first seen", "$220.00")
    assert hot["Share"] == "80 %"


async def test_a_wallet_with_two_tags_counts_in_both_and_the_page_says_so(page: Page) -> None:
    await live(page)
    text = await shown(page, "/portfolio?range=7d")
    assert cells(text, "own")["Value"].startswith("$1,100.00")
    assert cells(text, "main")["Value"].startswith("$880.00")
    assert "A wallet with several tags counts in each of them" in text


@pytest.mark.parametrize("by", ["tag", "asset", "chain", "source", "wallet"])
@pytest.mark.parametrize("chosen", ["24h", "7d", "30d", "90d", "1y", "all"])
async def test_each_kind_over_each_range_has_the_same_value(page: Page, by: str, chosen: str) -> None:
    await live(page)
    text = await shown(page, f"/portfolio?by={by}&range={chosen}")
    assert '<p class="big">$1,100.00' in text


async def test_what_has_no_price_is_listed_with_its_amount_and_no_zero(page: Page) -> None:
    await keep(
        page.store, accounts=(known(HOT, ethereum="45571"),), changes=(changed(HOT, ETH, None, "45571"),),
        symbols={ETH: "BOND"},
    )  # fmt: skip
    text = await shown(page, "/portfolio?by=asset")
    row = cells(text, "BOND")
    assert row["Value"] == "no price 45,571"
    assert row["Share"] == row["Change"] == row["Moved"] == "unknown"
    assert "$0.00" not in row.values()
    assert "1 amount without a price" in text
    tiles = text.partition('class="tiles sums"')[2].partition("</div>")[0]
    assert tiles.count("not known") == 4, "value, change, what moved, by price"
    assert "$0.00" not in tiles


async def test_a_store_with_nothing_in_it_has_a_page(page: Page) -> None:
    text = await shown(page, "/portfolio")
    assert "0 tags" in text
    assert "2 accounts were never read" in text


async def test_the_names_of_strangers_are_no_markup_here(page: Page) -> None:
    await fill(page.store)
    for path in (
        "/portfolio?by=asset",
        "/portfolio?by=asset&range=all",
        "/assets",
        f"/assets/ethereum/{SPAM.token}",
    ):
        assert "<script>alert" not in await shown(page, path)


@pytest.mark.parametrize("query", ["by=colour", "range=2w", "range=7d&range=1y", "sort=colour", "other=1"])
async def test_what_cannot_be_asked_for_is_refused(page: Page, query: str) -> None:
    assert (await page.get(f"/portfolio?{query}"))[0] == 400


async def test_the_table_as_a_file_has_every_digit_and_null_for_what_nobody_knows(page: Page) -> None:
    await live(page)
    status, text, headers = await page.get("/portfolio.csv?by=wallet&range=7d")
    assert status == 200
    assert headers["Content-Type"].startswith("text/csv")
    head, hot, cold = (line.split(",") for line in text.splitlines())
    assert dict(zip(head, hot, strict=True))["opening_usd"] == "500"
    assert dict(zip(head, cold, strict=True))["opening_usd"] == ""
    assert dict(zip(head, cold, strict=True))["unknown_before_usd"] == "220"


async def test_the_pages_lead_to_each_other_and_the_rest_is_under_more(page: Page) -> None:
    _, text, _ = await page.get("/budget")
    ways = re.findall(r'<a href="(/[a-z]*)"( aria-current="page")?>([A-Z][a-z]+)</a>', text)
    assert [name for _, _, name in ways][:6] == [
        "Overview",
        "Alerts",
        "Wallets",
        "Portfolio",
        "Assets",
        "Rules",
    ]
    assert ("/budget", ' aria-current="page"', "Budget") in ways
    assert "More: Budget</summary>" in text
    for path, _, name in ways:
        status, text, _ = await page.get(path)
        assert status == 200, path
        assert f'<a href="{path}" aria-current="page">{name}</a>' in text


async def test_the_json_says_the_same_as_the_page_with_every_digit(page: Page) -> None:
    await live(page)
    found = await page.json("/api/v1/portfolio?by=wallet&range=7d")
    hot, cold = found["groups"]
    assert (hot["value_usd"], hot["opening_usd"], hot["by_price_usd"]) == ("880", "500", "50")
    assert (cold["opening_usd"], cold["unknown_before_usd"], cold["change_usd"]) == (None, "220", "0")
    assert found["total"]["value_usd"] == found["course"][-1]["value_usd"] == "1100"
    assert (found["by"], found["first_seen"], found["accounts"]) == ("wallet", 1, 2)
    (eth,) = await page.json("/api/v1/assets")
    assert (eth["amount"], eth["value_usd"], eth["share"], eth["wallets"]) == ("10", "1100", "1", 2)
    assert [row["amount"] for row in await page.json("/api/v1/assets?tag=main")] == ["8"]


@pytest.mark.parametrize(
    ("query", "status"),
    [("portfolio?by=colour", 400), ("portfolio?range=2w", 400), ("assets?tag=nobody", 404)],
)
async def test_what_the_json_cannot_say_is_refused(page: Page, query: str, status: int) -> None:
    assert (await page.get(f"/api/v1/{query}"))[0] == status


async def test_what_was_not_read_up_to_now_says_of_when_it_is(page: Page) -> None:
    await live(page)
    await page.store.running(NOW - timedelta(days=10), NOW - timedelta(hours=7))
    text = await shown(page, "/portfolio?range=7d")
    assert "what is told of now is of then" in text
    assert '<rect class="gap"' in text
