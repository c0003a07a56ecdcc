"""Chats of a running configuration: who listens in each channel that `chat:` names."""

from __future__ import annotations

from typing import cast

from watcher.app.application import App
from watcher.chat.actions import ChatActions
from watcher.chat.listening import ChatListener, ChatRooms
from watcher.ports.chat import Bot


def listeners(app: App) -> dict[str, ChatListener]:
    """Who listens in each chat, by the channel's name."""
    settings = app.settings
    rooms = ChatRooms(ChatActions(app.configuration, app.store), app.clock)
    found = {}
    for channel in app.channels:
        if settings.chat is None or channel.name not in settings.chat.channels:
            continue
        service = settings.channels[channel.name].service
        people = {ids[service]: name for name, ids in settings.people.items() if service in ids}
        found[channel.name] = rooms.add(cast(Bot, channel), people)
    return found
