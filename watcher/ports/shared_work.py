"""Shared work: what members of one store hand each other, so that each piece is done once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from watcher.domain.credits.allowance import Purpose
from watcher.domain.model import EMPTY, Account
from watcher.domain.records import Record, field
from watcher.ports.channel_lane import ChannelLane
from watcher.ports.clock import Clock
from watcher.ports.gate import Gate
from watcher.ports.hints import HintWord, Posted
from watcher.ports.members import Lease
from watcher.ports.queue import Batch


class PollJob(Record, frozen=True):
    """Accounts of one source that somebody is to ask for.

    `planned`: when that was said. Who was asked for since then is done with.
    """

    source: str
    batch: Batch
    planned: datetime
    words: Mapping[Account, HintWord] = field(default_factory=lambda: EMPTY)
    """Upon which word from outside each is asked for, if that is why."""


class HandedJob(NamedTuple):
    """A job that waits or is being done, by its id."""

    id: int
    job: PollJob


class PolledRequest(NamedTuple):
    """What came of one request, whichever member made it: of each account whether it changed, or (None) could
    not be read."""

    id: int
    purpose: Purpose
    at: datetime
    accounts: Mapping[Account, bool | None]


class OwedRecheck(NamedTuple):
    """An account whose confirmation is due."""

    account: Account
    due: datetime
    alone: bool


Asking = Callable[[PollJob], Awaitable[None]]
"""Does a job; it may be cut off."""


class SharedWork(Protocol):
    """What members share beside the state. StoreError from whatever cannot be had now."""

    def gate(self, source: str, clock: Clock) -> Gate:
        """The gate of a source."""
        ...

    def lane(self, channel: str, lease: Lease) -> ChannelLane:
        """The lane of a channel, for who tells it."""
        ...

    async def hand(self, crowd: str, jobs: Sequence[PollJob]) -> list[int]:
        """Hand jobs to those of a crowd: members that have read the same configuration. Their ids."""
        ...

    async def ahead(self, crowd: str) -> list[HandedJob]:
        """Jobs of a crowd that are not done, oldest first."""
        ...

    async def take(self, crowd: str, sources: Mapping[str, int], do: Asking) -> None:
        """Do jobs of these sources, so many at once, until cancelled. What is urgent waits for no other.

        A job that is cut off goes back, and whoever is free does it.
        """
        ...

    async def sweep(self, crowd: str) -> int:
        """Give back what the dead were doing, and drop what is for another crowd; how many those were."""
        ...

    async def polled(self, source: str, since: datetime) -> list[PolledRequest]:
        """Requests that ended since then, oldest first."""
        ...

    async def owed(self, source: str) -> list[OwedRecheck]:
        """Confirmations whose time has come."""
        ...

    async def askers(self, crowd: str) -> int:
        """How many members of a crowd are there."""
        ...

    async def learnt(self, source: str) -> Mapping[str, str]:
        """What schedules have learnt of each account, by its key."""
        ...

    async def keep_learnt(self, source: str, found: Mapping[str, str]) -> None:
        """Keep what was learnt of some accounts."""
        ...

    async def post(self, name: str, posted: Posted) -> None:
        """Leave what was posted to a hint source for who plans."""
        ...

    async def posts(self) -> list[tuple[str, Posted]]:
        """What was left, oldest first, by the names of the hint sources. Each is given once."""
        ...

    async def settled(self, planned: Mapping[Account, datetime]) -> Collection[Account]:
        """Those of these that were read after their job was planned."""
        ...
