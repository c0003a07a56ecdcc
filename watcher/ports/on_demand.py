"""Polls on demand: what people want read now, and whoever reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from watcher.domain.model import Account


class Demanded(NamedTuple):
    """Account that somebody wanted read. `waits`: it is due, or being asked for now. `because`: why it still
    waits, or why it was not asked for, as far as this is known."""

    at: datetime
    waits: bool
    because: str = ""


class OnDemandPolls(Protocol):
    """Where polls that people want are put: into the queue of this process, or one day of another machine.

    The budget decides about them as about every poll.
    """

    def cost(self, accounts: Sequence[Account]) -> Mapping[str, int]:
        """Credits that one poll of these takes at most, by source; 0 where none are sold."""
        ...

    async def demand(self, accounts: Sequence[Account]) -> Mapping[str, str]:
        """Have these read as soon as may be. By source, in words, why nothing of it is asked for."""
        ...

    def demanded(self, account: Account) -> Demanded | None:
        """What became of the last time that an account was wanted; None if it was not, or long ago."""
        ...
