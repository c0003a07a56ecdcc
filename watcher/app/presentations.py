"""Presentations: how each channel of one configuration shows what it tells."""

from __future__ import annotations

from collections.abc import Callable

from watcher.ports.channel import Draw, Presentation


def presentations(draw: Draw | None = None) -> Callable[[str], Presentation]:
    """The presentation of a channel, by its name. `draw`: draws pictures for the channels that want some."""

    def of(_channel: str) -> Presentation:
        return Presentation(draw)

    return of
