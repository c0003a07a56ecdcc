"""Channels to people. A kind of channel is one folder or file, and one entry in `KINDS`."""

from __future__ import annotations

from collections.abc import Mapping

from watcher.notify.apprise.settings import AppriseSettings
from watcher.notify.console import ConsoleSettings
from watcher.notify.discord.settings import DiscordSettings
from watcher.notify.kind import ChannelKind
from watcher.notify.slack.settings import SlackSettings
from watcher.notify.telegram.settings import TelegramSettings
from watcher.notify.webhook.settings import WebhookChannelSettings

KINDS: Mapping[str, type[ChannelKind]] = {
    "apprise": AppriseSettings,
    "console": ConsoleSettings,
    "discord": DiscordSettings,
    "slack": SlackSettings,
    "telegram": TelegramSettings,
    "webhook": WebhookChannelSettings,
}
"""The word after `kind:` → the kind that reads the settings there, and builds the channel."""
