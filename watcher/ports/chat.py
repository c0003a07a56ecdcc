"""Chat: people who answer in a channel, by a button under a message or by a command.

A button says a command, as if the person who presses it had written that: one place judges both.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Kind, Message
from watcher.domain.records import Record

_NOTHING_TO_ANSWER = frozenset({Kind.REPORT, Kind.TEST, Kind.RESOLVED, Kind.WITHDRAWN})


MOST_WHOLE = 3
"""With more alerts than this in one message each has a button to acknowledge it, and no others."""


class Button(NamedTuple):
    """Button under an alert: what stands on it, and the command that it says (at most 64 bytes)."""

    label: str
    says: str


def acknowledging(identity: str) -> Button:
    """The button that acknowledges what a delivery tells of; it has nothing more to do once that is done."""
    return Button("Acknowledge", f"/ack {identity}")


def buttons(message: Message, delivery: str) -> tuple[Button, ...]:
    """What can be answered to one message. `delivery`: the id under which it went out."""
    if message.kind in _NOTHING_TO_ANSWER:
        return ()
    return (
        acknowledging(delivery),
        Button("Silence 1 h", f"/silence {delivery} 1h"),
        Button("Silence 4 h", f"/silence {delivery} 4h"),
        Button("Explain", f"/explain {delivery}"),
    )


class Said(Record, frozen=True):
    """Command that somebody gave. Nothing of it is trusted but `person`, for which the service vouches."""

    person: str
    """The service's own id of who said it."""
    text: str
    """`/ack 1a2b3c4d on it`, without the name of the bot."""
    pressed: bool = False
    """Whether it was a button, and not written."""
    at: datetime | None = None
    """When it was said, as far as the service tells."""


class ChatAnswer(Record, frozen=True):
    """Answer to the person alone, where the service has a way to; else where it was asked. Plain text.

    `done`: whether something was changed, and the others were told.
    """

    text: str
    done: bool = False


class Ear(Protocol):
    """Who judges what is said, and does it."""

    def connected(self) -> None:
        """The service is listened to, as its last answer shows. Costs nothing, may be called often."""
        ...

    async def hear(self, said: Said) -> ChatAnswer | None:
        """Do what was said, and announce it; comes back when it is done for good. Never raises.

        None: this person may not answer here, and is told nothing. The same said twice has one effect.
        """
        ...


class BotError(Exception):
    """The service cannot be listened to now, in words for people, without a secret.

    `retry_after`: seconds that the service asked us to wait.
    """

    def __init__(self, words: str, retry_after: float | None = None) -> None:
        super().__init__(words)
        self.retry_after = retry_after


class Bot(Protocol):
    """Channel in which people answer: what a `ChannelKind` with a `service` builds is this, too."""

    @property
    def name(self) -> str: ...

    async def listen(self, ear: Ear) -> None:
        """Hand on what is said, one after another, until cancelled; the service hears that a thing has come
        only after `hear` is through with it. BotError if it breaks: whoever called begins anew."""
        ...

    async def announce(self, text: str, deliveries: Sequence[Delivery], *, settled: bool) -> None:
        """Say to all in the chat what somebody did about an alert, under its first message. Plain text.

        `deliveries`: what this channel took about the alert, with receipts, oldest first. `settled`: the
        buttons that acknowledge them go. Never raises for the service's faults: what was done is done.
        """
        ...
