"""Threads of alerts at services that name a message by its channel and an id there. Pure.

All that is to be known of an earlier message stands in its receipt, which the store keeps with each delivery.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from watcher.domain.messages.delivery import Delivery
from watcher.notify.notice import Told, folded

_RECEIPT = re.compile(r"([A-Z0-9]{1,40}):([0-9]{1,30}(?:\.[0-9]{1,10})?)(?::([0-9]{1,6}))?")


class MessagePlace(NamedTuple):
    """Place of a message of ours: the channel's id, and what the message is called there."""

    channel: str
    name: str
    alerts: int = 1
    """So many alerts it tells of: of several it cannot be marked as over when one of them is."""

    @property
    def receipt(self) -> str:
        several = f":{self.alerts}" if self.alerts > 1 else ""
        return f"{self.channel}:{self.name}{several}"


def alerts_in(deliveries: Sequence[Delivery]) -> int:
    """How many alerts a message tells of: of a move that two share each may be over without the other."""
    firing = {each.message.id for each in deliveries if each.message.kind.present}
    return max(len(folded(deliveries)), len(firing))


def place_of(receipt: str) -> MessagePlace | None:
    """The place that a receipt names; None if it has another form: it may be of another service."""
    found = _RECEIPT.fullmatch(receipt)
    return MessagePlace(found[1], found[2], int(found[3] or 1)) if found else None


def thread_of(deliveries: Sequence[Delivery]) -> MessagePlace | None:
    """Where a notification goes on; None if it tells of something new, or of several threads at once."""
    threads = {each.thread for each in deliveries}
    return place_of(threads.pop()) if len(threads) == 1 else None


def followed(deliveries: Sequence[Delivery]) -> str:
    """The receipt of what a notification goes on from where a reply is seen by all: of the one thread in it.
    What is new beside that goes along if it is of the same wallet, as the change by which an alert ends."""
    threads = {each.thread for each in deliveries}
    if len({each.message.wallet for each in deliveries}) == 1:
        threads.discard("")
    return threads.pop() if len(threads) == 1 else ""


def ended(deliveries: Sequence[Delivery]) -> Iterator[tuple[MessagePlace, Told]]:
    """First messages to be marked as over, each with what ends it: those that tell of one alert alone."""
    for told in folded(deliveries):
        place = place_of(told[-1].thread) if told[-1].message.kind.final else None
        if place is not None and place.alerts == 1:
            yield place, told
