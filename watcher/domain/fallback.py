"""What another channel is told in place of one that gave up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from watcher.domain.alerting import short_id
from watcher.domain.delivery import Delivery, DeliveryState
from watcher.domain.message import Kind

FALLBACK_AFTER = timedelta(minutes=30)
"""A channel with a fallback is given up so soon: what it cannot tell is told elsewhere."""

FOLLOWS = frozenset({Kind.REPEAT, Kind.RESOLVED})
"""What goes on from a message must reach whoever was told that one."""


def in_place_of(delivery: Delivery, channel: str, now: datetime) -> Delivery:
    """The same message for another channel, which says why it comes there."""
    why = f": {delivery.last_error}" if delivery.state is DeliveryState.GIVEN_UP else ""
    facts = (*delivery.message.facts, ("In place of", f"channel {delivery.channel}{why}"))
    identity = short_id(delivery.id, "in place of", channel)
    return Delivery(identity, channel, replace(delivery.message, facts=facts), now, now)


def candidates(settled: Iterable[Delivery], fallback: str | None, now: datetime) -> Mapping[str, Delivery]:
    """By the id of what was settled, what the fallback may have to tell.

    Of what was given up it must. Of what went on and was sent it must only if an earlier message of
    the alert was given up here, which the store knows.
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
