"""What strangers send that is no proper request: refused with a reason, never a fault, never in the log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.web.given import Page, fill, serving

TOKEN = "a-long-enough-token"
URLENCODED = "application/x-www-form-urlencoded"
FORM = "multipart/form-data; boundary=x"


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with serving(tmp_path, token=TOKEN) as page:
        await fill(page.store)
        await page.session.post(page.url + "/login", data={"token": TOKEN})
        yield page


async def sent(page: Page, request: bytes) -> tuple[int, str]:
    """Send these bytes; the status and the body of the answer."""
    host, _, port = page.url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    async with asyncio.timeout(10):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1]), body.decode()


@pytest.mark.parametrize("path", ["/login", "/alerts/ack", "/alerts/silence"])
@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        (FORM, b'--x\r\nContent-Disposition: form-data; name="token"\r\n\r\nfoo', 415),
        ("multipart/form-data", b"x", 415),
        ("application/json", b'{"token": 1}', 415),
        ("", b"token=x", 415),
        (f"{URLENCODED}; charset=nonsense", b"token=%ff", 400),
        (URLENCODED, b"token=\xff\xfe", 400),
        (URLENCODED, b"token=" + b"x" * 40_000, 413),
    ],
)
async def test_a_form_that_cannot_be_read_is_refused(
    page: Page, path: str, kind: str, body: bytes, status: int
) -> None:
    headers = {"Content-Type": kind}
    async with page.session.post(page.url + path, data=body, headers=headers) as answer:
        assert (answer.status, bool((await answer.text()).strip())) == (status, True)
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "header", [b"Authorization: Bearer \xff\xfe", b"Cookie: watcher=\xff\xfe", b"Authorization: \xff"]
)
async def test_a_token_that_is_no_text_is_a_wrong_one(page: Page, header: bytes) -> None:
    request = b"GET /api/v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + header + b"\r\n\r\n"
    status, body = await sent(page, request)
    assert status == 401
    assert "token" in body


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /api/v1/status HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + TOKEN.encode() + b"\0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_refused_and_leaves_no_trace_in_the_log(
    page: Page, request_bytes: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await sent(page, request_bytes))[0] == 400
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/wallets?page=0", 400), ("/wallets?page=9999999", 400), ("/wallets?sort=luck", 400),
        ("/wallets?q=a&q=b", 400), ("/outbox?state=lost", 400), ("/?x=1", 400), ("/alerts?limit=5", 400),
        ("/wallets/%00", 404), ("/wallets/%ff", 404), ("/alerts/%ff", 404), ("/alerts/" + "a" * 5000, 404),
        ("/static/..%2fserver.py", 404), ("/static/%2e%2e/server.py", 404), ("/nothing", 404),
    ],
)  # fmt: skip
async def test_a_page_that_cannot_be_is_refused_with_a_reason_in_plain_words(
    page: Page, path: str, status: int
) -> None:
    found, text, headers = await page.get(path)
    assert found == status
    assert text.strip()
    assert "{" not in text
    assert headers["Content-Type"].startswith("text/plain")
