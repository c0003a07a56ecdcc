"""Moves: what several rules tell of one change of a balance is one thing to people."""

from __future__ import annotations

from watcher.domain.messages.message import Kind, Message


def move_of(message: Message) -> object:
    """What is the same for messages that tell of one move, whichever rules they come from; None: of none."""
    moved = message.particulars
    if message.kind not in (Kind.EVENT, Kind.FIRING) or moved.before is None:
        return None
    return message.subject, message.at, moved.before, moved.after
