"""E-mail through a real SMTP server: plain, with STARTTLS, and with a login."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword

from tests.certificates import self_signed
from tests.notify.given import HOSTILE, PICTURE, delivery
from watcher.domain.messages.delivery import NotSent, Sent
from watcher.domain.messages.message import Kind
from watcher.notify.apprise.settings import AppriseSettings
from watcher.ports.channel import Presentation


class Mailbox:
    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refuse = ""

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        if self.refuse:
            return self.refuse
        content = cast(bytes, envelope.content)
        self.mails.append(email.message_from_bytes(content, policy=email.policy.default))
        return "250 taken"


@asynccontextmanager
async def smtp(mailbox: Mailbox, **options: Any) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(mailbox, hostname="localhost", **options), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


def login(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (b"watcher", b"hunter22")
    return AuthResult(success=right)


async def told(url: str, *deliveries: Any) -> object:
    settings = AppriseSettings.model_validate({"url": url, "timeout": "5s"})
    return await settings.build("treasurer").send(deliveries or [delivery(1)])


async def test_a_mail_has_the_title_as_subject_and_the_facts_in_html() -> None:
    mailbox = Mailbox()
    async with smtp(mailbox) as port:
        assert await told(f"mailto://127.0.0.1:{port}?from=w@example.com&to=t@example.com") == Sent()

    mail = mailbox.mails[0]
    html = mail.get_body(("html",))
    assert mail["subject"] == "warning, change: treasury-hot: ETH moved, number 1"
    assert html is not None
    assert "<b>Before:</b> 12.5 ETH<br>" in html.get_content()
    assert "<code>dlv-0001</code>" in html.get_content()


async def test_a_hostile_name_is_text_in_a_mail_and_adds_no_header() -> None:
    mailbox = Mailbox()
    evil = HOSTILE + "\r\nBcc: thief@example.com"
    async with smtp(mailbox) as port:
        url = f"mailto://127.0.0.1:{port}?from=w@example.com&to=t@example.com"
        assert await told(url, delivery(1, title=evil, facts=((evil, evil),))) == Sent()

    html = mailbox.mails[0].get_body(("html",))
    assert html is not None
    assert mailbox.mails[0]["bcc"] is None
    assert "<b>x</b>" not in html.get_content()
    assert "&lt;b&gt;x&lt;/b&gt;" in html.get_content()


@pytest.mark.parametrize(("password", "arrives"), [("hunter22", True), ("wrong-one", False)])
async def test_starttls_with_a_login(password: str, arrives: bool, tmp_path: Path) -> None:
    mailbox = Mailbox()
    options = {"tls_context": self_signed(tmp_path), "authenticator": login, "auth_required": True}
    async with smtp(mailbox, **options) as port:
        query = "from=w@example.com&to=t@example.com&mode=starttls&verify=no"
        result = await told(f"mailtos://watcher:{password}@127.0.0.1:{port}?{query}")

    assert isinstance(result, Sent) is arrives
    assert len(mailbox.mails) == arrives
    assert password not in repr(result)


async def test_a_server_that_refuses_the_mail_is_a_failure() -> None:
    mailbox = Mailbox()
    mailbox.refuse = "451 later"
    async with smtp(mailbox) as port:
        result = await told(f"mailto://127.0.0.1:{port}?from=w@example.com&to=t@example.com")

    assert isinstance(result, NotSent)
    assert "t@example.com" not in result.detail


async def test_no_server_is_a_failure() -> None:
    async with smtp(Mailbox()) as port:
        url = f"mailto://127.0.0.1:{port}?from=w@example.com&to=t@example.com"

    assert isinstance(await told(url), NotSent)


async def test_a_burst_is_one_mail() -> None:
    mailbox = Mailbox()
    async with smtp(mailbox) as port:
        url = f"mailto://127.0.0.1:{port}?from=w@example.com&to=t@example.com"
        assert await told(url, *(delivery(n) for n in range(200))) == Sent()

    assert len(mailbox.mails) == 1
    assert mailbox.mails[0]["subject"] == "warning, change: treasury-hot: ETH moved, number 0 (+199 more)"


async def test_a_picture_comes_with_the_mail() -> None:
    box = Mailbox()
    async with smtp(box) as port:
        url = f"mailto://127.0.0.1:{port}/?from=watcher@example.org&to=ops@example.org&mode=insecure"
        settings = AppriseSettings.model_validate({"url": url, "timeout": "5s", "pictures": True})
        channel = settings.build("mail", Presentation(lambda _: [PICTURE]))
        assert await channel.send([delivery()]) == Sent()
    (mail,) = box.mails
    (picture,) = mail.iter_attachments()
    assert picture.get_content_type() == "image/png"
    assert picture.get_content() == b"\x89PNG one"


async def course(*deliveries: Any) -> list[EmailMessage]:
    """The mails of these deliveries, each sent on its own."""
    box = Mailbox()
    async with smtp(box) as port:
        for each in deliveries:
            assert (
                await told(f"mailto://127.0.0.1:{port}?from=w@example.com&to=t@example.com", each) == Sent()
            )
    return box.mails


async def test_mails_about_one_alert_are_one_thread_and_no_absence_note_answers_them() -> None:
    kinds = (Kind.FIRING, Kind.REPEAT, Kind.RESOLVED)
    mails = await course(*(delivery(n, kind=kind, alert="a1") for n, kind in enumerate(kinds)))
    (other,) = await course(delivery(9, kind=Kind.FIRING, alert="a2"))

    threads = {mail["references"] for mail in mails}
    assert threads == {mail["in-reply-to"] for mail in mails} == {"<alert.a1@example.com>"}
    assert other["references"] == "<alert.a2@example.com>"
    assert {mail["auto-submitted"] for mail in (*mails, other)} == {"auto-generated"}
    assert len({mail["message-id"] for mail in mails}) == 3


async def test_a_repeat_of_a_delivery_has_the_same_message_id() -> None:
    first, second, other = await course(delivery(1), delivery(1), delivery(2))

    assert first["message-id"] == second["message-id"] == "<dlv-0001@example.com>"
    assert other["message-id"] != first["message-id"]
    assert first["references"] is None, "what nothing follows begins no thread"


async def test_the_plain_part_of_a_mail_has_one_fact_a_line_and_a_whole_footer() -> None:
    (mail,) = await course(delivery(1, kind=Kind.FIRING, alert="ea650b65aabbccdd"))

    plain = mail.get_body(("plain",))
    assert plain is not None
    assert plain.get_content().splitlines() == [
        "Before: 12.5 ETH",
        "After: 10 ETH",
        "rule hot-wallet-moved · alert ea650b65 · delivery dlv-0001",
    ]
