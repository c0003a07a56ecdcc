"""Chat of Telegram that a bot writes to: its id as it is now, and the buttons that stand in it."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from watcher.notify.telegram.api import BotApi, BotApiError
from watcher.notify.telegram.keyboard import Keyboard
from watcher.ports.channel import Attachment

MOST_KEYBOARDS = 500
"""Messages of which it is known what buttons they have."""

_ID = re.compile(r"-?[0-9]{1,20}")
_RECEIPT = re.compile(r"(-?[0-9]{1,20}):([0-9]{1,15})")


class TelegramChat:
    """One chat, or one topic of it.

    A group that becomes a supergroup gets another id; a public name stands for an id that is learnt from the
    first message. `facts` is what was learnt and not yet kept, `remarks` what people should know of it.
    """

    def __init__(self, api: BotApi, chat: str, topic: int | None) -> None:
        self.api = api
        self.facts: dict[str, str] = {}
        self.remarks: dict[str, str] = {}
        self._written, self._topic = chat, topic
        self._id = chat if _ID.fullmatch(chat) else ""
        self._keyboards: OrderedDict[str, Keyboard] = OrderedDict()

    def remember(self, facts: Mapping[str, str]) -> None:
        """Take back the id that an earlier run learnt."""
        found = facts.get(f"chat {self._written}", "")
        if _ID.fullmatch(found):
            self._id = found

    def is_here(self, identity: int) -> bool:
        """Whether a chat is this one."""
        return self._id == str(identity)

    async def post(
        self, method: str, fields: Mapping[str, Any], file: tuple[str, Attachment] | None = None
    ) -> str:
        """Send something to the chat; its receipt. A group that has moved is followed. BotApiError if not."""
        try:
            sent = await self._call(method, fields, file)
        except BotApiError as error:
            if not error.refusal.moved or error.refusal.moved == self._id:
                raise
            self._move(error.refusal.moved)
            sent = await self._call(method, fields, file)
        return self._receipt(sent)

    def reply_to(self, receipt: str) -> dict[str, Any] | None:
        """What makes a message a reply to another one here; None if that is not here. One that was deleted
        costs no message."""
        found = _RECEIPT.fullmatch(receipt)
        if found is None or found[1] != self._id:
            return None
        return {"message_id": int(found[2]), "allow_sending_without_reply": True}

    def keep_keyboard(self, receipt: str, keyboard: Keyboard) -> None:
        """Remember what buttons a message has."""
        self._keyboards[receipt] = keyboard
        self._keyboards.move_to_end(receipt)
        while len(self._keyboards) > MOST_KEYBOARDS:
            self._keyboards.popitem(last=False)

    def keyboard_of(self, receipt: str) -> Keyboard:
        """The buttons of a message, as far as known."""
        return self._keyboards.get(receipt, [])

    async def change_keyboard(self, receipt: str, keyboard: Keyboard) -> None:
        """Give a message of the bot's other buttons. BotApiError if it cannot be."""
        found = _RECEIPT.fullmatch(receipt)
        if found is None:
            return
        markup = {"inline_keyboard": keyboard} if keyboard else None
        self.keep_keyboard(receipt, keyboard)
        fields = {"chat_id": found[1], "message_id": int(found[2]), "reply_markup": markup}
        await self.api.call("editMessageReplyMarkup", fields)

    async def _call(
        self, method: str, fields: Mapping[str, Any], file: tuple[str, Attachment] | None
    ) -> Mapping[str, Any]:
        where = {"chat_id": self._id or self._written, "message_thread_id": self._topic}
        sent = await self.api.call(method, {**where, **fields}, file)
        return sent if isinstance(sent, dict) else {}

    def _move(self, new: str) -> None:
        name = self._written
        self.facts[f"chat {name}"] = self._id = new
        self.remarks[f"chat {name}"] = f"the chat {name} has the id {new} now: update this channel's `chat`"

    def _receipt(self, sent: Mapping[str, Any]) -> str:
        """What is said of a message that was taken: where it is. Empty if the answer does not say."""
        chat, message = sent.get("chat"), sent.get("message_id")
        identity = chat.get("id") if isinstance(chat, dict) else None
        if not isinstance(identity, int) or not isinstance(message, int):
            return ""
        if not self._id:
            self.facts[f"chat {self._written}"] = self._id = str(identity)
        return f"{identity}:{message}"
