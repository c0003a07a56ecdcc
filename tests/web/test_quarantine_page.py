"""The quarantine: what no rule sees and why, released or hidden from the page."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.given import ETH, HOT, NOW, THIRTY, USDC, changed, keep, known
from tests.web.given import NASTY, SPAM, Page, fill, serving
from tests.web.test_actions import TOKEN, post, sent, told
from watcher.domain.audit import AuditAction, AuditFilter
from watcher.domain.model import AccountState, Asset, Quarantined


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with serving(tmp_path, token=TOKEN) as page:
        await fill(page.store)
        five = known(HOT, x="5").amounts[Asset("ethereum", "x")]
        state = AccountState(
            HOT, {ETH: THIRTY, SPAM: five, USDC: five}, {"ethereum": NOW},
            last_attempt=NOW, watched_since=NOW,
            quarantined={SPAM: Quarantined(NOW, "it has no price", baseline=True)}, newcomers={USDC: NOW},
        )  # fmt: skip
        await keep(
            page.store, accounts=(state,), symbols={ETH: "ETH", SPAM: NASTY, USDC: "USDC"},
            changes=(changed(HOT, USDC, "2", "5"),),
        )  # fmt: skip
        await page.session.post(page.url + "/login", data={"token": TOKEN})
        yield page


async def rows(page: Page, path: str = "/quarantine") -> dict[str, str]:
    """By id, the words of the row."""
    await page.later()
    _, text, _ = await page.get(path)
    found = re.findall(r'<tr id="held-([0-9a-f]{16})">(.*?)</tr>', text, re.DOTALL)
    return {name: " ".join(re.sub(r"<[^>]+>", " ", row).split()) for name, row in found}


async def one(page: Page, word: str, path: str = "/quarantine") -> str:
    (found,) = [name for name, row in (await rows(page, path)).items() if word in row]
    return found


async def test_what_waits_says_why_and_since_when(page: Page) -> None:
    found = " | ".join((await rows(page)).values())
    assert "it has no price 5 min ago" in found
    assert "waits, seen by no rule" in found
    assert re.search(r"USDC Base hot 5 unknown new, seen by rules", found)
    assert " ETH " not in found
    assert NASTY not in (await page.get("/quarantine"))[1]
    assert "ETH" in " ".join((await rows(page, "/quarantine?state=visible")).values())
    assert list(await rows(page, "/quarantine?q=usdc")) == [await one(page, "USDC")]


async def test_one_is_released_and_another_hidden_for_a_reason(page: Page) -> None:
    spam, usdc = await one(page, "it has no price"), await one(page, "USDC")
    status, text = await sent(page, "/quarantine/release", "/quarantine", id=[spam, "gone"])
    assert (status, "Released: 1 asset" in told(text)) == (303, True)
    assert "1 asset not there any more" in told(text)
    status, text = await sent(page, "/quarantine/hide", "/quarantine", id=usdc, comment="a fake <b>")
    assert (status, "Hidden: 1 asset" in told(text)) == (303, True)
    found = await rows(page)
    assert list(found) == [usdc]
    assert "hidden by somebody a fake &lt;b&gt; (Ada)" in found[usdc]
    with page.store.queries() as reader:
        state = reader.past().accounts[HOT]
        (entry,) = reader.audit(AuditFilter(action=AuditAction.HIDE, name="Ada"), 5)
    assert set(state.quarantined) == {USDC}
    assert (entry.actor.name, "a fake" in entry.detail) == ("Ada", True)


async def test_what_rules_see_can_be_hidden_too(page: Page) -> None:
    eth = await one(page, "ETH", "/quarantine?state=visible")
    await sent(page, "/quarantine/hide", "/quarantine?state=visible", id=eth, comment="not ours")
    assert "not ours (Ada)" in (await rows(page))[eth]


async def test_without_a_reason_nothing_is_hidden(page: Page) -> None:
    usdc = await one(page, "USDC")
    status, text = await sent(page, "/quarantine/hide", "/quarantine", id=usdc, comment=" ")
    assert (status, "a reason is visible text" in text) == (400, True)
    assert "new, seen by rules" in (await rows(page))[usdc]
    assert (await post(page, "/quarantine/hide", id=usdc, by="Mallory", comment="x"))[0] == 403


async def test_the_table_can_be_had_as_csv(page: Page) -> None:
    status, text, _ = await page.get("/quarantine.csv?state=newcomer")
    assert status == 200
    assert text.splitlines()[0].startswith("wallet,source,chain,address,asset,symbol,amount")
    assert len(text.splitlines()) == 2
