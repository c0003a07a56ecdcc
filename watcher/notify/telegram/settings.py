"""Settings of a channel that is a Telegram bot. What speaks to Telegram is loaded when one is built."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, SecretStr

from watcher.domain.messages.delivery import Delivery
from watcher.domain.values.errors import InputError
from watcher.notify.bot import BotKind
from watcher.notify.kind import NumberAsText
from watcher.notify.urgency import QUIET, loudest
from watcher.ports.channel import PLAINLY, Presentation
from watcher.system.addresses import BaseUrl

if TYPE_CHECKING:
    from watcher.notify.telegram.channel import TelegramChannel

_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{1,100}")
"""What BotFather gives: `123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11`."""
_CHAT = re.compile(r"-?[0-9]{1,20}|@[A-Za-z][A-Za-z0-9_]{3,31}")
_PERSON = re.compile(r"[0-9]{1,20}")
_NOBODY = frozenset({"1087968824", "136817688", "777000"})
"""GroupAnonymousBot, Channel_Bot and Telegram itself."""


def _a_token(value: SecretStr) -> SecretStr:
    if not _TOKEN.fullmatch(value.get_secret_value()):
        raise InputError("is no bot's token", "copy it from BotFather whole: digits, a colon, and the rest")
    return value


def _a_chat(value: str) -> str:
    if not _CHAT.fullmatch(value):
        raise InputError("is no chat", 'write its id, as in "-1001234567890", or @name of a public one')
    return value


class TelegramSettings(BotKind):
    """A bot of Telegram that writes to one chat, and hears people there if the channel is in `chat:`."""

    service: ClassVar[str] = "telegram"

    kind: Literal["telegram"] = "telegram"
    token: Annotated[SecretStr, AfterValidator(_a_token)]
    """The bot's token, from BotFather."""
    chat: Annotated[
        str,
        NumberAsText,
        AfterValidator(_a_chat),
        Field(examples=["-1001234567890", "@our_alerts"]),
    ]
    """Where it writes: the id of a chat or group, or @name of a public one."""
    topic: Annotated[int, Field(ge=1)] | None = None
    """The topic of a group with topics, by the number in its link."""
    api_url: BaseUrl = "https://api.telegram.org"
    """Another Bot API server, if you run one of your own."""

    @classmethod
    def person_id(cls, text: str) -> str:
        if not _PERSON.fullmatch(text):
            raise InputError("is no person's id on Telegram", "write the number that @userinfobot tells")
        if text in _NOBODY:
            raise InputError("stands for whoever writes in the name of a group or a channel", "name a person")
        return text

    def build(self, name: str, shown: Presentation = PLAINLY) -> TelegramChannel:
        from watcher.notify.telegram.api import BotApi
        from watcher.notify.telegram.channel import TelegramChannel

        api = BotApi(*self._reached)
        return TelegramChannel(name, api, self.chat, self.topic, shown, self.priority)

    @property
    def listens_as(self) -> str:
        return self.token.get_secret_value()

    @property
    def rings(self) -> bool:
        return True

    def loudness(self, deliveries: Sequence[Delivery]) -> str:
        return f"Telegram: {'without' if loudest(deliveries, self.priority) in QUIET else 'with'} sound"

    @property
    def destination(self) -> str:
        return f"{self.token.get_secret_value()} {self.chat} {self.topic or ''}"
