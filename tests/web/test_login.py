"""A session that ended takes nothing: one comes back to where one was, with what one wrote."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.given import alert, keep
from tests.web.given import Page, fill, serving

TOKEN = "a-long-enough-token"
VIEW = "the-token-of-a-screen-on-a-wall"
OURS = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
WRITTEN = {"by": "Zoë", "comment": "收到 " * 90, "back": "/alerts?state=firing"}


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with serving(tmp_path, token=TOKEN, more={"tokens": {"wall": {"token": VIEW}}}) as page:
        await fill(page.store)
        yield page


async def post(page: Page, path: str, form: object, **headers: str) -> tuple[int, str]:
    named = {**OURS, **{name.replace("_", "-"): value for name, value in headers.items()}}
    async with page.session.post(page.url + path, data=form, headers=named, allow_redirects=False) as answer:
        return answer.status, answer.headers.get("Location") or await answer.text()


def fields_of(text: str) -> list[tuple[str, str]]:
    """What the only form of a page that has one would send."""
    (form,) = re.findall(r'<form method="post".*?</form>', text, re.DOTALL)
    inputs = re.findall(r'<input[^>]*name="([^"]*)" value="([^"]*)"', form)
    return [(html.unescape(name), html.unescape(value)) for name, value in inputs]


def acknowledged(page: Page, name: str = "a1") -> str:
    with page.store.queries() as reader:
        found = reader.alert(name)
    return str(found.acknowledged) if found is not None and found.acknowledged else ""


@pytest.mark.parametrize("asked", ["/alerts/a1", "/alerts?state=firing&page=1", "/wallets/hot?range=7d", "/"])
async def test_after_the_login_one_is_where_one_was(page: Page, asked: str) -> None:
    status, text, headers = await page.get(asked, Accept="text/html")
    assert (status, headers["WWW-Authenticate"]) == (401, "Bearer")
    assert await post(page, "/login", [*fields_of(text), ("token", TOKEN)]) == (303, asked)
    assert (await page.get(asked))[0] == 200


@pytest.mark.parametrize("asked", ["/alerts?t=a-word-of-a-link", f"/?token={TOKEN}"])
async def test_a_query_that_holds_a_secret_is_not_kept(page: Page, asked: str) -> None:
    _, text, _ = await page.get(asked, Accept="text/html")
    assert dict(fields_of(text))["wanted"] == asked.partition("?")[0]
    assert "a-word-of" not in text
    assert TOKEN not in text


async def test_below_a_base_one_is_led_below_it_whatever_the_proxy_hands_on(tmp_path: Path) -> None:
    async with serving(tmp_path, token=TOKEN, more={"url": "https://watch.example.org/w"}) as page:
        await fill(page.store)
        for asked in ("/alerts?page=1", "/w/alerts?page=1"):
            _, text, _ = await page.get(asked, Accept="text/html")
            assert dict(fields_of(text))["wanted"] == "/w/alerts?page=1"
            assert 'action="/w/login"' in text
        cookie = await set_cookie(page)
        assert all(word in cookie for word in ("; Secure", "; HttpOnly", "; SameSite=Strict", "; Path=/w/"))


async def test_a_session_is_secure_only_where_the_way_is(tmp_path: Path) -> None:
    told = {"X-Forwarded-Proto": "https"}
    async with serving(tmp_path, token=TOKEN, proxies=["127.0.0.1"]) as page:
        assert "Secure" in await set_cookie(page, **told)
        assert "Secure" not in await set_cookie(page)
    async with serving(tmp_path, token=TOKEN) as page:
        assert "Secure" not in await set_cookie(page, **told), "anybody can say so"


async def set_cookie(page: Page, **headers: str) -> str:
    async with page.session.post(
        page.url + "/login", data={"token": TOKEN}, headers=headers, allow_redirects=False
    ) as answer:
        return answer.headers["Set-Cookie"]


async def test_what_was_written_without_a_session_is_sent_after_the_login_with_one_press(page: Page) -> None:
    await keep(page.store, alerts=(alert("a2", subject="s2"),))
    form = [*WRITTEN.items(), ("id", "a1"), ("id", "a2"), ("form_token", "0" * 64)]
    status, text = await post(page, "/alerts/ack", form)
    assert status == 401
    assert "What you wrote is kept" in text
    assert acknowledged(page) == ""

    status, text = await post(page, "/login", [*fields_of(text), ("token", "wrong")])
    assert (status, "not the token" in text) == (401, True), "a mistake loses nothing"
    status, text = await post(page, "/login", [*fields_of(text), ("token", TOKEN)])
    assert status == 200
    assert "Your session had ended, and nothing was done." in text
    assert 'action="/alerts/ack"' in text
    assert acknowledged(page) == ""

    status, where = await post(page, "/alerts/ack", fields_of(text))
    assert (status, where.startswith("/alerts?state=firing&told=")) == (303, True)
    assert WRITTEN["comment"].strip() in acknowledged(page)
    assert "Zoë" in acknowledged(page, "a2")


async def test_who_logs_in_and_may_only_look_is_shown_what_they_wrote(page: Page) -> None:
    _, text = await post(page, "/alerts/ack", {**WRITTEN, "id": "a1"})
    _, text = await post(page, "/login", [*fields_of(text), ("token", VIEW)])
    assert "You may look here, and not act" in text
    assert "收到" in text
    assert "<form" not in text


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}])
async def test_what_another_site_sends_is_kept_for_nobody(page: Page, headers: dict[str, str]) -> None:
    status, text = await post(page, "/alerts/ack", {**WRITTEN, "id": "a1"}, **headers)
    assert status == 403
    assert "Zoë" not in text
    assert "another site sent this" in text


async def test_what_no_browser_of_ours_is_known_to_have_sent_is_not_kept(page: Page) -> None:
    async with page.session.post(
        page.url + "/alerts/ack", data={**WRITTEN, "id": "a1"}, headers={"Accept": "text/html"}
    ) as answer:
        text = await answer.text()
    assert (answer.status, "Zoë" in text, 'name="token"' in text) == (401, False, True)


async def test_a_form_from_before_a_restart_is_shown_again_and_sent_with_one_press(page: Page) -> None:
    await post(page, "/login", {"token": TOKEN})
    status, text = await post(page, "/alerts/ack", {**WRITTEN, "id": "a1", "form_token": "0" * 64})
    assert status == 403
    assert "The form was too old, and nothing was done." in text
    assert acknowledged(page) == ""
    assert (await post(page, "/alerts/ack", fields_of(text)))[0] == 303
    assert "Zoë" in acknowledged(page)


async def test_a_mistake_in_a_form_is_said_beside_what_was_written(page: Page) -> None:
    await post(page, "/login", {"token": TOKEN})
    _, text, _ = await page.get("/alerts/a1")
    (word,) = re.findall(r'name="form_token" value="([0-9a-f]+)" formaction="/alerts/ack"', text)
    form = {"id": "a1", "form_token": word, "by": "Zoë", "comment": "x" * 501}
    status, text = await post(page, "/alerts/ack", form)
    assert status == 400
    assert "Comment must be visible text, at most 500 characters." in text
    assert ("by", "Zoë") in fields_of(text)


async def test_a_comment_of_500_chinese_characters_fits_and_names_are_written_as_people_do(
    page: Page,
) -> None:
    await post(page, "/login", {"token": TOKEN})
    _, text, _ = await page.get("/alerts/a1")
    (word,) = re.findall(r'name="form_token" value="([0-9a-f]+)" formaction="/alerts/ack"', text)
    by, comment = "می‌خواهم 👩‍💻", "汉" * 500
    form = {"id": "a1", "form_token": word, "by": by, "comment": comment}
    assert (await post(page, "/alerts/ack", form))[0] == 303
    _, text, _ = await page.get("/alerts/a1")
    assert by in text
    assert comment in text


async def test_from_a_link_on_another_site_the_browser_is_led_on_to_show_its_session(page: Page) -> None:
    crossing = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    status, text, _ = await page.get("/alerts/a1?x=%22%3E", Accept="text/html", **crossing)
    assert status == 200
    assert '<meta http-equiv="refresh" content="0;url=/alerts/a1?x=%22%3E">' in text
    assert (await page.get("/alerts/a1", Accept="text/html", **{"Sec-Fetch-Site": "same-origin"}))[0] == 401


async def test_the_login_page_names_nobody_and_logging_out_forgets(page: Page) -> None:
    _, text, _ = await page.get("/", Accept="text/html")
    assert "wall" not in text
    await post(page, "/login", {"token": TOKEN})
    assert (await page.get("/"))[0] == 200
    assert await post(page, "/logout", {}) == (303, "/")
    assert (await page.get("/"))[0] == 401
