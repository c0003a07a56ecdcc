"""Presentations: how each channel of one configuration shows what it tells."""

from __future__ import annotations

from collections.abc import Callable

from watcher.config.settings import Settings
from watcher.ports.channel import Attach, Presentation


def presentations(settings: Settings, draw: Attach | None = None) -> Callable[[str], Presentation]:
    """The presentation of a channel, by its name. `draw`: draws pictures for the channels that want some."""

    def of(channel: str) -> Presentation:
        return Presentation(draw if settings.channels[channel].wants_pictures else None)

    return of
