"""Members: processes that share one store, and which of them leads what must be done by one alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

from watcher.domain.records import Record
from watcher.ports.clock import Clock

CLOCK_OFF = 2.0
"""Seconds by which the time of day of a machine may be off the store's before people hear of it."""
CLOCK_WRONG = 30.0
"""Seconds beyond which its member leaves what it leads to others."""

PLAN = "plan"
"""The role of who says what is polled when, judges by the clock, counts, reports and tidies."""


def tell(channel: str) -> str:
    """The role of who tells a channel."""
    return f"tell {channel}"


class Lease(Record, frozen=True):
    """A role that a member leads, from when it was gained until it is lost. Each has a higher term than the
    one before, so the store knows who writes on behalf of a role that is another's by now."""

    role: str
    term: int = 0
    member: str = ""


class Identity(Record, frozen=True):
    """What a member says of itself. `wanted`: the roles that it would lead. `fingerprint`: of its rules and
    its watch list, which members must have alike."""

    name: str
    wanted: tuple[str, ...] = ()
    fingerprint: str = ""
    version: str = ""


class MemberState(Record, frozen=True):
    """A member as the store knows it."""

    name: str
    since: datetime
    seen: datetime
    at_work: bool
    """Whether it holds its connection now."""
    leads: tuple[str, ...]
    fingerprint: str
    version: str
    clock_offset: float
    """Seconds by which the time of day of its machine is ahead of the store's."""


class WorkState(NamedTuple):
    """What members have before them."""

    jobs: Mapping[str, int]
    """By their state: `todo`, or `doing`."""
    sum_lag: float
    """Seconds for which the oldest sum waits that is to be judged."""


class Members(Protocol):
    """Those who share a store, as one of them sees it."""

    @property
    def away(self) -> str:
        """Why the store cannot be reached, and since when; empty if it can."""
        ...

    @property
    def clock(self) -> Clock | None:
        """The store's own time, which is one for all; None: the machine's is."""
        ...

    @property
    def trouble(self) -> str:
        """Why this member leads nothing now, in words; empty if it may."""
        ...

    async def introduce(self, who: Callable[[], Identity]) -> None:
        """Join the others, or say what has changed. StoreInUseError if somebody of that name is at work."""
        ...

    def leads(self, role: str) -> bool:
        """Whether this member leads a role now."""
        ...

    async def gained(self, role: str) -> Lease:
        """Wait until this member leads a role."""
        ...

    async def lost(self, lease: Lease) -> None:
        """Wait until a lease is over; at once if it is."""
        ...

    async def release(self, lease: Lease) -> None:
        """Say that nothing is done under a lease that is over: another may begin."""
        ...


class SoleMember:
    """Who has a store to itself: it leads everything, at once and for ever."""

    away = trouble = ""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock

    async def introduce(self, who: Callable[[], Identity]) -> None:
        pass

    def leads(self, role: str) -> bool:  # noqa: ARG002
        return True

    async def gained(self, role: str) -> Lease:
        return Lease(role)

    async def lost(self, lease: Lease) -> None:  # noqa: ARG002
        import asyncio

        await asyncio.Event().wait()

    async def release(self, lease: Lease) -> None:
        pass
