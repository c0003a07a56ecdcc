"""Moves and happenings: what several rules tell of one change of a balance is one thing to people, and what
one reading shows of one wallet is one message."""

from __future__ import annotations

from collections.abc import Iterable

from watcher.domain.messages.delivery import Delivery, DeliveryState
from watcher.domain.messages.message import Kind, Message

_READ = frozenset({DeliveryState.SENT, DeliveryState.PENDING})
"""Of what was withheld, dropped or given up nobody reads."""

_ANSWERED = frozenset({Kind.EVENT, Kind.FIRING})
"""What begins, and what happens: what people take care of."""


def move_of(message: Message) -> object:
    """What is the same for messages that tell of one move, whichever rules they come from; None: of none."""
    moved = message.particulars
    if message.kind not in _ANSWERED or moved.before is None:
        return None
    return message.subject, message.at, moved.after  # a rule that looks back compares with an older amount


def happening_of(message: Message) -> object:
    """What is the same for messages that one decision made about one wallet; of no wallet, each alone."""
    return (message.wallet, message.at) if message.wallet else message.id


def told_with(identity: str, told: Iterable[Delivery]) -> list[str]:
    """Of the alerts and events that deliveries tell of, those that one message told with this one, wherever
    it is read: who answers to it has seen them, in whichever channel that was."""
    channels: dict[tuple[object, str], set[str]] = {}
    for each in told:
        if each.message.kind in _ANSWERED and each.state in _READ:
            key = (happening_of(each.message), each.message.id)
            channels.setdefault(key, set()).add(each.channel)
    mine = {what: found for (what, whose), found in channels.items() if whose == identity}
    others = (whose for (what, whose), found in channels.items() if what in mine and mine[what] <= found)
    return sorted({*others} - {identity})
