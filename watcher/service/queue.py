"""The seam between what says that it is time and what does the work."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from watcher.domain.credits import Purpose
from watcher.domain.model import Account

_URGENCY = {Purpose.CONFIRMATION: 0, Purpose.BY_HAND: 1, Purpose.SCHEDULED: 2, Purpose.SWEEP: 3}


@dataclass(frozen=True, slots=True)
class Batch:
    """Accounts to ask for together, and why."""

    accounts: tuple[Account, ...]
    purpose: Purpose


class PollQueue:
    """Accounts of one source that are due. Each stands in it once, so it is never longer than the watch list.

    Confirmations go first, then polls by hand, then what is scheduled, each in the order in which
    it became due. An account that is being asked for right now is not taken a second time.
    """

    def __init__(self) -> None:
        self._due: dict[Account, tuple[Purpose, bool]] = {}
        self._busy: set[Account] = set()
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._due)

    def put(self, accounts: Iterable[Account], purpose: Purpose, *, alone: bool = False) -> None:
        """Make accounts due. The more urgent of two reasons wins."""
        for account in accounts:
            old = self._due.get(account)
            if old is None:
                self._due[account] = (purpose, alone)
            elif _URGENCY[purpose] < _URGENCY[old[0]]:
                self._due[account] = (purpose, alone or old[1])
            elif alone and not old[1]:
                self._due[account] = (old[0], True)
        self._changed.set()

    async def take(self, limit: int) -> Batch:
        """Wait for work and take up to `limit` accounts of the most urgent purpose."""
        while True:
            batch = self._next(limit)
            if batch is not None:
                return batch
            self._changed.clear()
            await self._changed.wait()

    def done(self, batch: Batch) -> None:
        """The accounts of this batch may be asked for again."""
        self._busy.difference_update(batch.accounts)
        if self._due:
            self._changed.set()

    def clear(self) -> None:
        """Forget what is due; a tick will say it again."""
        self._due.clear()

    def _next(self, limit: int) -> Batch | None:
        for purpose in _URGENCY:
            chosen = self._free(purpose, limit)
            if chosen:
                for account in chosen:
                    del self._due[account]
                self._busy.update(chosen)
                return Batch(tuple(chosen), purpose)
        return None

    def _free(self, purpose: Purpose, limit: int) -> list[Account]:
        """Up to `limit` accounts that may be asked for now; or the one that must be asked for alone."""
        chosen: list[Account] = []
        for account, (why, alone) in self._due.items():
            if why is not purpose or account in self._busy:
                continue
            if alone:
                return [account]
            if len(chosen) < limit:
                chosen.append(account)
        return chosen
