"""Channel to a chat of Telegram: what it tells has buttons, and follows in one thread an alert."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from html import unescape
from re import compile as pattern
from typing import Any

from watcher.domain.messages.delivery import REFUSED, Delivery, NotSent, SendResult, Sent
from watcher.domain.messages.message import Severity
from watcher.domain.messages.presentation import NO_WAYS
from watcher.domain.records import Record, replace
from watcher.notify.files import files_for
from watcher.notify.markup import HTML, PLAIN, Space, render
from watcher.notify.notice import notice
from watcher.notify.telegram.api import BotApi, BotApiError
from watcher.notify.telegram.chat import TelegramChat
from watcher.notify.telegram.keyboard import Keyboard, keyboard_for, without_acknowledging, without_links
from watcher.notify.telegram.updates import Updates, plain_lines
from watcher.notify.threads import followed
from watcher.notify.urgency import QUIET, Urgency, loudest
from watcher.ports.channel import PLAINLY, Attachment, Presentation
from watcher.ports.chat import Ear

log = logging.getLogger(__name__)

LONGEST_MESSAGE, LONGEST_CAPTION = 4096, 1024
"""UTF-16 units of a text, and of one under a picture, after its markup is read."""

LONGEST_WAIT = 60.0
"""Seconds that it waits to tell of an action where there were too many messages; an alert waits elsewhere."""

LONGEST_SAID = 1000
"""Characters of what is told of an action."""

FEW_WORDS = Space(500, 0)
"""What is left of a message that is not taken as it is."""

_STYLE = replace(HTML, newline="\n")
_TAG = pattern(r"<[^>]*>")


def units(text: str) -> int:
    """How long Telegram finds a text in HTML."""
    return len(unescape(_TAG.sub("", text)).encode("utf-16-le")) // 2


class _Outgoing(Record, frozen=True):
    """One message as it is to be sent. `around`: what goes with it, whatever its form."""

    text: str
    keyboard: Keyboard
    around: Mapping[str, Any]

    def fields(self, name: str) -> dict[str, Any]:
        """As the API takes it, with the text as this field."""
        markup = {"inline_keyboard": self.keyboard} if self.keyboard else None
        return {name: self.text, "parse_mode": "HTML", "reply_markup": markup, **self.around}


class TelegramChannel:
    """Channel by one bot to one chat; with `shown.answered` it is a `Bot` too."""

    burst = 3
    """Telegram takes about one message a second in a chat, and more for a short while."""

    def __init__(
        self,
        name: str,
        api: BotApi,
        chat: str,
        topic: int | None = None,
        shown: Presentation = PLAINLY,
        priority: Mapping[Severity, Urgency] | None = None,
    ) -> None:
        self.name = name
        self._chat = TelegramChat(api, chat, topic)
        self._shown, self._priority = shown, priority or {}
        self._updates = Updates(self._chat, shown.display)

    def remember(self, facts: Mapping[str, str]) -> None:
        self._chat.remember(facts)

    async def send(self, deliveries: Sequence[Delivery]) -> SendResult:
        try:
            receipt = await self._tell(deliveries)
        except BotApiError as error:
            refusal, (remarks, facts) = error.refusal, self._news()
            return NotSent(
                refusal.words, refusal.retry_after, refusal.maybe_sent, refusal.fault,
                remarks=remarks, facts=facts,
            )  # fmt: skip
        remarks, facts = self._news()
        return Sent(remarks, facts, receipt)

    async def listen(self, ear: Ear) -> None:
        """Hand on what people press and write; see `Bot`."""
        await self._updates.hear(ear)

    async def announce(self, text: str, deliveries: Sequence[Delivery], *, settled: bool) -> None:
        """Say to all what somebody did about an alert; see `Bot`."""
        receipts = list(dict.fromkeys(each.receipt for each in deliveries if each.receipt))
        said = self._shown.display.localised(text)
        fields = {
            "text": plain_lines(said)[:LONGEST_SAID],
            "disable_notification": True,
            "link_preview_options": {"is_disabled": True},
            "reply_parameters": self._chat.reply_to(receipts[0]) if receipts else None,
        }
        try:
            try:
                await self._chat.post("sendMessage", fields)
            except BotApiError as error:
                wait = error.refusal.retry_after
                if wait is None or wait > LONGEST_WAIT:
                    raise
                await asyncio.sleep(wait)
                await self._chat.post("sendMessage", fields)
            for receipt in receipts if settled else ():
                before = self._chat.keyboard_of(receipt)
                after = without_acknowledging(before, [each.id for each in deliveries])
                if after != before:
                    await self._chat.change_keyboard(receipt, after)
        except BotApiError as error:
            log.warning("channel %s: what somebody did is not shown there: %s", self.name, error)

    async def close(self) -> None:
        await self._chat.api.close()

    def _news(self) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Remarks and facts since the last time."""
        remarks, facts = dict(self._chat.remarks), dict(self._chat.facts)
        self._chat.remarks.clear()
        self._chat.facts.clear()
        return remarks, facts

    async def _tell(self, deliveries: Sequence[Delivery]) -> str:
        """Send one notification and what goes with it; its receipt."""
        message, files = (
            self._outgoing(deliveries),
            await asyncio.to_thread(files_for, deliveries, self._shown),
        )
        receipt = ""
        if files and files[0].is_picture and units(message.text) <= LONGEST_CAPTION:
            receipt, files = await self._with_picture(message, files[0]), files[1:]
        receipt = receipt or await self._as_text(message, deliveries)
        self._chat.keep_keyboard(receipt, message.keyboard)
        for file in files:
            await self._add(file, receipt)
        return receipt

    def _outgoing(self, deliveries: Sequence[Delivery]) -> _Outgoing:
        said = notice(deliveries, self._shown)
        # What stands on a button is not said a second time in the text.
        shown = replace(self._shown, ways=lambda _: NO_WAYS) if len(said.entries) == 1 else self._shown
        text = render(deliveries, _STYLE, Space(LONGEST_MESSAGE, 0, units), shown)
        around = {
            "disable_notification": loudest(deliveries, self._priority) in QUIET,
            "reply_parameters": self._chat.reply_to(followed(deliveries)),
        }
        keyboard = keyboard_for(said, answered=self._shown.answered)
        return _Outgoing(f"<b>{text.title}</b>\n{text.body}", keyboard, around)

    async def _with_picture(self, message: _Outgoing, picture: Attachment) -> str:
        """The text with a picture below it; empty if that is not taken, so that the text goes alone."""
        fields = {**message.fields("caption"), "show_caption_above_media": True}
        try:
            return await self._chat.post("sendPhoto", fields, ("photo", picture))
        except BotApiError as error:
            if error.refusal.maybe_sent or error.refusal.retry_after is not None:
                raise
            self._chat.remarks["picture"] = f"pictures are left out: {error}"
            return ""

    async def _as_text(self, message: _Outgoing, deliveries: Sequence[Delivery]) -> str:
        """The text, in a plainer form if it is not taken as it is: an alert must not be lost for its form."""
        quiet = {"link_preview_options": {"is_disabled": True}}
        try:
            return await self._chat.post("sendMessage", {**message.fields("text"), **quiet})
        except BotApiError as error:
            if error.refusal.fault not in REFUSED or error.refusal.maybe_sent:
                raise
            refused = error
        linkless = replace(message, keyboard=without_links(message.keyboard))
        plainer = [("buttons", "buttons that open a page are left out", {**linkless.fields("text"), **quiet})]
        if linkless.keyboard == message.keyboard:
            plainer.clear()
        if len(deliveries) == 1:
            bare = replace(deliveries[0], message=replace(deliveries[0].message, facts=()))
            words = render([bare], PLAIN, FEW_WORDS)
            few = {**linkless.fields("text"), **quiet, "parse_mode": None, "text": words.title}
            plainer.append(("form", "a message went without its facts", few))
        for name, remark, fields in plainer:
            try:
                receipt = await self._chat.post("sendMessage", fields)
            except BotApiError as error:
                if error.refusal.maybe_sent:
                    raise
                continue
            self._chat.remarks[name] = f"{remark}: {refused}"
            return receipt
        raise refused

    async def _add(self, file: Attachment, receipt: str) -> None:
        """A file under a message that was taken: that it is refused costs the file alone."""
        image = file.is_picture
        fields = {"reply_parameters": self._chat.reply_to(receipt), "disable_notification": True}
        try:
            await self._chat.post(
                "sendPhoto" if image else "sendDocument", fields, ("photo" if image else "document", file)
            )
        except BotApiError as error:
            self._chat.remarks["picture" if image else "file"] = f"{file.name} is left out: {error}"
