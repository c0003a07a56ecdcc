"""Channel to Discord by a bot, over its documented HTTP API (version 10).

Facts are from https://docs.discord.com/developers/resources/message. A repeat within minutes is harmless: the
nonce is the same, and Discord then answers with the message that is there.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from pydantic import SecretStr

from watcher import __version__
from watcher.domain.alerts.lifecycle import short_id
from watcher.domain.messages.delivery import Delivery, Fault, NotSent, SendResult, Sent
from watcher.domain.messages.message import Kind, Severity
from watcher.notify.files import files_for, left_out
from watcher.notify.http_client import ServiceClient
from watcher.notify.markup import MARKDOWN, Space, plain, render
from watcher.notify.notice import COLOURS, tone
from watcher.notify.refusals import ServiceRefusal
from watcher.notify.threads import MessagePlace, alerts_in, ended, followed, place_of
from watcher.notify.urgency import QUIET, Urgency, loudest
from watcher.ports.channel import Attachment, Presentation
from watcher.system.http_client import aiohttp

MOST_CONTENT, MOST_DESCRIPTION = 2000, 4096
MOST_MARKED = 10
"""First messages that are marked as over after one notification."""

SUPPRESS_NOTIFICATIONS = 1 << 12
NOBODY: Mapping[str, Any] = {"allowed_mentions": {"parse": []}}

_GONE = "Unknown Message"


def units(text: str) -> int:
    """How long Discord may find a text: of the two ways to count, the one that finds more."""
    return len(text.encode("utf-16-le")) // 2


def message_of(deliveries: Sequence[Delivery], shown: Presentation, sign: str = "") -> dict[str, Any]:
    """One notification: the title as the text that telephones show, the facts in an embed with its colour."""
    text = render(deliveries, MARKDOWN, Space(MOST_DESCRIPTION, MOST_CONTENT, units), shown)
    title = MARKDOWN.title(f"{sign}{text.title}")
    while units(title) > MOST_CONTENT:
        title = title[: MOST_CONTENT // 2]
    embed = {"description": text.body, "color": int(COLOURS[tone(deliveries)][1:], 16)}
    return {"content": title, "embeds": [embed], **NOBODY}


class DiscordChannel:
    """Channel to one channel of Discord."""

    burst = 3

    def __init__(
        self,
        name: str,
        http: ServiceClient,
        token: SecretStr,
        channel: str,
        shown: Presentation,
        priority: Mapping[Severity, Urgency],
    ) -> None:
        self.name = name
        self._http, self._token, self._channel = http, token, channel
        self._shown, self._priority = shown, priority

    def remember(self, facts: Mapping[str, str]) -> None:
        """What there is to know stands in the receipts."""

    async def send(self, deliveries: Sequence[Delivery]) -> SendResult:
        """One message. Once Discord has it, it is sent: that an earlier one is not marked is a remark."""
        message, files = (
            self._message(deliveries),
            await asyncio.to_thread(files_for, deliveries, self._shown),
        )
        remarks: dict[str, str] = {}
        answer = await self._ask("POST", f"channels/{self._channel}/messages", **_body(message, files))
        for name, remark, plainer in self._plainer(deliveries, message, files):
            if not isinstance(answer, ServiceRefusal) or answer.maybe_sent or answer.retry_after is not None:
                break
            if name == "form" and answer.fault is not Fault.MESSAGE:
                break
            why = self._http.words(answer)
            answer = await self._ask("POST", f"channels/{self._channel}/messages", json=plainer)
            if not isinstance(answer, ServiceRefusal):
                remarks[name] = f"{remark}: {why}"
        if isinstance(answer, ServiceRefusal):
            return NotSent(self._http.words(answer), answer.retry_after, answer.maybe_sent, answer.fault)
        await self._mark_over(deliveries, remarks)
        return Sent(remarks, receipt=self._receipt(answer, alerts_in(deliveries)))

    async def close(self) -> None:
        await self._http.close()

    def _message(self, deliveries: Sequence[Delivery]) -> dict[str, Any]:
        message = message_of(deliveries, self._shown)
        # Deliveries that go together again have the same nonce.
        message |= {"nonce": short_id(*(each.id for each in deliveries)), "enforce_nonce": True}
        if loudest(deliveries, self._priority) in QUIET:
            message["flags"] = SUPPRESS_NOTIFICATIONS
        thread = place_of(followed(deliveries))
        if thread is not None and thread.channel == self._channel:
            # fail_if_not_exists: a message that somebody deleted costs none of ours
            message["message_reference"] = {"message_id": thread.name, "fail_if_not_exists": False}
        return message

    def _plainer(
        self, deliveries: Sequence[Delivery], message: Mapping[str, Any], files: Sequence[Attachment]
    ) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """What may be taken where the whole is not: without files, then the title alone."""
        if files:
            yield "picture", left_out(files), message
        if len(deliveries) == 1:
            few = {**message, "content": _few_words(deliveries[0]), "embeds": []}
            yield "form", "a message went without its facts", few

    async def _mark_over(self, deliveries: Sequence[Delivery], remarks: dict[str, str]) -> None:
        for place, told in [*ended(deliveries)][:MOST_MARKED]:
            sign = "✓ " if told[-1].message.kind is Kind.RESOLVED else ""
            path = f"channels/{place.channel}/messages/{place.name}"
            answer = await self._ask("PATCH", path, json=message_of(told, self._shown, sign))
            if not isinstance(answer, ServiceRefusal) or _GONE in answer.words:
                continue
            if answer.fault is not Fault.PASSING:
                remarks["over"] = f"earlier messages cannot be marked as over: {self._http.words(answer)}"
            return

    async def _ask(self, method: str, path: str, **request: Any) -> bytes | ServiceRefusal:
        headers = {
            "Authorization": f"Bot {self._token.get_secret_value()}",
            "User-Agent": f"DiscordBot (balance-watcher, {__version__})",  # Discord wants this form
        }
        return await self._http.ask(method, path, headers=headers, **request)

    def _receipt(self, answer: bytes, alerts: int) -> str:
        with suppress(ValueError, TypeError, KeyError):
            return MessagePlace(self._channel, str(int(json.loads(answer)["id"])), alerts).receipt
        return ""


def _few_words(delivery: Delivery) -> str:
    return MARKDOWN.title(f"{plain(delivery.message.title)[:500]} (delivery {delivery.id})")


def _body(message: Mapping[str, Any], files: Sequence[Attachment]) -> dict[str, Any]:
    """A request with a message; the first picture stands in the embed, beside the colour."""
    if not files:
        return {"json": message}
    shown = message
    if picture := next((each for each in files if each.is_picture), None):
        (embed,) = message["embeds"]
        shown = {**message, "embeds": [{**embed, "image": {"url": f"attachment://{picture.name}"}}]}
    form = aiohttp.FormData()
    form.add_field("payload_json", json.dumps(shown), content_type="application/json")
    for number, each in enumerate(files):
        form.add_field(f"files[{number}]", each.content, filename=each.name, content_type=each.mime)
    return {"data": form}
