"""What can be done from the page, and by whom."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.contract.given import alert, delivery, keep, message
from tests.web.given import Page, fill, serving
from watcher.domain.messages.message import Kind

TOKEN = "a-long-enough-token"


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with serving(tmp_path, token=TOKEN) as page:
        await fill(page.store)
        await page.session.post(page.url + "/login", data={"token": TOKEN})
        yield page


async def words(page: Page) -> list[str]:
    _, text, _ = await page.get("/alerts/a1")
    return re.findall(r'name="form_token" value="([0-9a-f]+)"', text)


async def post(page: Page, path: str, **form: str) -> tuple[int, str]:
    async with page.session.post(page.url + path, data=form, allow_redirects=False) as answer:
        return answer.status, await answer.text()


def kept(page: Page) -> Any:
    with page.snapshots.store.queries() as reader:
        found = reader.alert("a1")
        assert found is not None
        return found.acknowledged, reader.silences()


async def test_an_alert_is_acknowledged_from_its_page(page: Page) -> None:
    status, text, _ = await page.get("/alerts/a1")
    assert status == 200
    assert "by nobody" in text
    ack, _ = await words(page)
    assert (await post(page, "/alerts/a1/ack", form_token=ack, by="Ada", comment="on it <b>"))[0] == 303
    acknowledged, _ = kept(page)
    assert (acknowledged.by, acknowledged.comment) == ("Ada", "on it <b>")
    _, text, _ = await page.get("/alerts/a1")
    assert "by Ada" in text
    assert "on it &lt;b&gt;" in text


async def test_a_rule_is_silenced_on_one_wallet_from_an_alert(page: Page) -> None:
    _, silence = await words(page)
    assert (await post(page, "/alerts/a1/silence", form_token=silence, by="Ada", **{"for": "2h"}))[0] == 303
    _, (made,) = kept(page)
    assert (made.rules, made.wallets, made.author) == (("gas-low",), ("hot",), "Ada")
    assert (made.until - made.created).total_seconds() == 7200


async def test_a_form_of_another_site_does_nothing(page: Page) -> None:
    ack, silence = await words(page)
    for word in ("", "0" * 64, silence, "é"):
        status, _ = await post(page, "/alerts/a1/ack", form_token=word, by="Mallory")
        assert status == 403
    assert kept(page) == (None, [])
    assert ack != silence


@pytest.mark.parametrize(
    "form",
    [
        {"by": ""},
        {"by": "x" * 501},
        {"by": "a\nb"},
        {"by": "Ada", "for": "soon"},
        {"by": "Ada", "for": "31d"},
    ],
)
async def test_a_wrong_field_is_refused_with_a_reason_and_changes_nothing(
    page: Page, form: dict[str, str]
) -> None:
    _, silence = await words(page)
    status, text = await post(page, "/alerts/a1/silence", form_token=silence, **form)
    assert status == 400
    assert text.strip()
    assert kept(page) == (None, [])


async def test_an_alert_that_is_not_there_is_a_404(page: Page) -> None:
    assert (await page.get("/alerts/nothing"))[0] == 404


async def test_without_the_token_nothing_can_be_done(page: Page) -> None:
    ack, _ = await words(page)
    page.session.cookie_jar.clear()
    status, _ = await post(page, "/alerts/a1/ack", form_token=ack, by="Mallory")
    assert status == 401
    assert kept(page)[0] is None


async def test_where_no_token_is_set_the_page_only_shows(tmp_path: Path) -> None:
    async with serving(tmp_path) as page:
        await fill(page.store)
        await keep(page.store, alerts=(alert(),))
        _, text, _ = await page.get("/alerts/a1")
        assert "<form" not in text
        assert "watcher ack a1" in text
        assert (await post(page, "/alerts/a1/ack", by="Ada"))[0] in (404, 405)


async def test_a_change_is_acknowledged_from_its_page_and_who_comes_second_is_told_who_was_first(
    page: Page,
) -> None:
    moved = replace(message("e1", Kind.EVENT), title="hot: −5 ETH", facts=(("Moved", "−5 ETH <b>"),))
    await keep(page.store, deliveries=(replace(delivery("d9"), message=moved),))
    _, text, _ = await page.get("/alerts/e1")
    assert "−5 ETH &lt;b&gt;" in text
    word = re.findall(r'name="form_token" value="([0-9a-f]+)"', text)[0]
    assert (await post(page, "/alerts/e1/ack", form_token=word, by="Ada"))[0] == 303
    _, text, _ = await page.get("/alerts/e1")
    assert re.search(r"by Ada, [^<]* UTC \(page\)", text)
    assert "<button>Acknowledge" not in text
    status, text = await post(page, "/alerts/e1/ack", form_token=word, by="Bob")
    assert (status, "already acknowledged by Ada at" in text) == (409, True)
