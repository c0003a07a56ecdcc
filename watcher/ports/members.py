"""Members: processes that share one store, and which of them leads what must be done by one alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

PLAN = "plan"
"""The role of who says what is polled when, judges by the clock, counts, reports and tidies."""


def tell(channel: str) -> str:
    """The role of who tells a channel."""
    return f"tell {channel}"


@dataclass(frozen=True, slots=True)
class Lease:
    """A role that a member leads, from when it was gained until it is lost. Each has a higher term than the
    one before, so the store knows who writes on behalf of a role that is another's by now."""

    role: str
    term: int = 0


@dataclass(frozen=True, slots=True)
class Identity:
    """What a member says of itself. `fingerprint`: of its rules and watch list."""

    name: str = ""
    roles: frozenset[str] | None = None
    """What it would lead, each by its first word; None: everything."""
    fingerprint: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class MemberState:
    """A member as the store knows it."""

    identity: Identity
    since: datetime
    seen: datetime
    leads: tuple[str, ...] = field(default=())


class Members(Protocol):
    """Those who share a store, as one of them sees it."""

    async def introduce(self, identity: Identity) -> None:
        """Join the others, or say what has changed. NameTakenError if somebody of that name is at work."""
        ...

    def leads(self, role: str) -> bool:
        """Whether this member leads a role now."""
        ...

    async def gained(self, role: str) -> Lease:
        """Wait until this member leads a role; it tries for those that are waited for."""
        ...

    async def lost(self, lease: Lease) -> None:
        """Wait until a lease is over; at once if it is."""
        ...


class SoleMember:
    """Who has a store to itself: it leads everything, at once and for ever."""

    async def introduce(self, identity: Identity) -> None:
        pass

    def leads(self, role: str) -> bool:  # noqa: ARG002
        return True

    async def gained(self, role: str) -> Lease:
        return Lease(role)

    async def lost(self, lease: Lease) -> None:  # noqa: ARG002
        import asyncio

        await asyncio.Event().wait()
