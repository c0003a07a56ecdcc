"""The search: what people call things leads to them."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.given import HOT
from tests.web.given import CONFIG, NASTY, Page, fill, serving
from watcher.config.configuration import build_rules, configure

WALLETS = """\
  - {name: vault, source: coinstats, address: "0x00000000000000000000000000000000000000aa",
     chains: [binancesmartchain], tags: [issued, cold], label: "Board's vault", note: "keys with Ines"}
  - {name: vault-2, source: coinstats, address: "0x00000000000000000000000000000000000000ab",
     chains: [base-wallet], tags: [cold]}
"""
RULES = """\
rules:
  - {id: gas-low, type: threshold, match: {assets: [ETH]}, below: "0.5"}
"""


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    config = CONFIG.replace("channels:", f"{WALLETS}rules: [rules.yaml]\nchannels:")
    (tmp_path / "rules.yaml").write_text(RULES)
    async with serving(tmp_path, config=config) as page:
        page.snapshots.rules = build_rules(configure(tmp_path / "watcher.yaml", {}))
        await fill(page.store)
        yield page


async def leads_to(page: Page, text: str) -> str:
    """Where an exact hit leads; empty if the search shows what it found."""
    async with page.session.get(page.url + "/search", params={"q": text}, allow_redirects=False) as answer:
        assert answer.status in (200, 303), await answer.text()
        return answer.headers.get("Location", "")


async def hits(page: Page, text: str) -> list[str]:
    async with page.session.get(page.url + "/search", params={"q": text}) as answer:
        return [html.unescape(each) for each in re.findall(r'<li><a href="([^"]+)"', await answer.text())]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("hot", "/wallets/hot"),
        ("HOT", "/wallets/hot"),
        ("board's VAULT", "/wallets/vault"),
        (HOT.address.upper().replace("0X", "0x"), "/wallets/hot"),
        ("issued", "/wallets?tag=issued"),
        ("BNB smart chain", "/wallets?chain=binancesmartchain"),
        ("gas-low", "/rules/gas-low"),
        ("eth", "/assets/ethereum/ethereum"),
        ("  a1 ", ""),
    ],
)
async def test_one_exact_hit_leads_straight_there(page: Page, text: str, path: str) -> None:
    assert await leads_to(page, text) == path


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("9F114DA2", ["/wallets/hot"]),
        ("vaul", ["/wallets/vault", "/wallets/vault-2"]),
        ("ines", ["/wallets/vault"]),
        ("issu", ["/wallets/vault", "/wallets?tag=issued"]),
        ("smart", ["/wallets?chain=binancesmartchain"]),
        ("below 0.5", ["/rules/gas-low"]),
        ("nothing like it", []),
        ("", []),
    ],
)
async def test_a_part_finds_all_that_has_it(page: Page, text: str, found: list[str]) -> None:
    assert await hits(page, text) == found


async def test_an_id_of_an_alert_or_of_a_delivery_leads_there_by_its_beginning(page: Page) -> None:
    from tests.contract.given import alert, delivery, keep, message
    from watcher.domain.records import replace

    told = replace(delivery("77aa01bc"), message=message("e1f0aa22"))
    await keep(page.store, alerts=(alert("e1f0aa22", subject="t"),), deliveries=(told,))
    for text in ("e1f0aa22", "E1F0", "77aa01"):
        assert await leads_to(page, text) == "/alerts/e1f0aa22", text


async def test_one_letter_is_not_said_to_be_nowhere(page: Page) -> None:
    _, text, _ = await page.get("/search?q=v")
    assert "Write at least 2 characters" in text
    assert "no address, tag, asset or id has it" not in text


async def test_what_is_found_and_what_was_asked_are_shown_harmlessly(page: Page) -> None:
    _, text, _ = await page.get("/search?q=%3Cscript%3E")
    assert "<script>alert" not in text
    assert html.escape(NASTY[:20]) in text
    assert (await page.get(f"/search?q={'x' * 101}"))[0] == 400


async def test_the_box_is_on_every_page(page: Page) -> None:
    for path in ("/", "/wallets", "/alerts", "/rules", "/search"):
        _, text, _ = await page.get(path)
        assert '<form method="get" action="/search" role="search"' in text
