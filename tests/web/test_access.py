"""Who may what: tokens of their own names, sign-on by a proxy, and people who may only look."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from tests.web.given import Page, fill, serving
from watcher.domain.audit import AuditFilter

TOKEN = "a-long-enough-token"
ADA = "the-token-of-ada-who-acts"
WALL = "the-token-of-a-screen-on-a-wall"
TOKENS = {"ada": {"token": ADA, "may": "act"}, "wall": {"token": WALL}}
SIGN_ON = {"header": "Remote-User", "act": ["zoë"]}
STATUS = "/api/v1/status"
ACK = "/alerts/ack"
HTML = {"Accept": "text/html"}


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with serving(tmp_path, token=TOKEN, more={"tokens": TOKENS}) as page:
        await fill(page.store)
        yield page


@pytest.fixture
async def behind(tmp_path: Path) -> AsyncIterator[Page]:
    """Behind a proxy on this machine that says who asks; there is no token."""
    async with serving(tmp_path, proxies=["127.0.0.1"], more={"sign_on": SIGN_ON}) as page:
        await fill(page.store)
        yield page


async def enter(page: Page, token: str) -> None:
    page.session.cookie_jar.clear()
    async with page.session.post(page.url + "/login", data={"token": token}) as answer:
        assert answer.status == 200


async def acknowledge(page: Page, headers: Mapping[str, str] = HTML, **form: str) -> tuple[int, str]:
    form = {"id": "a1", **form}
    async with page.session.post(page.url + ACK, data=form, headers=headers, allow_redirects=False) as answer:
        return answer.status, await answer.text()


async def word(page: Page, **headers: str) -> str:
    _, text, _ = await page.get("/alerts/a1", Accept="text/html", **headers)
    return next(iter(re.findall(rf'name="form_token" value="([0-9a-f]+)" formaction="{ACK}"', text)), "")


def acknowledged_by(page: Page) -> str:
    with page.store.queries() as reader:
        alert = reader.alert("a1")
    return alert.acknowledged.by if alert is not None and alert.acknowledged is not None else ""


@pytest.mark.parametrize("token", [TOKEN, ADA, WALL])
async def test_each_token_opens_the_page_and_the_json(page: Page, token: str) -> None:
    assert (await page.get(STATUS, Authorization=f"Bearer {token}"))[0] == 200
    await enter(page, token)
    assert (await page.get("/"))[0] == 200


async def test_who_may_only_look_sees_all_and_is_shown_no_form(page: Page) -> None:
    await enter(page, WALL)
    for path in ("/", "/wallets", "/wallets/hot", "/alerts", "/alerts/a1", "/outbox"):
        status, text, _ = await page.get(path)
        assert status == 200
        actions = re.findall(r'<form[^>]*method="post"[^>]*action="([^"]*)"', text)
        assert [each for each in actions if each != "/logout"] == [], path
    assert (await page.json(STATUS))["accounts"]


async def test_who_may_only_look_is_told_so_in_the_pages_own_style(page: Page) -> None:
    await enter(page, WALL)
    status, text = await acknowledge(page, by="Ada")
    assert status == 403
    assert "You may look here, and not act." in text
    assert 'href="/static/style.css"' in text
    assert 'href="/"' in text
    assert acknowledged_by(page) == ""


async def test_a_form_of_one_login_is_of_no_use_to_another(page: Page) -> None:
    await enter(page, ADA)
    of_ada = await word(page)
    await enter(page, TOKEN)
    assert (await acknowledge(page, form_token=of_ada, by="Bob"))[0] == 403
    await enter(page, WALL)
    assert (await acknowledge(page, form_token=of_ada, by="Bob"))[0] == 403
    assert acknowledged_by(page) == ""


async def test_a_script_acts_by_its_token_and_one_that_may_look_does_not(page: Page) -> None:
    by = "deploy script"
    assert (await acknowledge(page, {"Authorization": f"Bearer {WALL}"}, by=by))[0] == 403
    assert acknowledged_by(page) == ""
    assert (await acknowledge(page, {"Authorization": f"Bearer {ADA}"}, by=by))[0] == 303
    assert acknowledged_by(page) == by


async def test_a_session_ends_with_its_token_and_no_other_does(tmp_path: Path) -> None:
    more = {"tokens": {"ada": {"token": ADA, "may": "act"}, "bob": {"token": WALL, "may": "act"}}}
    async with serving(tmp_path, more=more) as page:
        await fill(page.store)
        cookies = []
        for token in (ADA, WALL):
            await enter(page, token)
            cookies.append(next(each.value for each in page.session.cookie_jar if each.key == "watcher"))
    async with serving(tmp_path, more={"tokens": {"bob": {"token": WALL}}}) as page:
        statuses = [(await page.get("/", Cookie=f"watcher={each}"))[0] for each in cookies]
        assert statuses == [401, 200]
        page.session.cookie_jar.update_cookies({"watcher": cookies[1]})
        assert await word(page) == "", "what a token may is asked anew each time"


async def test_a_name_that_was_typed_once_is_there_the_next_time(page: Page) -> None:
    await enter(page, TOKEN)
    assert (await acknowledge(page, form_token=await word(page), by="Zoë B"))[0] == 303
    _, text, _ = await page.get("/alerts/a1")
    assert 'value="Zoë B"' in text


async def test_a_token_of_a_name_fills_the_name_in_until_somebody_types_their_own(page: Page) -> None:
    await enter(page, ADA)
    _, text, _ = await page.get("/alerts/a1")
    assert 'value="ada"' in text


async def test_who_signed_on_acts_by_their_name_and_is_asked_for_none(behind: Page) -> None:
    me = {"Remote-User": "zoë"}
    _, text, _ = await behind.get("/alerts/a1", **me)
    assert 'name="by"' not in text
    assert "/logout" not in text
    form = {"form_token": await word(behind, **me), "by": "somebody else"}
    assert (await acknowledge(behind, {**HTML, **me}, **form))[0] == 303
    assert acknowledged_by(behind) == "zoë"


async def test_who_signed_on_and_is_not_named_may_only_look(behind: Page) -> None:
    assert await word(behind, **{"Remote-User": "bob"}) == ""
    of_zoe = await word(behind, **{"Remote-User": "zoë"})
    headers = {**HTML, "Remote-User": "bob"}
    assert (await acknowledge(behind, headers, form_token=of_zoe, by="zoë"))[0] == 403
    assert acknowledged_by(behind) == ""


@pytest.mark.parametrize("headers", [{}, {"Remote-User": ""}])
async def test_whom_the_proxy_does_not_name_is_nobody(behind: Page, headers: dict[str, str]) -> None:
    for path, kind in (("/", "text/html"), (STATUS, "application/json"), ("/metrics", "text/plain")):
        status, text, found = await behind.get(path, Accept=kind, **headers)
        assert (status, found["Content-Type"].startswith(kind)) == (403, True)
        assert "nobody says who you are" in text.lower()
    assert (await behind.get("/login", Accept="text/html"))[0] == 404, "there is nothing to log in with"


@pytest.mark.parametrize("name", ["zoë, mallory", "zo\u202eë", "x" * 101])
async def test_a_name_that_is_not_clear_is_refused(behind: Page, name: str) -> None:
    assert (await behind.get("/", **{"Remote-User": name}))[0] == 400


async def test_a_header_that_comes_twice_is_refused(behind: Page) -> None:
    headers = [("Remote-User", "zoë"), ("Remote-User", "mallory")]
    async with behind.session.get(behind.url + "/", headers=headers) as answer:
        assert (answer.status, "came twice" in await answer.text()) == (400, True)


async def test_a_header_from_elsewhere_is_not_believed_and_the_log_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    more = {"sign_on": SIGN_ON, "tokens": TOKENS}
    async with serving(tmp_path, proxies=["10.0.0.5"], more=more) as page:
        await fill(page.store)
        for claim in ({}, {"X-Forwarded-For": "10.0.0.5"}, {"Forwarded": "for=10.0.0.5"}):
            headers = {"Remote-User": "zoë", **claim}
            assert (await page.get("/", **headers))[0] == 401
            assert (await page.get(STATUS, **headers))[0] == 401
            assert (await acknowledge(page, headers, by="zoë"))[0] == 401
    assert caplog.text.count("Remote-User is not believed of this machine") == 1


async def test_behind_a_sign_on_a_script_that_is_not_signed_on_may_have_a_token(tmp_path: Path) -> None:
    more = {"sign_on": SIGN_ON, "tokens": TOKENS}
    async with serving(tmp_path, proxies=["127.0.0.1"], more=more) as page:
        await fill(page.store)
        assert (await page.get(STATUS, Authorization=f"Bearer {WALL}"))[0] == 200
        assert (await page.get("/", Accept="text/html"))[0] == 401
        # oauth2-proxy and others hand their own tokens on: who is signed on is asked for nothing else
        headers = {"Remote-User": "bob", "Authorization": "Bearer eyJ-of-another-service"}
        assert [(await page.get(STATUS, **headers))[0] for _ in range(12)] == [200] * 12


async def test_the_audit_log_says_whose_token_it_was_and_from_where_it_came(tmp_path: Path) -> None:
    async with serving(tmp_path, proxies=["127.0.0.1"], more={"tokens": TOKENS}) as page:
        await fill(page.store)
        await enter(page, ADA)
        form = {"form_token": await word(page), "by": "Bob"}
        headers = {**HTML, "X-Forwarded-For": "198.51.100.7, 203.0.113.9"}
        assert (await acknowledge(page, headers, **form))[0] == 303
        with page.store.queries() as reader:
            entry, *_ = reader.audit(AuditFilter(), 1)
    assert (entry.actor.name, entry.actor.via) == ("Bob", "page, token ada")
    assert entry.actor.address == "203.0.113.9", "as the proxy says, and nobody before it"


@pytest.mark.parametrize(
    ("headers", "via"),
    [
        ({"Authorization": f"Bearer {TOKEN}"}, "page"),
        ({"Authorization": f"Bearer {ADA}"}, "page, token ada"),
        ({"Remote-User": "ada"}, "page, sign-on"),
    ],
)
async def test_whoever_types_the_name_of_another_is_told_from_them_in_the_audit_log(
    tmp_path: Path, headers: dict[str, str], via: str
) -> None:
    more = {"tokens": TOKENS, "sign_on": {"header": "Remote-User", "may": "act"}}
    async with serving(tmp_path, token=TOKEN, proxies=["127.0.0.1"], more=more) as page:
        await fill(page.store)
        form = {"form_token": await word(page, **headers), "by": "ada"}
        assert (await acknowledge(page, {**HTML, **headers}, **form))[0] == 303
        with page.store.queries() as reader:
            entry, *_ = reader.audit(AuditFilter(), 1)
    assert (entry.actor.name, entry.actor.via) == ("ada", via)
