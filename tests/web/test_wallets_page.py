"""The list of wallets: a wallet once, with all its accounts; filters find it by what it is and holds."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.contract.given import HOT, NOW, THIRTY, keep, known
from tests.web.given import CONFIG, Page, cells, fill, serving
from watcher.domain.model import Account, AccountState, Asset, Quote
from watcher.domain.values.decimals import times

VAULT = "0x00000000000000000000000000000000000000aa"
WALLETS = f"""\
  - {{name: vault, source: coinstats, address: "{VAULT}", chains: [ethereum, binancesmartchain, base-wallet],
     tags: [issued, cold], label: "Board's vault", note: "keys with Ines"}}
"""
ETHER, BNB = Asset("ethereum", "ethereum"), Asset("binancesmartchain", "binancecoin")


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with serving(tmp_path, config=CONFIG.replace("channels:", f"{WALLETS}channels:")) as page:
        one, two, three = (
            Account("coinstats", chain, VAULT) for chain in ("ethereum", "binancesmartchain", "base-wallet")
        )
        states = (
            known(one, ethereum="2"),
            known(two, binancecoin="3"),
            AccountState(three, misses=2, miss="no answer", last_attempt=NOW, watched_since=NOW),
        )
        quotes = {ETHER: Quote(Decimal(3000), NOW), BNB: Quote(Decimal(600), NOW)}
        await keep(page.store, accounts=states, quotes=quotes, symbols={ETHER: "ETH", BNB: "BNB"})
        yield page


async def wallets(page: Page, query: str) -> set[str]:
    status, text, _ = await page.get(f"/wallets{query}")
    assert status == 200, text
    return set(re.findall(r'<tr id="wallet-([^"]+)"', text))


async def test_a_wallet_with_several_accounts_is_one_row_with_their_sum_and_what_is_unknown(
    page: Page,
) -> None:
    _, text, _ = await page.get("/wallets?q=vault")
    assert "1 wallet with 3 accounts" in text
    text = cells(text)
    assert "Ethereum, BNB Smart Chain, Base" in text
    assert "$7,800.00" in text
    assert "and 1 account never read" in text
    assert "(1 of 3 late)" in text
    assert "Board&#39;s vault" in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?tag=cold", {"vault"}),
        ("?chain=binancesmartchain", {"vault"}),
        ("?source=coinstats&tag=issued", {"vault"}),
        ("?q=BNB+Smart", {"vault"}),
        ("?q=bnb", {"vault"}),
        ("?q=binancecoin", {"vault"}),
        ("?q=issu", {"vault"}),
        ("?q=INES", {"vault"}),
        ("?q=0000AA", {"vault"}),
        ("?state=missing", {"vault"}),
        ("?state=held", set()),
        ("?state=unread", {"vault", "hot", "sp%C3%A4re%20%3Cb%3E%261"}),
        ("?state=unread&tag=cold", {"vault"}),
    ],
)
async def test_wallets_are_found_by(page: Page, query: str, found: set[str]) -> None:
    assert await wallets(page, query) == found


async def test_a_filter_by_chain_counts_only_what_is_there(page: Page) -> None:
    _, text, _ = await page.get("/wallets?chain=binancesmartchain")
    assert "$1,800.00" in text
    assert "$7,800.00" not in text


async def test_a_tag_that_nobody_has_is_refused_with_those_there_are(page: Page) -> None:
    status, text, _ = await page.get("/wallets?tag=hot")
    assert status == 400
    assert "tag must be one of cold" in text


async def test_csv_has_each_account_of_the_wallets_that_are_asked_for(page: Page) -> None:
    _, body, _ = await page.get("/wallets.csv?tag=cold")
    assert [line.split(",")[2] for line in body.splitlines()] == [
        "chain", "ethereum", "binancesmartchain", "base-wallet",
    ]  # fmt: skip


async def test_csv_says_what_each_account_is_worth_and_what_people_call_it(tmp_path: Path) -> None:
    named = CONFIG.replace("tags: [gas]", "tags: [desk, ops]\n    label: Till")
    async with serving(tmp_path, config=named) as page:
        await fill(page.store)
        _, body, _ = await page.get("/wallets.csv")
    read, unread = csv.DictReader(io.StringIO(body))
    assert (read["wallet"], read["label"], read["tags"]) == ("hot", "Till", "desk; ops")
    assert Decimal(read["value_usd"]) == times(THIRTY, Decimal(3000))
    assert (unread["last_reading"], unread["value_usd"]) == ("", "")


async def test_a_wallet_of_which_nothing_has_a_price_is_not_worth_zero(tmp_path: Path) -> None:
    async with serving(tmp_path) as page:
        await keep(page.store, accounts=(known(HOT, a="1", b="2", c="3", d="4"),))
        row = cells((await page.get("/wallets?q=hot"))[1]).partition('<tr id="wallet-hot"')[2]
        row = row.partition("</tr>")[0]
        assert "4 amounts without a price" in row
        assert "$0" not in row
