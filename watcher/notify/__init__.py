"""Channels to people. A kind of channel is one folder or file, and one entry in `KINDS`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watcher.system.registry import Registry

if TYPE_CHECKING:
    from watcher.notify.kind import ChannelKind

KINDS: Registry[ChannelKind] = Registry(
    __name__,
    {
        "apprise": "apprise.settings:AppriseSettings",
        "console": "console:ConsoleSettings",
        "discord": "discord.settings:DiscordSettings",
        "slack": "slack.settings:SlackSettings",
        "telegram": "telegram.settings:TelegramSettings",
        "webhook": "webhook.settings:WebhookChannelSettings",
    },
)
"""The word after `kind:` → the kind that reads the settings there, and builds the channel."""
