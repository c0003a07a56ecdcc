"""Settings of a channel of Discord that a bot writes to. (A web hook cannot reply: apprise has those.)"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from watcher.domain.messages.delivery import Delivery
from watcher.domain.values.errors import InputError
from watcher.notify.kind import ChannelKind, NumberAsText, Patience
from watcher.notify.urgency import QUIET, loudest
from watcher.ports.channel import PLAINLY, Presentation
from watcher.system.connections import ApiKey, BaseUrl, Proxy, check_tunnel

if TYPE_CHECKING:
    from watcher.notify.discord.channel import DiscordChannel


def _a_channel(value: str) -> str:
    if re.fullmatch(r"[0-9]{1,20}", value) is None:
        remedy = "turn on developer mode, then Copy Channel ID, as in 290926798999357250"
        raise InputError("must be the id of a channel of Discord", remedy)
    return value


class DiscordSettings(ChannelKind):
    """One channel of Discord, written to by a bot with the permissions View Channel, Send Messages, Embed
    Links and Read Message History, and for pictures Attach Files."""

    kind: Literal["discord"] = "discord"
    token: ApiKey
    """The bot's token."""
    channel: Annotated[
        str,
        NumberAsText,
        AfterValidator(_a_channel),
        Field(examples=["290926798999357250"]),
    ]
    """The channel's id."""
    pictures: bool = False
    """Whether a chart goes with each alert (extra `charts`)."""
    timeout: Patience = timedelta(seconds=30)
    """How long one request may take before it is tried again."""
    proxy: Proxy | None = None
    """None named: as HTTPS_PROXY and NO_PROXY say."""
    api_url: BaseUrl = "https://discord.com/api/v10"

    @model_validator(mode="after")
    def _a_proxy_gets_a_tunnel(self) -> Self:
        check_tunnel("api_url", self.api_url, self.proxy)
        return self

    def build(self, name: str, shown: Presentation = PLAINLY) -> DiscordChannel:
        from watcher.notify.discord.channel import DiscordChannel
        from watcher.notify.http_client import ServiceClient

        http = ServiceClient(self.api_url, self.timeout.total_seconds(), [self.token], self.proxy)
        return DiscordChannel(name, http, self.token, self.channel, shown, self.priority)

    @property
    def wants_pictures(self) -> bool:
        return self.pictures

    @property
    def takes_pictures(self) -> bool:
        return True

    @property
    def rings(self) -> bool:
        return True

    def loudness(self, deliveries: Sequence[Delivery]) -> str:
        return f"Discord: {'without' if loudest(deliveries, self.priority) in QUIET else 'with'} a push"

    @property
    def destination(self) -> str:
        return f"discord {self.channel} {self.token.get_secret_value()}"
