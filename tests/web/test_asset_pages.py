"""The pages of assets: what is held of each, and who holds it; every name has a working link."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.contract.given import ETH, HOT, NOW, changed, keep
from tests.web.given import SPAM, Page, fill, serving
from tests.web.test_portfolio_page import COLD, CONFIG, cells, live, shown
from watcher.domain.audit import Actor
from watcher.domain.model import AccountState, Asset, PriceSuspicion
from watcher.web.addresses import asset_path, name_in, path_part

NAMES = [
    *(
        "a/b",
        "..",
        ".",
        "../..",
        "~",
        "~~",
        "a~",
        "x.csv",
        ".csv",
        "a?b=1&c",
        "#",
        "%2F",
        "%",
        "a b",
        "ä",
        "金",
    ),
    *("<b>", '"', "'", "a;b", "a:b", "\\", "a//b", "/", "//", "+"),
]


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with serving(tmp_path, config=CONFIG) as page:
        yield page


@pytest.mark.parametrize("name", NAMES)
def test_a_name_comes_back_from_its_part_of_the_path(name: str) -> None:
    assert name_in(unquote(path_part(name))) == name
    assert not path_part(name).startswith(".")
    assert not path_part(name).endswith(".csv")


@pytest.mark.parametrize("name", NAMES)
async def test_every_asset_has_a_page_by_the_link_in_the_table_whatever_its_name(
    page: Page, name: str
) -> None:
    asset = Asset(name, name)
    await keep(
        page.store, accounts=(AccountState(HOT, {asset: Decimal(3)}, {"ethereum": NOW}),),
        changes=(changed(HOT, asset, None, "3"),), symbols={asset: "X"},
    )  # fmt: skip
    _, text, _ = await page.get("/assets")
    (link,) = (unescape(each) for each in re.findall(r'href="(/assets/[^"]+)"', text))
    assert link == asset_path(*asset)
    status, text, _ = await page.get(link)
    assert status == 200
    assert "in 1 wallet<" in text
    (csv,) = (unescape(each) for each in re.findall(r'href="([^"]+)" download', text))
    status, text, _ = await page.get(csv)
    assert (status, len(text.splitlines())) == (200, 2)


async def test_amounts_are_summed_over_wallets_with_their_value_and_share(page: Page) -> None:
    await live(page)
    _, text, _ = await page.get("/assets")
    row = cells(text, "ETH")
    assert (row["Amount"], row["Wallets"]) == ("10", "2")
    assert row["Value"] == "$1,100.00 CHF 550.00"
    assert row["Share"].startswith("100")
    _, text, _ = await page.get("/assets?tag=main")
    assert cells(text, "ETH")["Amount"] == "8"


async def test_filters_choose_by_chain_and_by_whether_there_is_a_price(page: Page) -> None:
    await live(page)
    bond = Asset("teos", "0xb0")
    held = AccountState(COLD, {ETH: Decimal(2), bond: Decimal(9)}, {"ethereum": NOW})
    moved = (changed(COLD, bond, None, "9"),)
    await keep(page.store, accounts=(held,), changes=moved, symbols={bond: "BOND"})
    for query, names in (
        ("chain=teos", {"BOND"}), ("priced=no", {"BOND"}), ("priced=yes", {"ETH"}), ("q=bo", {"BOND"}),
        ("q=0xB0", {"BOND"}), ("", {"BOND", "ETH"}), ("priced=claimed", set()),
    ):  # fmt: skip
        _, text, _ = await page.get(f"/assets?{query}")
        assert {name for name in ("BOND", "ETH") if f">{name}</a></th>" in text} == names, query
    row = cells((await page.get("/assets"))[1], "BOND")
    assert (row["Price"], row["Value"]) == ("no price", "unknown")
    assert (await page.get("/assets?chain=moon"))[0] == 400


async def test_an_asset_says_who_holds_it_by_wallet_and_by_tag_and_when_that_was_read(page: Page) -> None:
    await live(page)
    text = await shown(page, "/assets/ethereum/ethereum?range=7d")
    assert cells(text, "hot")["Amount"] == "8"
    assert cells(text, "hot")["Tags"] == "own, main"
    assert "5 then, 10 now, 3 came in; 2 was read for the first time." in text
    assert ">+$330.00</span> moved and" in text
    assert ">+$50.00</span> is by price" in text
    tags = dict(re.findall(r'>(own|main)</a></th><td data-label="Amount" class="number">([0-9]+)', text))
    assert tags == {"own": "10", "main": "8"}
    assert text.count('data-label="Before"') == 1  # first readings are no changes


async def test_a_namesake_on_another_chain_is_linked_and_never_added_up(page: Page) -> None:
    await live(page)
    other = Asset("base", "ethereum")
    held = {ETH: Decimal(2), other: Decimal("0.25")}
    await keep(page.store, accounts=(AccountState(COLD, held, {"ethereum": NOW}),),
               changes=(changed(COLD, other, None, "0.25"),), symbols={other: "eth"})  # fmt: skip
    _, text, _ = await page.get("/assets/ethereum/ethereum")
    assert 'Held now</h2><p class="big">10 ETH' in text
    assert 'href="/assets/base/ethereum"' in text
    assert "anybody can give a token any name" in text


async def test_another_name_of_the_same_asset_leads_to_it(page: Page) -> None:
    await live(page)
    written = Asset("ethereum", "ether")
    await keep(page.store, accounts=(), same={written: ETH})
    await page.later()
    status, _, headers = await page.get("/assets/ethereum/ether")
    assert (status, headers["Location"]) == (303, "/assets/ethereum/ethereum")
    assert "Also known as</dt><dd>ether</dd>" in (await page.get("/assets/ethereum/ethereum"))[1]


async def test_a_contract_has_its_explorer_and_a_coin_has_none(page: Page) -> None:
    await fill(page.store)
    _, text, _ = await page.get(f"/assets/ethereum/{SPAM.token}")
    assert f'href="https://etherscan.io/address/{SPAM.token}"' in text
    _, text, _ = await page.get("/assets/ethereum/ethereum")
    assert "etherscan" not in text


async def test_what_somebody_hid_counts_in_no_value_and_says_who_and_why(page: Page) -> None:
    await live(page)
    page.store.commands(Actor("ann", "page", NOW)).hide([(HOT, ETH), (COLD, ETH)], "works <i>")
    await page.later()
    _, text, _ = await page.get("/assets/ethereum/ethereum")
    assert "counts in no value" in text
    assert cells(text, "hot")["State"] == "hidden by ann: works &lt;i&gt;"
    _, text, _ = await page.get("/assets")
    assert cells(text, "ETH")["Value"] == "only claimed, or hidden"


async def test_a_price_in_doubt_says_since_when_and_why(page: Page) -> None:
    await live(page)
    odd = PriceSuspicion(Decimal(1), NOW - timedelta(hours=1), "a price of $1 after $110")
    await keep(page.store, accounts=(), doubts={ETH: odd})
    await page.later()
    _, text, _ = await page.get("/assets/ethereum/ethereum")
    assert "Its price is in doubt since" in text
    assert "a price of $1 after $110" in text


async def test_what_nobody_ever_held_has_no_page(page: Page) -> None:
    await live(page)
    assert (await page.get("/assets/ethereum/nothing"))[0] == 404
    assert (await page.get("/assets/ethereum/ethereum?range=2w"))[0] == 400


async def test_the_file_has_the_keys_of_the_json(page: Page) -> None:
    await live(page)
    _, text, _ = await page.get("/assets.csv")
    assert text.splitlines()[0] == (
        "chain,asset,symbol,amount,claimed_amount,wallets,price_usd,price_at,value_usd,share"
    )
    assert text.splitlines()[1].startswith("ethereum,ethereum,ETH,10,0,2,110,")
    _, text, _ = await page.get("/assets/ethereum/ethereum.csv?q=hot")
    assert [line.split(",")[0] for line in text.splitlines()] == ["wallet", "hot"]


async def test_a_price_says_where_it_is_from_and_how_old_it_is(page: Page) -> None:
    await live(page)
    text = await shown(page, "/assets/ethereum/ethereum")
    (tile,) = re.findall(r"<h2>Price</h2>.*?</section>", text, re.DOTALL)
    words = " ".join(re.sub(r"<[^>]+>", " ", tile).split())
    assert re.fullmatch(
        r"Price \$110\.00 read [0-9]+ \S+ ago , last moved 24 h ago ; from coinstats", words
    ), words


async def test_the_chart_of_a_wallets_asset_leads_to_the_asset_in_all_wallets(page: Page) -> None:
    await live(page)
    _, text, _ = await page.get("/wallets/hot?asset=ethereum/ethereum")
    assert '<a href="/assets/ethereum/ethereum">The same asset in all wallets</a>' in text
