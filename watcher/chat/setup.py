"""Chats of a running configuration: who listens in each channel that `chat:` names."""

from __future__ import annotations

from typing import cast

from watcher.app.application import App
from watcher.chat.actions import ChatActions
from watcher.chat.listening import ChatListener
from watcher.chat.rooms import ChatRooms
from watcher.ports.chat import Bot


def chats(app: App) -> tuple[ChatRooms, dict[str, ChatListener]]:
    """All chats together, and who listens in each, by the channel's name."""
    settings = app.settings
    rooms = ChatRooms(ChatActions(app.configuration, app.store), app.clock)
    found = {}
    for channel in app.channels:
        if settings.chat is None or channel.name not in settings.chat.channels:
            continue
        service, bot = settings.channels[channel.name].service, cast(Bot, channel)
        people = {ids[service]: name for name, ids in settings.people.items() if service in ids}
        rooms.add(bot)
        found[channel.name] = ChatListener(bot, people, rooms)
    return rooms, found
