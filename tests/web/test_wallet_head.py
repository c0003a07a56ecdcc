"""A wallet's page says what it is: addresses, tags, rules and how near, what has no price, its lists."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.contract.given import ETH, HOT, NOW, alert, changed, delivery, keep, known, message
from tests.web.given import CONFIG, Page, fill, serving
from tests.web.test_wallet_page import read
from watcher.config.configuration import build_rules, configure
from watcher.domain.alerts.silences import Silence
from watcher.domain.audit import Actor
from watcher.domain.messages.message import Kind
from watcher.domain.model import AccountState, Asset
from watcher.domain.records import replace
from watcher.reports.watching import FEWEST, JUDGED, share
from watcher.web.text import says_more

RULES = """\
rules:
  - {id: near, type: threshold, match: {assets: [ETH]}, below: "4", severity: critical}
  - {id: met, type: threshold, match: {assets: [ETH]}, above: "4"}
  - {id: elsewhere, type: threshold, match: {wallets: ["späre*"]}, below: "4"}
  - {id: worth, type: threshold, metric: value_usd, per: wallet, below: "1"}
"""
BOND = Asset("ethereum", "0xb0")


@asynccontextmanager
async def watching(folder: Path, rules: str = RULES, config: str = CONFIG) -> AsyncIterator[Page]:
    async with serving(folder, config=config) as page:
        (folder / "rules.yaml").write_text(rules)
        (folder / "with-rules.yaml").write_text(config + "rules: [rules.yaml]\n")
        page.snapshots.rules = build_rules(configure(folder / "with-rules.yaml", {}))
        await keep(page.store, accounts=(known(HOT, ethereum="5"),), symbols={ETH: "ETH"})
        await read(page, 0, None, "5")
        yield page


def rules_of(text: str) -> list[str]:
    """The ids of the table of rules, in its order."""
    table = text.partition('id="rules"')[2].partition("</table>")[0]
    return [part.partition('"')[0] for part in table.split('<a href="/rules/')[1:]]


async def test_the_rules_that_watch_it_stand_nearest_first_with_their_distance(tmp_path: Path) -> None:
    async with watching(tmp_path) as page:
        _, text, _ = await page.get("/wallets/hot")
        assert rules_of(text) == ["met", "near", "worth"]
        assert "25.0\N{NARROW NO-BREAK SPACE}% above" in text
        assert '<rect class="near" width="75"' in text
        assert "5 ETH is not below 4 ETH" in text


async def test_what_silences_a_rule_now_is_said_above_and_beside_it(tmp_path: Path) -> None:
    async with watching(tmp_path) as page:
        until = NOW + timedelta(days=1)
        silence = Silence("s1", "Ines", "moving house", NOW, until, rules=("near",), wallets=("hot",))
        page.snapshots.store.commands(Actor("Ines", "test", NOW)).add_silence(silence)
        await page.later()
        _, text, _ = await page.get("/wallets/hot")
        assert text.count("silenced by Ines until") == 2
        assert "moving house" in text


async def test_an_address_stands_in_full_with_its_explorer_and_can_be_copied(tmp_path: Path) -> None:
    config = CONFIG.replace(
        "    tags: [gas]\n",
        '    label: "Pays & holds"\n    note: "Ask <Ines>"\n    tags: [gas, "a b"]\n',
    )
    async with watching(tmp_path, config=config) as page:
        _, text, _ = await page.get("/wallets/hot")
        assert f'>{HOT.address}</code> <button type="button" class="copy"' in text
        assert f'href="https://etherscan.io/address/{HOT.address}" rel="noopener noreferrer"' in text
        assert 'href="/wallets?tag=a%20b"' in text
        assert "<h1>Pays &amp; holds" in text
        assert "Ask &lt;Ines&gt;" in text
        assert "within 12 h" in text


async def test_what_has_no_price_is_told_by_its_amount(tmp_path: Path) -> None:
    async with serving(tmp_path) as page:
        state = AccountState(HOT, {BOND: Decimal(45571)}, {"ethereum": NOW}, last_attempt=NOW)
        changes = (changed(HOT, BOND, None, "45571")._replace(before_at=None),)
        await keep(page.store, accounts=(state,), symbols={BOND: "BOND"}, changes=changes)
        _, text, _ = await page.get("/wallets/hot")
        assert '45,571 BOND <span class="soft">without a price' in text
        assert "$0.00" not in text
        assert "Amount of BOND" in text, "all together have no value: the only asset is shown"
        for path in ("/", "/wallets"):
            _, text, _ = await page.get(path)
            assert "45,571 BOND" in text


async def test_a_value_and_an_amount_without_a_price_stand_side_by_side(tmp_path: Path) -> None:
    async with serving(tmp_path) as page:
        await fill(page.store)
        _, text, _ = await page.get("/wallets/hot")
        assert '<span class="soft">and 5 ' in text
        assert "<script>alert(1)</script>" not in text


async def test_what_is_held_and_what_changed_have_pages_and_csv(tmp_path: Path) -> None:
    async with serving(tmp_path) as page:
        await fill(page.store)
        for path, columns in (
            ("/wallets/hot/balances", "wallet,source,chain,address,asset,symbol,amount,"),
            ("/wallets/hot/history", "wallet,source,chain,asset,symbol,before,after,"),
        ):
            status, text, _ = await page.get(path)
            assert status == 200
            assert f'href="{path}.csv"' in text
            status, text, headers = await page.get(f"{path}.csv")
            assert (status, headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
            assert text.startswith(columns)
            assert len(text.splitlines()) == 3
            assert (await page.get(path.replace("hot", "nobody")))[0] == 404
            assert (await page.get(f"{path}?colour=red"))[0] == 400


@pytest.mark.parametrize("name", ["a/b", "..", ".", "~x", "100 %", "x.csv", "späre <b>&1", "a?b#c"])
async def test_every_name_has_a_working_page(tmp_path: Path, name: str) -> None:
    config = CONFIG.replace('"späre <b>&1"', f'"{name}"')
    async with serving(tmp_path, config=config) as page:
        _, text, _ = await page.get("/wallets")
        links = [part.partition('"')[0] for part in text.split('<th scope="row"><a href="')[1:]]
        (link,) = [each for each in links if each != "/wallets/hot"]
        status, text, _ = await page.get(link)
        assert status == 200
        assert '<h2 id="accounts">' in text


def test_many_rules_share_what_is_judged() -> None:
    assert share(JUDGED, 1) == JUDGED
    assert share(JUDGED, JUDGED) == FEWEST
    assert share(JUDGED, 0) == JUDGED


async def test_an_alert_of_the_wallet_stands_with_its_rule(tmp_path: Path) -> None:
    async with watching(tmp_path) as page:
        await keep(page.store, alerts=(alert(),))
        await page.later()
        _, text, _ = await page.get("/wallets/hot")
        assert 'id="alerts"' in text
        assert text.index('id="alerts"') < text.index('id="accounts"')


async def test_a_change_of_the_last_day_stands_above_the_accounts_and_an_older_one_does_not(
    tmp_path: Path,
) -> None:
    async with watching(tmp_path) as page:
        told = [message(each, Kind.EVENT, NOW - timedelta(hours=h)) for each, h in (("e1", 2), ("e2", 30))]
        await keep(
            page.store, deliveries=tuple(replace(delivery(f"d-{each.id}"), message=each) for each in told)
        )
        await page.later()
        _, text, _ = await page.get("/wallets/hot")
        assert 'id="alert-e1"' in text
        assert text.index('id="alert-e1"') < text.index('id="accounts"')
        assert 'id="alert-e2"' not in text


@pytest.mark.parametrize(
    ("label", "more"),
    [
        ("", False),
        ("Cold Storage", False),
        ("cold_storage", False),
        ("Cold storage (Zug)", True),
        ("Zug", True),
    ],
)
def test_a_label_that_says_the_name_again_is_not_said_beside_it(label: str, *, more: bool) -> None:
    assert says_more(label, "cold-storage") is more


async def test_what_was_never_read_is_not_said_to_be_worth_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path) as page:
        for path in ("/wallets/hot", "/"):
            _, text, _ = await page.get(path)
            assert '<p class="big">not known' in text, path
            assert '<p class="big">$0.00' not in text, path
