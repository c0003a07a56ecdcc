"""Delivery: one message to one channel, and its timetable."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime, timedelta

from watcher.domain.messages.message import Message
from watcher.domain.model import EMPTY
from watcher.domain.records import Record, field, replace
from watcher.domain.values.durations import span
from watcher.domain.values.formatting import moment

FIRST_RETRY = timedelta(seconds=5)
LONGEST_RETRY = timedelta(minutes=15)
GIVE_UP_AFTER = timedelta(days=1)

LATE = timedelta(minutes=10)
"""A message that waited for so long says when it was decided: what it tells was true then."""


class DeliveryState(enum.StrEnum):
    PENDING = "pending"
    SENT = "sent"
    GIVEN_UP = "given_up"
    DROPPED = "dropped"
    """Taken out by hand."""
    WITHHELD = "withheld"
    """Kept from people on purpose (a silence, say); here to be seen, and `--retry` sends it."""


class Fault(enum.StrEnum):
    """Whose fault it is that something was not taken, as far as the service's own words tell."""

    PASSING = "passing"
    """It may be over by itself: no answer, too many messages, an error of the service's own."""
    CHANNEL = "channel"
    """The way there is broken until people mend it: a refused key, a chat that is gone, no such name."""
    MESSAGE = "message"
    """The message cannot be taken as it is, and has no better chance later: too long, say."""
    UNCLEAR = "unclear"
    """Refused for good, without a word whether the message or the channel is wrong."""


REFUSED = frozenset({Fault.MESSAGE, Fault.UNCLEAR})
"""Of several messages in one notification, one alone may have brought this about."""


class Delivery(Record, frozen=True):
    """What one channel is owed. `id` stays the same over every attempt, so a repeat shows.

    `delivered_to`: of several recipients of the channel, those who have it already; they are passed over.
    `only`: in this attempt nobody but these is told, for the others wait for what came before.
    """

    id: str
    channel: str
    message: Message
    created: datetime
    due: datetime
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    last_error: str = ""
    sent: datetime | None = None
    delivered_to: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()
    over: str = ""
    """Since when, and why, the alert that the message tells of is over, if it is."""
    receipt: str = ""
    """What the service calls the message that it took, for what follows; empty if it says nothing."""
    thread: str = ""
    """The receipt of the first message about the same alert that this channel took, if there is one."""

    def told_at(self, now: datetime) -> Message:
        """The message with what has to be known of it if it comes late: when it was decided, and that its
        alert is over, where nobody may say so yet."""
        message, facts = self.message, []
        if now - message.at >= LATE:
            waited = span((now - message.at).total_seconds())
            facts.append(("Decided", f"{moment(message.at)}, {waited} before this was sent"))
        if self.over and message.kind.present:
            facts.append(("Over", self.over))
        return replace(message, facts=(*message.facts, *facts)) if facts else message


class Sent(Record, frozen=True):
    """The channel took it.

    `remarks`: what people should know of the channel although it works, by a name that stays the same;
    each is told once. `facts`: what the channel has learnt and must know again after a restart.
    """

    remarks: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    facts: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    receipt: str = ""
    """What the service calls the message; kept with each delivery that it told."""


class NotSent(Record, frozen=True):
    """The channel did not take it, or nobody knows whether it did.

    `detail` is for a person and holds no secret. `retry_after`: seconds that the service
    asked us to wait. `maybe_sent`: it timed out, so it may have arrived; the next attempt
    carries the same delivery id. `delivered_to`: of several recipients, those who did take it. `remarks` and
    `facts` as in `Sent`.
    """

    detail: str
    retry_after: float | None = None
    maybe_sent: bool = False
    fault: Fault = Fault.PASSING
    delivered_to: frozenset[str] = frozenset()
    remarks: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    facts: Mapping[str, str] = field(default_factory=lambda: EMPTY)


SendResult = Sent | NotSent


def backoff(attempts: int, jitter: float) -> timedelta:
    """How long to wait after the `attempts`-th failure; `jitter` in 0..1 spreads it by a fifth."""
    doubled = FIRST_RETRY * (2 ** min(attempts - 1, 20))
    wait: timedelta = min(doubled, LONGEST_RETRY)
    return wait * (0.9 + 0.2 * jitter)
