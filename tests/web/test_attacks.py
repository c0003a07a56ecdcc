"""Attacks: every address that is answered, tried by each kind of caller, and what another site can send.

The addresses are the application's own list: a new one that is not protected is found here.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.contract.given import NOW
from tests.web.given import Page, fill, serving
from watcher.domain.audit import AuditFilter
from watcher.domain.messages.ack_links import LASTS, LinkSigner
from watcher.domain.model import Account
from watcher.ports.on_demand import Demanded

ACT, VIEW = "the-token-of-ada-who-acts", "the-token-of-a-screen-on-a-wall"
KEY = "a-key-for-links-and-nothing-else"
TOKENS = {"ada": {"token": ACT, "may": "act"}, "wall": {"token": VIEW}}
MORE = {
    "tokens": TOKENS,
    "sign_on": {"header": "Remote-User", "act": ["zoe"]},
    "url": "https://watch.example.org",
    "link_key": KEY,
}
BROWSER = {"Accept": "text/html"}
SENT = {"by": "Mallory", "id": "a1", "wallet": "hot", "channel": "ops", "rule": "*", "for": "2h"}

FOR_ALL = {
    ("GET", "/healthz"), ("GET", "/login"), ("POST", "/login"), ("POST", "/logout"),
    ("GET", "/static/{name}"), ("GET", "/a/{delivery}"), ("POST", "/a/{delivery}"), ("POST", "/hints/{name}"),
}  # fmt: skip
"""What is answered whoever asks. Nothing is added here without a reason: each has a proof of its own, or
shows nothing."""
PARTS = {"name": "hot", "id": "a1", "delivery": "d1", "chain": "ethereum", "token": "ethereum"}


class Demands:
    """Whoever is wanted read now: nobody here may ask for that."""

    def cost(self, accounts: Sequence[Account]) -> Mapping[str, int]:
        return {each.source: 40 for each in accounts}

    async def demand(self, accounts: Sequence[Account]) -> Mapping[str, str]:
        raise AssertionError(accounts)

    def demanded(self, account: Account) -> Demanded | None:
        return None


@asynccontextmanager
async def guarded(folder: Path, proxy: str = "127.0.0.1", **more: Any) -> AsyncIterator[Page]:
    polls, settings = Demands(), {**MORE, **more}
    async with serving(folder, proxies=[proxy], more=settings, polls=lambda _store, _clock: polls) as page:
        await fill(page.store)
        page.session.cookie_jar.clear()
        yield page


def addresses(page: Page, methods: Sequence[str] = ("GET", "POST")) -> Iterator[tuple[str, str, str]]:
    """Method, address as the application knows it, and one such address."""
    found = dict.fromkeys(page.server.routes)
    assert len(found) > 30, "this is the whole list"
    for method, route in found:
        if method in methods:
            yield method, route, re.sub(r"\{(\w+)\}", lambda part: PARTS[part[1]], route)


async def ask(
    page: Page, method: str, path: str, headers: Mapping[str, str] = BROWSER, data: object = None
) -> tuple[int, str, Mapping[str, str]]:
    async with page.session.request(
        method, page.url + path, headers=headers, data=data, allow_redirects=False
    ) as answer:
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"], path
        assert answer.headers["X-Frame-Options"] == "DENY", path
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        assert answer.headers["Referrer-Policy"] in ("same-origin", "no-referrer"), path
        assert answer.headers["Server"] == "watcher", path
        return answer.status, await answer.text(errors="replace"), answer.headers


async def cookie_of(page: Page, token: str) -> dict[str, str]:
    """The headers of a browser that logged in."""
    async with page.session.post(page.url + "/login", data={"token": token}, allow_redirects=False) as answer:
        cookie = answer.cookies["watcher"].value
    page.session.cookie_jar.clear()
    return {**BROWSER, "Cookie": f"watcher={cookie}"}


def changed(page: Page) -> bool:
    """Whether anything was done, but for what Ann did before."""
    with page.store.queries() as reader:
        alert = reader.alert("a1")
        assert alert is not None
        done = [each for each in reader.audit(AuditFilter(), 10) if each.actor.name != "ann"]
        return bool(alert.acknowledged or reader.silences() or done)


async def callers(page: Page, kind: str) -> dict[str, str]:
    signed_on = {"sign-on view": "bob", "sign-on act": "zoe"}
    if kind in signed_on:
        return {**BROWSER, "Remote-User": signed_on[kind]}
    if kind in ("session view", "session act"):
        return await cookie_of(page, ACT if kind.endswith("act") else VIEW)
    tokens = {"token view": VIEW, "token act": ACT, "token wrong": "not-a-token"}
    if kind in tokens:
        return {**BROWSER, "Authorization": f"Bearer {tokens[kind]}"}
    if kind == "session forged":
        return {**BROWSER, "Cookie": "watcher=" + "A" * 43}
    return BROWSER


VIEWERS = ("session view", "token view", "sign-on view")
ACTORS = ("session act", "sign-on act")
NOBODIES = ("nobody", "session forged")


@pytest.mark.parametrize("kind", [*VIEWERS, *ACTORS, "token act"])
async def test_who_may_look_sees_every_page(tmp_path: Path, kind: str) -> None:
    async with guarded(tmp_path) as page:
        headers = await callers(page, kind)
        for method, route, path in addresses(page, ["GET"]):
            status, text, _ = await ask(page, method, path, headers)
            assert status in (200, 404) or route == "/a/{delivery}", (path, status)
            assert "You may look here" not in text or kind in VIEWERS


@pytest.mark.parametrize("kind", NOBODIES)
async def test_nobody_sees_or_does_anything_but_what_is_for_all(tmp_path: Path, kind: str) -> None:
    async with guarded(tmp_path) as page:
        headers = await callers(page, kind)
        for method, route, path in addresses(page):
            status, text, _ = await ask(page, method, path, headers, SENT if method == "POST" else None)
            if (method, route) not in FOR_ALL:
                assert status == 401, (method, path)
            assert "30.00000" not in text
            assert "gas-low" not in text, (method, path)
        assert not changed(page)


@pytest.mark.parametrize(
    "claim",
    [
        {}, {"X-Forwarded-For": "10.0.0.5"}, {"X-Forwarded-For": "10.0.0.5, 10.0.0.5"},
        {"X-Real-IP": "10.0.0.5"}, {"Forwarded": "for=10.0.0.5"}, {"Via": "1.1 10.0.0.5"},
    ],
)  # fmt: skip
async def test_who_claims_to_be_signed_on_and_is_no_proxy_is_nobody(
    tmp_path: Path, claim: dict[str, str]
) -> None:
    async with guarded(tmp_path, "10.0.0.5") as page:
        headers = {**BROWSER, "Remote-User": "zoe", **claim}
        for method, route, path in addresses(page):
            status, _, _ = await ask(page, method, path, headers, SENT if method == "POST" else None)
            if (method, route) not in FOR_ALL:
                assert status == 401, (method, path)
        assert not changed(page)


@pytest.mark.parametrize("kind", VIEWERS)
async def test_who_may_look_does_nothing(tmp_path: Path, kind: str) -> None:
    async with guarded(tmp_path) as page:
        headers = await callers(page, kind)
        for method, route, path in addresses(page, ["POST"]):
            if (method, route) not in FOR_ALL:
                status, text, _ = await ask(page, method, path, headers, SENT)
                assert (status, "You may look here, and not act" in text) == (403, True), path
        assert not changed(page)


@pytest.mark.parametrize("kind", ACTORS)
async def test_nothing_is_done_without_the_word_of_its_own_form(tmp_path: Path, kind: str) -> None:
    async with guarded(tmp_path) as page:
        headers = await callers(page, kind)
        _, text, _ = await ask(page, "GET", "/alerts/a1", headers)
        words = dict(map(reversed, re.findall(r'value="([0-9a-f]{64})" formaction="([^"]+)"', text)))
        assert {"/alerts/ack", "/alerts/silence"} <= set(words)
        for method, route, path in addresses(page, ["POST"]):
            if (method, route) in FOR_ALL:
                continue
            others = [word for where, word in words.items() if where != path]
            for word in ("", "0" * 64, *others):
                status, _, _ = await ask(page, method, path, headers, {**SENT, "form_token": word})
                assert status == 403, (path, word)
            for crossing in (
                {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
                {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "https://watch.example.org.evil"},
                {"Origin": "http://127.0.0.1:1"},
            ):  # fmt: skip
                form = {**SENT, "form_token": words.get(path, "")}
                status, text, _ = await ask(page, method, path, {**headers, **crossing}, form)
                assert status == 403, (path, crossing)
                assert "another site sent this" in text
                assert 'name="form_token"' not in text, "nothing of it is offered again"
        assert not changed(page)


@pytest.mark.parametrize("path", ["/login", "/logout"])
async def test_another_site_logs_nobody_in_or_out(tmp_path: Path, path: str) -> None:
    async with guarded(tmp_path) as page:
        headers = await cookie_of(page, ACT)
        crossing = {**headers, "Sec-Fetch-Site": "cross-site"}
        status, _, found = await ask(page, "POST", path, crossing, {"token": VIEW})
        assert (status, "Set-Cookie" in found) == (403, False)
        assert (await ask(page, "GET", "/", headers))[0] == 200


async def test_a_page_that_asks_nobody_lets_nobody_act_and_has_no_other_name(tmp_path: Path) -> None:
    async with serving(tmp_path) as page:
        await fill(page.store)
        for method, route, path in addresses(page):
            strange = {**BROWSER, "Host": "rebound.example.org"}
            if not route.startswith("/hints/"):
                assert (await ask(page, method, path, strange))[0] == 421, path
            if method == "POST" and not route.startswith(("/hints/", "/a/")):
                assert (await ask(page, method, path, BROWSER, SENT))[0] == 403, path
        assert not changed(page)


async def test_a_strange_host_is_written_into_no_answer(tmp_path: Path) -> None:
    async with guarded(tmp_path) as page:
        signer = LinkSigner(KEY)
        link = f"/a/d1?t={signer.word('d1', NOW + LASTS)}"
        for headers in (BROWSER, {**BROWSER, "Remote-User": "zoe"}):
            for method, _, path in (*addresses(page), ("GET", "", "/nothing"), ("GET", "", link)):
                told = {**headers, "Host": "evil.example", "X-Forwarded-Host": "evil.example"}
                _, text, found = await ask(page, method, path, told)
                assert "evil.example" not in text, path
                assert "evil.example" not in found.get("Location", ""), path


async def test_an_ill_meant_name_is_only_text_on_every_page(tmp_path: Path) -> None:
    async with guarded(tmp_path) as page:
        headers = {**BROWSER, "Remote-User": "zoe"}
        pages = 0
        for method, _, path in addresses(page, ["GET"]):
            status, text, found = await ask(page, method, path, headers)
            if found["Content-Type"].startswith("text/html"):
                pages += status == 200
                assert "<script>alert" not in text, path
                assert "\u202e" not in text, path
                assert "xxxxxxxxxx" * 200 not in text, path
        assert pages > 10


async def test_a_name_by_sign_on_is_only_text(tmp_path: Path) -> None:
    async with guarded(tmp_path) as page:
        headers = {**BROWSER, "Remote-User": "<script>alert(1)</script>"}
        for method, _, path in addresses(page, ["GET"]):
            _, text, found = await ask(page, method, path, headers)
            if found["Content-Type"].startswith("text/html"):
                assert "<script>alert" not in text, path
