"""One message to one channel, and its timetable."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta

from watcher.domain.message import Message

FIRST_RETRY = timedelta(seconds=5)
LONGEST_RETRY = timedelta(minutes=15)
GIVE_UP_AFTER = timedelta(days=1)


class DeliveryState(enum.StrEnum):
    PENDING = "pending"
    SENT = "sent"
    GIVEN_UP = "given_up"
    DROPPED = "dropped"
    """Taken out by hand."""
    WITHHELD = "withheld"
    """Kept from people on purpose (a silence, say); here to be seen, and `--retry` sends it."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one channel is owed. `id` stays the same over every attempt, so a repeat shows."""

    id: str
    channel: str
    message: Message
    created: datetime
    due: datetime
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    last_error: str = ""
    sent: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """The channel took it."""


@dataclass(frozen=True, slots=True)
class NotSent:
    """The channel did not take it, or nobody knows whether it did.

    `detail` is for a person and holds no secret. `retry_after`: seconds that the service
    asked us to wait. `maybe_sent`: it timed out, so it may have arrived; the next attempt
    carries the same delivery id. `permanent`: the same attempt cannot succeed later.
    """

    detail: str
    retry_after: float | None = None
    maybe_sent: bool = False
    permanent: bool = False


SendResult = Sent | NotSent


def backoff(attempts: int, jitter: float) -> timedelta:
    """How long to wait after the `attempts`-th failure; `jitter` in 0..1 spreads it by a fifth."""
    doubled = FIRST_RETRY * (2 ** min(attempts - 1, 20))
    wait: timedelta = min(doubled, LONGEST_RETRY)
    return wait * (0.9 + 0.2 * jitter)
