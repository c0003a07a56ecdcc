"""Who has the token gets in, whatever others do; a session ends by itself and by log-out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.web.given import Page, fill, serving
from watcher.web.sessions import LASTS, MOST, Sessions

TOKEN = "a-long-enough-token"
RIGHT = f"Bearer {TOKEN}"
STATUS = "/api/v1/status"
HTML = "text/html"


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with serving(tmp_path, token=TOKEN) as page:
        await fill(page.store)
        yield page


async def log_in(page: Page, token: str = TOKEN) -> tuple[int, str]:
    """The status, and the cookie without its name; the client itself keeps none."""
    form = {"token": token}
    async with page.session.post(page.url + "/login", data=form, allow_redirects=False) as answer:
        cookie = answer.cookies.get("watcher")
        page.session.cookie_jar.clear()
        return answer.status, cookie.value if cookie is not None else ""


async def opens(page: Page, cookie: str) -> bool:
    return (await page.get("/", Cookie=f"watcher={cookie}"))[0] == 200


async def guess(page: Page, times: int, **headers: str) -> list[int]:
    found = [await page.get(STATUS, Authorization=f"Bearer no{number}", **headers) for number in range(times)]
    return [status for status, *_ in found]


async def test_the_right_token_works_however_many_wrong_ones_came_from_its_address(
    page: Page, caplog: pytest.LogCaptureFixture
) -> None:
    assert await guess(page, 15) == [401] * 10 + [429] * 5
    assert (await page.get(STATUS, Authorization=RIGHT))[0] == 200
    assert (await log_in(page))[0] == 303
    assert (await log_in(page, "no"))[0] == 429
    assert caplog.text.count("wrong tokens") == 1
    await page.clock.advance(61)
    assert await guess(page, 1) == [401]


async def test_whoever_is_told_to_wait_is_told_how_long_and_has_to_connect_again(page: Page) -> None:
    await guess(page, 10)
    status, text, headers = await page.get(STATUS, Authorization="Bearer no")
    assert (status, headers["Retry-After"], headers["Connection"]) == (429, "60", "close")
    assert "wait" in text


async def test_a_forged_forwarded_for_hides_nobody(page: Page) -> None:
    found = [(await guess(page, 1, X_Forwarded_For=f"203.0.113.{number}"))[0] for number in range(12)]
    assert found == [401] * 10 + [429] * 2


async def test_behind_a_proxy_that_is_named_each_has_a_count_of_his_own(tmp_path: Path) -> None:
    async with serving(tmp_path, token=TOKEN, proxies=["127.0.0.1"]) as page:
        stranger, another = "198.51.100.7, 203.0.113.9", "203.0.113.9, 2001:db8::7"
        assert (await guess(page, 11, X_Forwarded_For=stranger))[-1] == 429
        assert await guess(page, 1, X_Forwarded_For=another) == [401]


async def test_a_session_says_nothing_of_the_token_and_is_another_one_each_time(page: Page) -> None:
    first, second = (await log_in(page))[1], (await log_in(page))[1]
    assert len(first) > 40
    assert first != second
    assert await opens(page, first)
    assert await opens(page, second)


async def test_log_out_ends_the_session_and_no_other(page: Page) -> None:
    mine, other = (await log_in(page))[1], (await log_in(page))[1]
    assert 'action="/logout"' in (await page.get("/", Cookie=f"watcher={mine}"))[1]
    headers = {"Cookie": f"watcher={mine}"}
    async with page.session.post(page.url + "/logout", headers=headers, allow_redirects=False) as answer:
        assert (answer.status, answer.cookies["watcher"].value) == (303, "")
    assert not await opens(page, mine)
    assert await opens(page, other)


async def test_a_session_ends_by_itself(page: Page) -> None:
    cookie = (await log_in(page))[1]
    await page.clock.advance(LASTS - 1)
    assert await opens(page, cookie)
    await page.clock.advance(2)
    assert not await opens(page, cookie)


async def test_an_old_cookie_is_asked_for_the_token_however_often_it_comes(page: Page) -> None:
    for _ in range(15):
        status, text, _ = await page.get("/", Cookie="watcher=from-before-the-restart", Accept=HTML)
        assert (status, 'name="token"' in text) == (401, True)


async def test_a_reload_logs_nobody_out_and_a_new_token_everybody(tmp_path: Path) -> None:
    async with serving(tmp_path, token=TOKEN) as page:
        cookie = (await log_in(page))[1]
    async with serving(tmp_path, token=TOKEN) as page:
        assert await opens(page, cookie)
    async with serving(tmp_path, token=f"{TOKEN}-2") as page:
        assert not await opens(page, cookie)


def test_sessions_of_a_token_are_so_many_and_its_oldest_goes_first() -> None:
    sessions = Sessions()
    other = sessions.begin(b"another", 0.0)
    cookies = [sessions.begin(b"one", 0.0) for _ in range(MOST + 1)]
    assert [sessions.token(each, 1.0) for each in cookies[:2]] == [None, b"one"]
    assert sessions.token(other, 1.0) == b"another", "who logs in often puts nobody else out"


@pytest.mark.parametrize("path", ["/", "/healthz", "/nothing", STATUS, "/static/style.css", "/news"])
async def test_no_answer_names_a_version(page: Page, path: str) -> None:
    async with page.session.get(page.url + path, headers={"Authorization": RIGHT}) as answer:
        assert answer.headers["Server"] == "watcher"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("/alerts/a1", "/alerts/a1"),
        ("/wallets/sp%C3%A4re%20%3Cb%3E", "/wallets/sp%C3%A4re%20%3Cb%3E"),
        ("//evil.example/x", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/x\r\nSet-Cookie: a=b", "/"),
        ("", "/"),
    ],
)
async def test_who_logs_in_is_shown_what_was_asked_for_and_nothing_of_another_host(
    page: Page, asked: str, shown: str
) -> None:
    if asked == shown:
        _, text, _ = await page.get(asked, Accept=HTML)
        assert f'name="wanted" value="{asked}"' in text
    form = {"token": TOKEN, "wanted": asked}
    async with page.session.post(page.url + "/login", data=form, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, shown)
