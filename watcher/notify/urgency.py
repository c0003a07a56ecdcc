"""Urgency: how loudly a message asks for people, whatever the service calls it."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence

from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Message, Severity


class Urgency(enum.StrEnum):
    """What a telephone does with it, from nothing at all to ringing through its owner's silence."""

    SILENT = "silent"
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    EMERGENCY = "emergency"


QUIET = frozenset({Urgency.SILENT, Urgency.LOW})
"""Without a sound, where a service knows only with and without."""

BY_SEVERITY: Mapping[Severity, Urgency] = {
    Severity.CRITICAL: Urgency.EMERGENCY,
    Severity.WARNING: Urgency.NORMAL,
    Severity.INFO: Urgency.SILENT,
}
"""What a severity asks for unless `priority:` of a channel says otherwise."""

_LEVELS = list(Urgency)


def urgency_of(message: Message, priority: Mapping[Severity, Urgency]) -> Urgency:
    """What one message asks for: nothing that is over, and no test but a critical one, wakes anybody."""
    found = priority.get(message.severity, BY_SEVERITY[message.severity])
    return min(found, Urgency.LOW, key=_LEVELS.index) if message.kind.final else found


def loudest(deliveries: Sequence[Delivery], priority: Mapping[Severity, Urgency]) -> Urgency:
    """What one notification of several asks for: as the loudest of the alerts in it, each as it is now."""
    return urgency_of(loudest_message(deliveries, priority), priority)


def loudest_message(deliveries: Sequence[Delivery], priority: Mapping[Severity, Urgency]) -> Message:
    """The message that decides how loud a notification is: the gravest of those that ask for as much."""
    last = {each.message.id: each.message for each in deliveries}

    def loudness(message: Message) -> tuple[int, int]:
        return _LEVELS.index(urgency_of(message, priority)), -message.severity.rank

    return max(last.values(), key=loudness)
