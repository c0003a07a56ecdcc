"""Updates of Telegram by long poll: presses and commands, each confirmed after its effect.

An update counts as confirmed when the next ones are asked for from beyond it; until then Telegram brings it
again, for a day at most. So nothing is asked for before what came is done.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct, ValidationError, convert, field

from watcher.domain.messages.presentation import Display
from watcher.notify.markup import plain
from watcher.notify.telegram.api import BotApiError
from watcher.notify.telegram.chat import TelegramChat
from watcher.ports.chat import BotError, ChatAnswer, Ear, Said

log = logging.getLogger(__name__)

HELD = 30
"""Seconds that Telegram may hold an answer back while nothing is said."""

PAUSE = 1.0
"""Seconds between two requests while nothing is said."""

MOST_AT_ONCE = 20
NO_API = "the updates are in no form that is known; is this a Bot API?"
LONGEST_TOAST = 200
"""Characters that the person who presses a button can be shown; a longer answer is written into the chat."""

LONGEST_ANSWER = 4000
_COMMAND = re.compile(r"/([A-Za-z0-9_]{1,32})(?:@([A-Za-z0-9_]{1,64}))?(?=\s|$)")


class _User(Struct):
    id: int


class _Place(Struct):
    id: int
    type: str = ""


class _Message(Struct):
    message_id: int
    chat: _Place
    date: int = 0
    sender: _User | None = field(default=None, name="from")
    text: str | None = None
    message_thread_id: int | None = None
    is_topic_message: bool = False
    reply_markup: dict[str, Any] | None = None
    forward_origin: Any = None
    via_bot: Any = None


class _Press(Struct):
    id: str
    sender: _User = field(name="from")
    data: str = ""
    message: _Message | None = None


class _Update(Struct):
    message: _Message | None = None
    callback_query: _Press | None = None


class Updates:
    """What one bot hears. It knows over every break how far it has come."""

    def __init__(self, chat: TelegramChat, display: Display) -> None:
        self._chat, self._display = chat, display
        self._name = ""
        self._offset: int | None = None

    async def hear(self, ear: Ear) -> None:
        """Hand on what people press and write, one after another. BotError if Telegram cannot be listened
        to."""
        try:
            me = await self._chat.api.call("getMe", {})
            self._name = str(me.get("username", "")).lower() if isinstance(me, dict) else ""
            while True:
                await self._next(ear)
        except BotApiError as error:
            raise BotError(_advised(error), error.refusal.retry_after) from None

    async def _next(self, ear: Ear) -> None:
        """What came since, or comes within a while. That the last ones are done is confirmed by it."""
        asked = {
            "offset": self._offset,
            "limit": MOST_AT_ONCE,
            "timeout": HELD,
            "allowed_updates": ["message", "callback_query"],
        }
        found = await self._chat.api.call("getUpdates", asked, held=HELD)
        if not isinstance(found, list):
            raise BotError(NO_API)
        ear.connected()
        if not found:  # a server that holds nothing back is not asked again and again
            await asyncio.sleep(PAUSE)
        for raw in found:
            number = _number(raw)
            await self._one(raw, ear)
            self._offset = max(number + 1, self._offset or 0)

    async def _one(self, raw: Mapping[str, Any], ear: Ear) -> None:
        """One update; what is none that is known is passed over, as it would be brought for ever."""
        try:
            update = convert(raw, _Update)
        except ValidationError:
            log.debug("an update of Telegram is not read: it has another form")
            return
        if update.callback_query is not None:
            await self._pressed(update.callback_query, ear)
        elif update.message is not None:
            await self._written(update.message, ear)

    async def _pressed(self, press: _Press, ear: Ear) -> None:
        message, answer = press.message, None
        if message is not None and self._chat.is_here(message.chat.id):
            receipt = f"{message.chat.id}:{message.message_id}"
            self._note_keyboard(receipt, message.reply_markup)
            answer = await ear.hear(Said(str(press.sender.id), press.data, pressed=True))
        text = self._shown(answer)
        toast = text if len(text) <= LONGEST_TOAST and "\n" not in text else ""
        # Whoever it is: without this answer the button would turn for a minute. A stranger sees it stop.
        await self._try("answerCallbackQuery", {"callback_query_id": press.id, "text": toast or None})
        if text and not toast and message is not None:
            await self._answer(text, message)

    async def _written(self, message: _Message, ear: Ear) -> None:
        found = _COMMAND.match(message.text or "")
        if found is None or message.sender is None or message.text is None:
            return
        if message.forward_origin is not None or message.via_bot is not None:
            return  # somebody else's words, which this person only passed on
        if found[2] is not None and found[2].lower() != self._name:
            return  # for another bot of the group
        if not self._chat.is_here(message.chat.id) and message.chat.type != "private":
            return
        text = f"/{found[1].lower()}{message.text[found.end() :]}"
        at = datetime.fromtimestamp(message.date, UTC) if 0 < message.date < 1 << 34 else None
        answer = await ear.hear(Said(str(message.sender.id), text, at=at))
        if answer is not None:
            await self._answer(self._shown(answer), message)

    async def _answer(self, text: str, message: _Message) -> None:
        """Say it under what was asked, where it was asked."""
        await self._try(
            "sendMessage",
            {
                "chat_id": message.chat.id,
                "message_thread_id": message.message_thread_id if message.is_topic_message else None,
                "text": text[:LONGEST_ANSWER],
                "disable_notification": True,
                "link_preview_options": {"is_disabled": True},
                "reply_parameters": {
                    "message_id": message.message_id,
                    "allow_sending_without_reply": True,
                },
            },
        )

    async def _try(self, method: str, fields: Mapping[str, Any]) -> None:
        """What was done is done, whether or not it can be said."""
        try:
            await self._chat.api.call(method, fields)
        except BotApiError as error:
            log.info("an answer in Telegram was not taken: %s", error)

    def _shown(self, answer: ChatAnswer | None) -> str:
        if answer is None:
            return ""
        return plain_lines(self._display.localised(answer.text))

    def _note_keyboard(self, receipt: str, markup: Mapping[str, Any] | None) -> None:
        """What buttons a message has that was sent before this start."""
        rows = (markup or {}).get("inline_keyboard")
        with suppress(TypeError, AttributeError, ValueError):
            self._chat.keep_keyboard(receipt, [[dict(button) for button in row] for row in rows or ()])


def plain_lines(text: str) -> str:
    """A text of ours with words in it that are not: each line as one for a place without markup."""
    return "\n".join(map(plain, text.split("\n")))


def _number(raw: Any) -> int:
    """The number of an update. Without one nothing could ever be confirmed."""
    number = raw.get("update_id") if isinstance(raw, dict) else None
    if not isinstance(number, int) or isinstance(number, bool):
        raise BotError(NO_API)
    return number


def _advised(error: BotApiError) -> str:
    """What Telegram says, with what to do about it."""
    words = str(error)
    if error.status == 409:
        if "webhook" in words.lower():
            return f"{words}; the bot is used elsewhere: give this channel a bot of its own"
        return f"{words}; another program listens as this bot: give each a bot of its own"
    if error.status in (401, 404):
        return f"{words}: Telegram does not know this token"
    return words
