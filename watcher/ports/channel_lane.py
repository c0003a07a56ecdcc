"""Channel lane: what is known of a channel beside what it is owed, for whoever tells it next."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Protocol

from watcher.domain.records import Record


class ToldThen(NamedTuple):
    """A notification of late: when it went out, of how many happenings it told, and of how many that were
    critical."""

    at: datetime
    happenings: int
    critical: int


class LaneState(Record, frozen=True):
    """How a channel fares."""

    told: tuple[ToldThen, ...] = ()
    """What went out within the last minute or so, oldest first."""
    paused_until: datetime | None = None
    asked_to_wait: bool = False
    """Whether the channel's service asked for the pause."""
    failures: int = 0
    """Attempts in a row that failed."""
    apart: frozenset[str] = frozenset()
    """Ids of deliveries that were refused together: each is told alone."""


class ChannelLane(Protocol):
    """One channel, as long as one tells it. StoreError from whatever cannot be had now."""

    async def last(self) -> LaneState:
        """What whoever told it before has left."""
        ...

    async def keep(self, state: LaneState) -> None:
        """Leave this for the next. StoreError if somebody else tells it by now."""
        ...
