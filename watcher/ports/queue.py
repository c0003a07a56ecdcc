"""Queue: accounts of one source that are due, taken from it in batches."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from watcher.domain.credits.allowance import Purpose
from watcher.domain.model import Account
from watcher.domain.records import Record

if TYPE_CHECKING:
    import asyncio


class Batch(Record, frozen=True):
    """Accounts to ask for together, and why."""

    accounts: tuple[Account, ...]
    purpose: Purpose
    alone: bool = False
    """Whether it may go together with no other account."""


class Queue(Protocol):
    """Accounts that are due: between those who know that it is time and those who ask.

    Each account stands in it once, so it is never longer than the watch list. An account that is being
    asked for is given to nobody else until it is `done`.
    """

    changed: asyncio.Event
    """Set by what is put, and by what may be asked for again. Whoever waits for it clears it."""

    def __len__(self) -> int:
        """Accounts that are due and not taken."""
        ...

    def holds(self, account: Account) -> bool:
        """Whether an account is due, or was taken and is not done."""
        ...

    def put(self, accounts: Iterable[Account], purpose: Purpose, *, alone: bool = False) -> None:
        """Make accounts due; `alone`: each in a batch of its own. The more urgent of two purposes wins."""
        ...

    def read(self, accounts: Iterable[Account]) -> None:
        """These were read: when they are put again they become due anew."""
        ...

    async def take(self, limit: int) -> Batch:
        """Wait for work and take up to `limit` accounts of the most urgent purpose."""
        ...

    def take_now(self, limit: int, purposes: Collection[Purpose]) -> Batch | None:
        """Take up to `limit` accounts of the most urgent of these purposes, if any are due."""
        ...

    def taken(self, batch: Batch) -> None:
        """Somebody took these before this queue was there: they are due for nothing that is less urgent."""
        ...

    async def settled(self, accounts: Sequence[Account]) -> Collection[Account]:
        """Those of these that were asked for since they became due; nobody does that unless many ask."""
        ...

    def urgent(self, batch: Batch) -> bool:
        """Whether accounts are due that are more urgent than a batch that was taken: free, or its own."""
        ...

    def done(self, batch: Batch) -> None:
        """The accounts of this batch may be asked for again."""
        ...
