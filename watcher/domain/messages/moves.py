"""Moves: what several rules tell of one change of a balance is one thing to people."""

from __future__ import annotations

from collections.abc import Iterable

from watcher.domain.messages.delivery import Delivery, DeliveryState
from watcher.domain.messages.message import Kind, Message

_READ = frozenset({DeliveryState.SENT, DeliveryState.PENDING})
"""Of what was withheld, dropped or given up nobody reads."""


def move_of(message: Message) -> object:
    """What is the same for messages that tell of one move, whichever rules they come from; None: of none."""
    moved = message.particulars
    if message.kind not in (Kind.EVENT, Kind.FIRING) or moved.before is None:
        return None
    return message.subject, message.at, moved.after  # a rule that looks back compares with an older amount


def told_with(identity: str, told: Iterable[Delivery]) -> list[str]:
    """Of the alerts and events that deliveries tell of, those that tell the same move as this one, and are
    read wherever it is read: who answers to it has seen them, in whichever channel that was."""
    channels: dict[tuple[object, str], set[str]] = {}
    for each in told:
        if (move := move_of(each.message)) is not None and each.state in _READ:
            channels.setdefault((move, each.message.id), set()).add(each.channel)
    mine = {move: found for (move, whose), found in channels.items() if whose == identity}
    others = (whose for (move, whose), found in channels.items() if move in mine and mine[move] <= found)
    return sorted({*others} - {identity})
