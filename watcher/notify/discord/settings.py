"""Settings of a channel of Discord that a bot writes to. (A web hook cannot reply: apprise has those.)"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field

from watcher.domain.messages.delivery import Delivery
from watcher.domain.values.errors import InputError
from watcher.notify.bot import BotKind
from watcher.notify.kind import NumberAsText
from watcher.notify.urgency import QUIET, loudest
from watcher.ports.channel import PLAINLY, Presentation
from watcher.system.addresses import BaseUrl

if TYPE_CHECKING:
    from watcher.notify.discord.channel import DiscordChannel


def _a_channel(value: str) -> str:
    if re.fullmatch(r"[0-9]{1,20}", value) is None:
        remedy = "turn on developer mode, then Copy Channel ID, as in 290926798999357250"
        raise InputError("must be the id of a channel of Discord", remedy)
    return value


class DiscordSettings(BotKind):
    """One channel of Discord, written to by a bot with the permissions View Channel, Send Messages, Embed
    Links and Read Message History, and for pictures Attach Files."""

    kind: Literal["discord"] = "discord"
    channel: Annotated[
        str,
        NumberAsText,
        AfterValidator(_a_channel),
        Field(examples=["290926798999357250"]),
    ]
    """The channel's id."""
    api_url: BaseUrl = "https://discord.com/api/v10"

    def build(self, name: str, shown: Presentation = PLAINLY) -> DiscordChannel:
        from watcher.notify.discord.channel import DiscordChannel
        from watcher.notify.http_client import ServiceClient

        token, url, timeout, proxy = self._reached
        http = ServiceClient(url, timeout, [token], proxy)
        return DiscordChannel(name, http, self.token, self.channel, shown, self.priority)

    @property
    def rings(self) -> bool:
        return True

    def loudness(self, deliveries: Sequence[Delivery]) -> str:
        return f"Discord: {'without' if loudest(deliveries, self.priority) in QUIET else 'with'} a push"

    @property
    def destination(self) -> str:
        return f"discord {self.channel} {self.token.get_secret_value()}"
