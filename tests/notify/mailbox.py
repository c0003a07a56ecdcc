"""A mail server on loopback that keeps what arrives."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.smtp import SMTP, Envelope

from tests.notify.given import delivery
from watcher.domain.messages.delivery import Sent
from watcher.domain.records import replace
from watcher.notify.apprise.settings import AppriseSettings


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


async def told(url: str, *deliveries: Any) -> object:
    settings = AppriseSettings.model_validate({"url": url, "timeout": "5s"})
    return await settings.build("treasurer").send(deliveries or [delivery(1)])


async def course(*deliveries: Any) -> list[EmailMessage]:
    """The mails of these deliveries, each sent on its own and knowing what was sent of its alert before."""
    box, first = Mailbox(), dict[str, str]()
    async with smtp(box) as port:
        for each in deliveries:
            url = f"mailto://127.0.0.1:{port}?from=w@example.com&to=t@example.com"
            result = await told(url, replace(each, thread=first.get(each.message.id, "")))
            assert isinstance(result, Sent)
            first.setdefault(each.message.id, result.receipt)
    return box.mails
