"""What can be done from the page about alerts and events, and by whom."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.given import alert, delivery, keep, message
from tests.web.given import Page, fill, serving
from watcher.domain.alerts.lifecycle import AlertState
from watcher.domain.audit import AuditFilter
from watcher.domain.messages.message import Kind
from watcher.domain.records import replace

TOKEN = "a-long-enough-token"


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with serving(tmp_path, token=TOKEN) as page:
        await fill(page.store)
        await page.session.post(page.url + "/login", data={"token": TOKEN})
        yield page


async def word(page: Page, path: str, where: str = "/alerts/a1") -> str:
    """What the form that goes to `path` carries."""
    _, text, _ = await page.get(where)
    (found,) = re.findall(rf'value="([0-9a-f]+)" formaction="{path}"', text)
    return str(found)


async def sent(page: Page, path: str, where: str = "/alerts/a1", **form: str | list[str]) -> tuple[int, str]:
    """Press a button of the page at `where`; the answer, or the page to which it leads."""
    fields: dict[str, str | list[str]] = {"form_token": await word(page, path, where), "by": "Ada", **form}
    return await post(page, path, **fields)


async def post(page: Page, path: str, **form: str | list[str]) -> tuple[int, str]:
    data = [
        (key, each) for key, value in form.items() for each in ([value] if isinstance(value, str) else value)
    ]
    async with page.session.post(page.url + path, data=data, allow_redirects=False) as answer:
        if answer.status != 303:
            return answer.status, await answer.text()
        where = answer.headers["Location"]
    _, text, _ = await page.get(where.partition("#")[0])
    return 303, text


def told(text: str) -> str:
    """What the page says of the press that led to it."""
    found = re.search(r'<section class="told.*?</section>', text, re.DOTALL)
    return re.sub(r"<[^>]+>|\s+", " ", found[0]) if found else ""


def kept(page: Page) -> Any:
    with page.snapshots.store.queries() as reader:
        found = reader.alert("a1")
        assert found is not None
        return found.acknowledged, reader.silences()


async def test_an_alert_is_acknowledged_from_its_page(page: Page) -> None:
    status, text, _ = await page.get("/alerts/a1")
    assert status == 200
    assert "by nobody" in text
    status, text = await sent(page, "/alerts/ack", id="a1", comment="on it <b>", back="/alerts/a1")
    assert status == 303
    acknowledged, _ = kept(page)
    assert (acknowledged.by, acknowledged.comment) == ("Ada", "on it <b>")
    assert "by Ada" in text
    assert "on it &lt;b&gt;" in text
    assert "Acknowledged" in told(text)


async def test_a_rule_is_silenced_on_one_wallet_from_an_alert(page: Page) -> None:
    _, text, _ = await page.get("/alerts/a1")
    assert "<strong>gas-low</strong> on <strong>hot</strong>" in text
    assert "1 live alert is of that now" in text
    status, text = await sent(page, "/alerts/silence", id="a1", back="/alerts/a1", **{"for": "2h"})
    assert (status, "Silenced" in told(text)) == (303, True)
    _, (made,) = kept(page)
    assert (made.rules, made.wallets, made.author) == (("gas-low",), ("hot",), "Ada")
    assert (made.until - made.created).total_seconds() == 7200


async def test_many_are_acknowledged_at_once_and_each_that_could_not_be_is_named(page: Page) -> None:
    moved = replace(message("e1", Kind.EVENT), title="hot: −5 ETH")
    await keep(
        page.store,
        alerts=(alert("a2", subject="s2"), alert("a3", state=AlertState.PENDING, subject="s3")),
        deliveries=(replace(delivery("d9"), message=moved),),
    )
    await sent(page, "/alerts/ack", "/alerts", id="a2", by="Bob")
    status, text = await sent(
        page, "/alerts/ack", "/alerts", id=["a1", "a2", "a3", "e1", "gone<i>"], back="/alerts?range=30d"
    )
    assert status == 303
    words = told(text)
    assert "2 acknowledged; 3 not" in words
    assert "acknowledged before, by Bob at" in words
    assert "is pending, there is nothing to acknowledge" in words
    assert "there is no alert or event gone&lt;i&gt;" in words
    assert 'aria-current="true">30d' in text  # where one was
    with page.snapshots.store.queries() as reader:
        acknowledged = [
            each.acknowledged.by for each in reader.acknowledged(page.clock.now()) if each.acknowledged
        ]
    assert sorted(acknowledged) == ["Ada", "Ada", "Bob"]


async def test_many_are_silenced_at_once_and_what_is_silenced_for_as_long_stays_as_it_is(page: Page) -> None:
    other = replace(alert("a2", subject="s2"), rule="other-rule")
    notice = replace(alert("a4", subject="s4"), rule="watcher.source")
    await keep(page.store, alerts=(other, notice, alert("a5", subject="s5")))
    await sent(page, "/alerts/silence", "/alerts", id="a2", by="Bob", **{"for": "7d"})
    _, text = await sent(
        page,
        "/alerts/silence",
        "/alerts",
        id=["a1", "a5", "a2", "a4", "gone"],
        lasting="45m",
        **{"for": "2h"},
    )
    words = told(text)
    assert "silenced before, by Bob until" in words
    assert "no silence holds it" in words
    assert "there is no alert or event gone" in words
    _, silences = kept(page)
    assert [(each.author, *each.rules) for each in silences if each.author == "Ada"] == [("Ada", "gas-low")]
    assert {(each.until - each.created).total_seconds() for each in silences if each.author == "Ada"} == {
        2700
    }


async def test_a_press_without_a_tick_changes_nothing_and_says_so(page: Page) -> None:
    _, text = await sent(page, "/alerts/ack", "/alerts")
    assert "Nothing was chosen" in told(text)
    assert kept(page) == (None, [])


async def test_from_the_overview_and_back_to_it(page: Page) -> None:
    _, text, _ = await page.get("/")
    assert '<input type="checkbox" name="id" value="a1" form="acting">' in text
    _, text = await sent(page, "/alerts/ack", "/", id="a1", back="/")
    assert "Acknowledged" in told(text)
    assert "<h1>Overview</h1>" in text


@pytest.mark.parametrize(
    "back", ["//evil.example/", "https://evil.example/", "/\\evil.example", "/a\r\nX: y", ""]
)
async def test_a_form_never_leads_to_another_site(page: Page, back: str) -> None:
    data = {"form_token": await word(page, "/alerts/ack"), "by": "Ada", "id": "a1", "back": back}
    async with page.session.post(page.url + "/alerts/ack", data=data, allow_redirects=False) as answer:
        assert re.fullmatch(r"/alerts\?told=[0-9a-f]{16}#result", answer.headers["Location"])


async def test_what_came_of_a_press_is_not_told_for_ever(page: Page) -> None:
    data = {"form_token": await word(page, "/alerts/ack"), "by": "Ada", "id": "a1", "back": "/alerts"}
    async with page.session.post(page.url + "/alerts/ack", data=data, allow_redirects=False) as answer:
        where = answer.headers["Location"].partition("#")[0]
    assert told((await page.get(where))[1])
    assert 'name="back" value="/alerts"' in (await page.get(where))[1]  # nor handed on
    await page.clock.advance(601)
    assert told((await page.get(where))[1]) == ""


async def test_a_form_of_another_site_does_nothing(page: Page) -> None:
    ack, silence = await word(page, "/alerts/ack"), await word(page, "/alerts/silence")
    for each in ("", "0" * 64, silence, "é"):
        status, _ = await post(page, "/alerts/ack", form_token=each, by="Mallory", id="a1")
        assert status == 403
    assert kept(page) == (None, [])
    assert ack != silence


@pytest.mark.parametrize(
    "form",
    [
        {"by": ""},
        {"by": "x" * 501},
        {"by": "a\nb"},
        {"for": "soon"},
        {"for": "367d"},
        {"for": "2h", "lasting": "-1s"},
        {"for": "2h", "id": [f"a{number}" for number in range(501)]},
    ],
)
async def test_a_wrong_field_is_refused_with_a_reason_and_changes_nothing(
    page: Page, form: dict[str, str | list[str]]
) -> None:
    token = await word(page, "/alerts/silence")
    status, text = await post(
        page, "/alerts/silence", **{"form_token": token, "by": "Ada", "id": "a1", "for": "2h", **form}
    )
    assert status == 400
    assert text.strip()
    assert kept(page) == (None, [])


async def test_a_comment_of_the_longest_kind_in_any_script_is_taken(page: Page) -> None:
    status, _ = await sent(page, "/alerts/ack", id="a1", comment="警" * 500)
    assert status == 303
    assert kept(page)[0].comment == "警" * 500


async def test_an_alert_that_is_not_there_is_a_404(page: Page) -> None:
    assert (await page.get("/alerts/nothing"))[0] == 404


async def test_without_the_token_nothing_can_be_done(page: Page) -> None:
    ack = await word(page, "/alerts/ack")
    page.session.cookie_jar.clear()
    status, _ = await post(page, "/alerts/ack", form_token=ack, by="Mallory", id="a1")
    assert status == 401
    assert kept(page)[0] is None


async def test_where_no_token_is_set_the_page_only_shows(tmp_path: Path) -> None:
    async with serving(tmp_path) as page:
        await fill(page.store)
        await keep(page.store, alerts=(alert(),))
        for where in ("/", "/alerts", "/alerts/a1"):
            _, text, _ = await page.get(where)
            assert '<form method="post"' not in text
            assert "checkbox" not in text
        assert "watcher ack a1" in text
        assert (await post(page, "/alerts/ack", by="Ada", id="a1"))[0] == 403


async def test_a_change_is_acknowledged_from_its_page_and_who_comes_second_is_told_who_was_first(
    page: Page,
) -> None:
    moved = replace(message("e1", Kind.EVENT), title="hot: −5 ETH", facts=(("Moved", "−5 ETH <b>"),))
    await keep(page.store, deliveries=(replace(delivery("d9"), message=moved),))
    _, text, _ = await page.get("/alerts/e1")
    assert "−5 ETH &lt;b&gt;" in text
    token = await word(page, "/alerts/ack", "/alerts/e1")
    assert (await post(page, "/alerts/ack", form_token=token, by="Ada", id="e1"))[0] == 303
    _, text, _ = await page.get("/alerts/e1")
    assert re.search(r"by Ada, .* \(page\)", text)
    assert "Acknowledge: somebody" not in text
    _, text = await post(page, "/alerts/ack", form_token=token, by="Bob", id="e1", back="/alerts/e1")
    assert "Nothing was acknowledged; 1 not" in told(text)
    assert "acknowledged before, by Ada at" in told(text)


async def test_who_acts_behind_a_proxy_stands_in_the_audit_log_with_their_own_address(tmp_path: Path) -> None:
    async with serving(tmp_path, token=TOKEN, proxies=["127.0.0.1"]) as page:
        await fill(page.store)
        await page.session.post(page.url + "/login", data={"token": TOKEN})
        form = {"form_token": await word(page, "/alerts/ack"), "by": "Ada", "id": "a1"}
        claim = {"X-Forwarded-For": "198.51.100.7, 2001:db8::5"}
        async with page.session.post(page.url + "/alerts/ack", data=form, headers=claim) as answer:
            assert answer.status == 200
        with page.store.queries() as reader:
            (entry,) = reader.audit(AuditFilter(name="Ada"), 5)
        assert entry.actor.address == "2001:db8::5"
