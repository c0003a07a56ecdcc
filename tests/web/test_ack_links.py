"""A link acknowledges what its message told, after one tap, once, and nothing else."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.contract.given import NOW, alert, delivery, keep, message
from tests.web.given import CONFIG, Page, serving
from watcher.app.ways import ways_of
from watcher.config.configuration import configure
from watcher.domain.alerts.lifecycle import Ack, AlertState
from watcher.domain.messages.ack_links import LASTS, LinkSigner
from watcher.domain.messages.message import Kind
from watcher.domain.records import replace

TOKEN = "a-long-enough-token"
URL = "https://watch.example.org"
OUTSIDE = {"url": URL, "token": TOKEN}
SIGNER = LinkSigner(TOKEN)

FIRED = replace(delivery("d1"), message=replace(message("a1"), title="hot: ΔETH <b>"))
MOVED = replace(
    delivery("e7"), message=replace(message("e0", Kind.EVENT), title="hot: −5 ETH", wallet="cold")
)


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with serving(tmp_path, token=TOKEN, more={"url": URL}) as page:
        await keep(page.store, alerts=(alert("a1"),), deliveries=(FIRED, MOVED))
        yield page


def link(identity: str = "d1", until: timedelta = LASTS, **parts: str) -> str:
    return f"/a/{identity}?t={SIGNER.word(identity, NOW + until, **parts)}"


async def press(page: Page, path: str, by: str = "", **headers: str) -> tuple[int, str]:
    address = page.url + path
    async with page.session.post(address, data={"by": by}, headers=headers, allow_redirects=False) as answer:
        return answer.status, await answer.text()


def said(page: Page, identity: str = "a1") -> Ack | None:
    with page.store.queries() as reader:
        found = reader.alert(identity) or reader.event(identity)
    assert found is not None
    return found.acknowledged


async def log_in(page: Page) -> None:
    # As a browser says that comes past the https of the public address; it would keep no Secure cookie.
    origin = {"Origin": page.url}
    await page.session.post(page.url + "/login", data={"token": TOKEN}, headers=origin)


async def test_one_tap_acknowledges_and_everybody_sees_who_when_and_how(
    page: Page, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    status, text, _ = await page.get(link())
    assert status == 200
    assert "hot: ΔETH &lt;b&gt;" in text
    assert ">critical</span>" in text
    assert text.count("<button>") == 1

    status, text = await press(page, link(), "Ada")

    assert status == 200
    now = page.clock.now()
    assert said(page) == Ack("Ada", now.replace(microsecond=said(page).at.microsecond), via="link in ops")  # type: ignore[union-attr]
    assert "Acknowledged by Ada at 2026-03-10 12:05:00 UTC" in text
    assert "acknowledged by Ada at 2026-03-10 12:05:00 UTC (link in ops): hot: ETH on ethereum" in caplog.text
    await log_in(page)
    assert "by Ada, 2026-03-10 12:05:00 UTC (link in ops)" in (await page.get("/alerts/a1"))[1]
    (row,) = await page.json("/api/v1/alerts")
    assert (row["acknowledged_by"], row["acknowledged_at"][:16]) == ("Ada", "2026-03-10T12:05")


async def test_the_link_in_the_message_is_the_one_that_is_taken(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "with-url.yaml"
    path.write_text(f"{CONFIG}web: {{url: {URL}, token: {TOKEN}}}\n")
    address = ways_of(configure(path, {}).settings)(FIRED).acknowledge
    assert (await page.get(address.removeprefix(URL)))[0] == 200


async def test_an_event_is_acknowledged_as_well_and_without_a_name_the_channel_is_said(page: Page) -> None:
    status, text, _ = await page.get(link("e7"))
    assert (status, "hot: −5 ETH" in text) == (200, True)
    assert "takes care of it" in text

    assert (await press(page, link("e7")))[0] == 200

    ack = said(page, "e0")
    assert ack is not None
    assert (ack.by, ack.via) == ("link in ops", "link in ops")
    await log_in(page)
    text = (await page.get("/alerts/e0"))[1]
    assert "by link in ops," in text
    assert "<button>Acknowledge" not in text
    (row,) = await page.json("/api/v1/alerts?events=true")
    assert row["acknowledged_by"] == "link in ops"


async def test_whoever_only_looks_changes_nothing(page: Page) -> None:
    for method in ("GET", "HEAD", "GET"):
        async with page.session.request(
            method, page.url + link(), headers={"User-Agent": "Slackbot"}
        ) as answer:
            assert answer.status == 200
    assert said(page) is None
    async with page.session.put(page.url + link()) as answer:
        assert answer.status == 405
    assert said(page) is None


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/a/d1", 403),
        ("/a/d1?t=", 403),
        ("/a/d1?t=" + "0" * 40, 403),
        ("/a/d1?t=%F0%9F%92%A9", 403),
        ("/a/d1?t=%ED%B2%80", 403),
        (f"{link()}&t=x", 403),
        (link(purpose="silence"), 403),
        (link().replace("/a/d1", "/a/e7"), 403),
        (link().replace("/a/d1", "/a/d1%00"), 403),
        (link(until=timedelta(minutes=5)), 410),
        (link("nobody"), 404),
        ("/a/?t=x", 404),
    ],
)
async def test_a_link_that_is_not_right_is_refused_and_tells_nothing(
    page: Page, path: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for found, text in ((await page.get(path))[:2], await press(page, path, "Mallory")):
        assert found == status
        assert "ETH" not in text
        assert "Mallory" not in text
    assert said(page) is None
    assert said(page, "e0") is None
    if path.startswith(("/a/d", "/a/n")):
        assert "refused" in caplog.text
    word = path.partition("?t=")[2]
    assert len(word) < 10 or word not in caplog.text


async def test_another_key_opens_nothing(page: Page) -> None:
    word = LinkSigner("another-long-enough-token").word("d1", NOW + LASTS)
    assert (await press(page, f"/a/d1?t={word}", "Mallory"))[0] == 403
    assert said(page) is None


async def test_what_was_pressed_once_is_done_and_says_by_whom(
    page: Page, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await press(page, link(), "Ada")
    for status, text in ((await page.get(link()))[:2], await press(page, link(), "Bob")):
        assert status == 409
        assert "Already acknowledged by Ada at 2026-03-10 12:05:00 UTC" in text
        assert "<button>" not in text
    assert said(page).by == "Ada"  # type: ignore[union-attr]
    assert "delivery d1 was refused: Already acknowledged by Ada" in caplog.text


async def test_of_two_who_press_at_once_one_is_first(page: Page) -> None:
    answers = await asyncio.gather(press(page, link(), "Ada"), press(page, link(), "Bob"))
    assert sorted(status for status, _ in answers) == [200, 409]
    (text,) = (text for status, text in answers if status == 409)
    assert f"Already acknowledged by {said(page).by}" in text  # type: ignore[union-attr]


@pytest.mark.parametrize(("closed", "word"), [(False, "It resolved"), (True, "It was withdrawn")])
async def test_what_is_over_says_since_when(page: Page, closed: bool, word: str) -> None:
    over = replace(
        alert("a1"), state=AlertState.RESOLVED, resolved_at=NOW + timedelta(minutes=2), closed=closed
    )
    await keep(page.store, alerts=(over,))
    for status, text in ((await page.get(link()))[:2], await press(page, link(), "Ada")):
        assert status == 409
        assert f"{word} at 2026-03-10 12:02:00 UTC" in text
    assert said(page) is None


async def test_a_name_is_remembered_for_the_next_alert_and_may_be_anything_on_one_line(page: Page) -> None:
    async with page.session.post(page.url + link(), data={"by": 'Zoë "B" <i>'}) as answer:
        cookie = answer.headers["Set-Cookie"]
    assert all(word in cookie for word in ("; HttpOnly", "; Secure", "; SameSite=Lax", "; Path=/"))
    text = (await page.get(link("e7"), Cookie=cookie.partition(";")[0]))[1]
    assert 'value="Zoë &#34;B&#34; &lt;i&gt;"' in text
    for name in ("a\nb", "x" * 101, "\u202ename"):
        assert (await press(page, link("e7"), name))[0] == 400
    assert said(page, "e0") is None
    assert (await page.get(link("e7"), Cookie="watcher-name=%00%zz"))[0] == 200


async def test_whoever_tries_words_is_told_to_wait_and_the_log_says_so_once(
    page: Page, caplog: pytest.LogCaptureFixture
) -> None:
    codes = [(await page.get(f"/a/d1?t={number:040x}"))[0] for number in range(12)]
    assert codes == [403] * 10 + [429] * 2
    assert (await page.get(link()))[0] == 200
    assert caplog.text.count("a forged link to acknowledge was refused, from this machine") == 1


async def test_the_link_of_a_test_message_shows_that_links_work_and_does_nothing(page: Page) -> None:
    for status, text in ((await page.get(link(purpose="test")))[:2], await press(page, link(purpose="test"))):
        assert (status, "Links work" in text, "<button>" in text) == (200, True, False)
    assert said(page) is None


async def test_a_link_is_no_way_to_the_page(page: Page) -> None:
    await press(page, link(), "Ada")
    assert (await page.get("/alerts/a1"))[0] == 401
    assert (await page.get("/api/v1/alerts"))[0] == 401


async def test_the_answer_has_the_headers_of_every_page(page: Page) -> None:
    _, text, headers = await page.get(link())
    assert headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert (headers["Referrer-Policy"], headers["Cache-Control"]) == ("no-referrer", "no-store")
    assert not re.search(r"<script|style=|//[a-z]", text.replace(URL, ""))


async def test_under_a_path_it_works_whether_the_proxy_takes_the_path_off_or_not(tmp_path: Path) -> None:
    async with serving(tmp_path, token=TOKEN, more={"url": f"{URL}/watcher"}) as page:
        await keep(page.store, alerts=(alert("a1"),), deliveries=(FIRED, MOVED))
        for path in (link(), f"/watcher{link()}"):
            status, text, _ = await page.get(path)
            assert (status, 'href="../static/style.css"' in text) == (200, True)
        for path in ("/static/style.css", "/watcher/static/style.css"):
            assert (await page.get(path))[0] == 200
        assert (await press(page, f"/watcher{link()}", "Ada"))[0] == 200
        assert (await press(page, link("e7"), "Ada"))[0] == 200


@pytest.mark.parametrize("more", [{}, {"url": URL, "ack_links": False}])
async def test_where_there_are_no_links_there_is_nothing_to_open(
    tmp_path: Path, more: dict[str, object]
) -> None:
    async with serving(tmp_path, token=TOKEN, more=more) as page:
        await keep(page.store, alerts=(alert("a1"),), deliveries=(FIRED,))
        assert (await page.get(link()))[0] == 404
        assert (await press(page, link(), "Ada"))[0] == 404
        assert said(page) is None


async def test_without_a_token_the_public_name_is_answered_and_no_other(tmp_path: Path) -> None:
    more = {"url": f"{URL}:8443", "link_key": "a-key-of-links-alone"}
    async with serving(tmp_path, more=more) as page:
        await keep(page.store, alerts=(alert("a1"),), deliveries=(FIRED,))
        path = f"/a/d1?t={LinkSigner('a-key-of-links-alone').word('d1', NOW + LASTS)}"
        for host, status in (
            ("watch.example.org", 200),
            ("Watch.Example.org:8443", 200),
            ("evil.example", 421),
        ):
            assert (await page.get(path, Host=host))[0] == status
            assert (await page.get("/alerts/a1", Host=host))[0] == status
        assert (await press(page, path, "Ada", Host="evil.example"))[0] == 421
        assert (await press(page, path, "Ada", Host="watch.example.org"))[0] == 200
