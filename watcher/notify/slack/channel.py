"""Channel to Slack by a bot: what follows goes into the thread of the first message, which is marked as over.

Slack has no key that makes a repeat harmless, and no priorities: a repeat carries the same delivery id.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from watcher.domain.messages.delivery import Delivery, Fault, NotSent, SendResult, Sent
from watcher.domain.messages.message import Severity
from watcher.domain.model import EMPTY
from watcher.notify.files import left_out, making
from watcher.notify.refusals import ServiceRefusal
from watcher.notify.slack.api import SlackApi
from watcher.notify.slack.blocks import acknowledged, in_few_words, marked_over, posted, said_plainly
from watcher.notify.slack.socket import SlackSocket
from watcher.notify.threads import MessagePlace, alerts_in, ended, place_of, thread_of
from watcher.notify.urgency import Urgency, loudest
from watcher.ports.channel import Attachment, Presentation
from watcher.ports.chat import BotError, Ear

log = logging.getLogger(__name__)

MOST_MARKED = 20
"""First messages that are marked as over after one notification: Slack takes some 50 changes a minute."""

_QUIET = {"unfurl_links": False, "unfurl_media": False}
_ID = re.compile(r"[CDG][A-Z0-9]{8,}")
_NO_THREAD = re.compile(r"thread|cannot_reply")
_GONE = re.compile(r"message_not_found")


class SlackChannel:
    """Channel to one channel of Slack; with a socket it is a `Bot` too."""

    burst = 3

    def __init__(
        self,
        name: str,
        api: SlackApi,
        channel: str,
        shown: Presentation,
        priority: Mapping[Severity, Urgency] = EMPTY,
        mention: str = "",
        socket: SlackSocket | None = None,
    ) -> None:
        """`mention`: who is called by what is an emergency; `socket`: by which people are heard."""
        self.name = name
        self._socket = socket
        self._api, self._channel = api, channel
        self._here = channel if _ID.fullmatch(channel) else ""
        self._shown, self._priority, self._mention = shown, priority, mention

    def remember(self, facts: Mapping[str, str]) -> None:
        """Take the id of the channel that an earlier run learnt; all else stands in the receipts."""
        self._here = facts.get(self._fact, self._here)

    @property
    def _fact(self) -> str:
        """Under which name the store keeps what Slack calls the channel that is written here."""
        return f"channel {self._channel}"

    async def send(self, deliveries: Sequence[Delivery]) -> SendResult:
        """One message. Once Slack has it, it is sent: what goes wrong with its picture, or with what it makes
        of earlier messages, is a remark."""
        called = loudest(deliveries, self._priority) is Urgency.EMERGENCY
        message = posted(deliveries, self._shown, self._mention if called else "")
        remarks: dict[str, str] = {}
        answer, root = await self._post(deliveries, message)
        if isinstance(answer, ServiceRefusal) and answer.fault is Fault.MESSAGE and len(deliveries) == 1:
            again, root = await self._post(deliveries, in_few_words(deliveries))
            if not isinstance(again, ServiceRefusal):
                remarks["form"] = f"a message went without its facts: {self._api.words(answer)}"
                answer = again
        if isinstance(answer, ServiceRefusal):
            return NotSent(self._api.words(answer), answer.retry_after, answer.maybe_sent, answer.fault)
        place = MessagePlace(str(answer.get("channel", "")), str(answer.get("ts", "")), alerts_in(deliveries))
        facts = self._learnt(place) if root is None else EMPTY
        await self._add_files(deliveries, root or place, remarks)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._api.timeout):
                await self._mark_over(deliveries, remarks)
        return Sent(remarks, facts, place.receipt)

    async def listen(self, ear: Ear) -> None:
        """Hand on what people press and write; see `Bot`."""
        if self._socket is None:
            raise BotError("without app_token nobody can be heard")
        await self._socket.hear(ear)

    async def announce(self, text: str, deliveries: Sequence[Delivery], *, settled: bool) -> None:
        """Say to all what somebody did about an alert, in its thread; see `Bot`."""
        said = self._shown.display.localised(text)
        told: dict[MessagePlace, list[Delivery]] = {}
        for each in deliveries:
            if (place := place_of(each.receipt)) is not None:
                told.setdefault(place, []).append(each)
        where = {"channel": self._channel}
        for first in list(told)[:1]:
            where = {"channel": first.channel, "thread_ts": first.name}
        refusals = [await self._api.call("chat.postMessage", {**said_plainly(said), **_QUIET, **where})]
        for place in list(told)[:MOST_MARKED] if settled else ():
            if place.alerts == 1:
                change = {**acknowledged(told[place], self._shown, said), **_named(place)}
                refusals.append(await self._api.call("chat.update", change))
        for refusal in refusals:
            if isinstance(refusal, ServiceRefusal):
                words = self._api.words(refusal)
                log.warning("channel %s: what somebody did is not shown there: %s", self.name, words)

    async def close(self) -> None:
        await self._api.close()

    async def _post(
        self, deliveries: Sequence[Delivery], message: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any] | ServiceRefusal, MessagePlace | None]:
        """Into the thread if there is one here and it still takes replies, else by itself; and into which
        thread. One in a channel that was here before is read by others.

        What still asks for somebody is shown in the channel, too: a thread is read by those who follow it.
        """
        thread = thread_of(deliveries)
        if thread is not None and thread.channel == self._here:
            loud = any(each.message.kind.present for each in deliveries)
            reply = {"channel": thread.channel, "thread_ts": thread.name, "reply_broadcast": loud}
            answer = await self._api.call("chat.postMessage", {**message, **_QUIET, **reply})
            if not (isinstance(answer, ServiceRefusal) and _is_closed(answer)):
                return answer, thread
        return await self._api.call("chat.postMessage", {**message, **_QUIET, "channel": self._channel}), None

    def _learnt(self, place: MessagePlace) -> Mapping[str, str]:
        """What Slack calls the channel that is written here, if that is news: threads are known by it."""
        if not place.channel or place.channel == self._here:
            return EMPTY
        self._here = place.channel
        return {self._fact: self._here}

    async def _add_files(
        self, deliveries: Sequence[Delivery], place: MessagePlace, remarks: dict[str, str]
    ) -> None:
        """Pictures and reports, into the thread. The message is there: it may have been tried before."""
        if self._shown.attach is None:
            return
        files: Sequence[Attachment] = ()
        try:
            async with asyncio.timeout(making(deliveries, self._shown) + self._api.timeout):
                files = await asyncio.to_thread(self._shown.attach, deliveries)
                refusal = await self._api.upload(place.channel, place.name, files) if files else None
            why = self._api.words(refusal) if refusal is not None else ""
        except TimeoutError:
            why = "not in time"
        if why:
            remarks["picture"] = f"{left_out(files)}: {why}"

    async def _mark_over(self, deliveries: Sequence[Delivery], remarks: dict[str, str]) -> None:
        """Mark the first message of each alert that is over, where it told of that alert alone."""
        for place, told in [*ended(deliveries)][:MOST_MARKED]:
            change = {**marked_over(told, self._shown), **_named(place)}
            answer = await self._api.call("chat.update", change)
            if not isinstance(answer, ServiceRefusal) or _GONE.search(answer.words):
                continue
            if answer.fault is not Fault.PASSING:
                remarks["over"] = f"earlier messages cannot be marked as over: {self._api.words(answer)}"
            return


def _is_closed(refusal: ServiceRefusal) -> bool:
    """Whether a thread takes no replies: it is gone, or in a channel that this one is no more."""
    return refusal.fault is Fault.CHANNEL or _NO_THREAD.search(refusal.words) is not None


def _named(place: MessagePlace) -> dict[str, str]:
    return {"channel": place.channel, "ts": place.name}
