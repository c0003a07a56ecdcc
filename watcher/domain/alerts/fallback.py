"""Fallback: what another channel is told in place of one that gave up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from watcher.domain.alerts.lifecycle import short_id
from watcher.domain.messages.delivery import Delivery, DeliveryState, Fault
from watcher.domain.messages.message import Kind, Message, Severity
from watcher.domain.records import replace

FALLBACK_AFTER = timedelta(minutes=30)
"""What a channel out of reach could not tell for so long, its fallback tells; if it is critical:"""

CRITICAL_AFTER = timedelta(minutes=5)

BROKEN_AFTER = timedelta(minutes=1)
"""The same for a channel that people must mend; what is critical then waits for nothing."""

FOLLOWS = frozenset({Kind.REPEAT, Kind.RESOLVED, Kind.WITHDRAWN})
"""What goes on from a message must reach whoever was told that one."""


def patience(message: Message, fault: Fault) -> timedelta:
    """How long a message waits for its own channel before the fallback tells it too."""
    critical = message.severity is Severity.CRITICAL
    if fault is Fault.CHANNEL:
        return timedelta(0) if critical else BROKEN_AFTER
    return CRITICAL_AFTER if critical else FALLBACK_AFTER


def stand_in_id(identity: str, channel: str) -> str:
    """The id of what a fallback is owed in place of a delivery: the same however often it is asked for."""
    return short_id(identity, "in place of", channel)


def in_place_of(delivery: Delivery, channel: str, now: datetime, why: str = "") -> Delivery:
    """The same message for another channel, which says why it comes there."""
    why = why or ("" if delivery.state is DeliveryState.SENT else delivery.last_error)
    words = f"channel {delivery.channel}" + (f": {why}" if why else "")
    message = replace(delivery.message, facts=(*delivery.message.facts, ("In place of", words)))
    return Delivery(stand_in_id(delivery.id, channel), channel, message, now, now)


def candidates(settled: Iterable[Delivery], fallback: str | None, now: datetime) -> Mapping[str, Delivery]:
    """By the id of what was settled, what the fallback may have to tell.

    Of what was given up it must. Of what went on and was sent it must only if it told an earlier message
    of the alert in place of this channel, which the store knows.
    """
    if fallback is None:
        return {}
    return {
        each.id: in_place_of(each, fallback, now)
        for each in settled
        if each.state is DeliveryState.GIVEN_UP
        or (each.state is DeliveryState.SENT and each.message.kind in FOLLOWS)
    }


def circles(fallbacks: Mapping[str, str]) -> Iterable[str]:
    """Channels whose fallbacks lead back to themselves."""
    for name in fallbacks:
        seen, at = {name}, fallbacks[name]
        while at in fallbacks and at not in seen:
            seen.add(at)
            at = fallbacks[at]
        if at == name:
            yield name
