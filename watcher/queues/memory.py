"""Queue in memory: what is due is known to this process alone."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence

from watcher.domain.credits.allowance import Purpose
from watcher.domain.model import Account
from watcher.ports.queue import Batch

_ORDER = (Purpose.CONFIRMATION, Purpose.HINTED, Purpose.BY_HAND, Purpose.SCHEDULED, Purpose.SWEEP)
_URGENCY = {purpose: place for place, purpose in enumerate(_ORDER)}


class PollQueue:
    """Accounts of one source that are due.

    Confirmations go first, then what word from outside asks for, then polls by hand, then what is
    scheduled, each in the order in which it became due.
    """

    def __init__(self) -> None:
        self._why: dict[Account, Purpose] = {}
        self._lines: dict[Purpose, dict[Account, bool]] = {purpose: {} for purpose in _URGENCY}
        """Who is due, by purpose and in that order; beside each whether it must be asked for alone."""
        self._busy: set[Account] = set()
        self.changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._why)

    def holds(self, account: Account) -> bool:
        return account in self._why or account in self._busy

    def put(self, accounts: Iterable[Account], purpose: Purpose, *, alone: bool = False) -> None:
        for account in accounts:
            old = self._why.get(account)
            if old is None:
                self._why[account] = purpose
                self._lines[purpose][account] = alone
            elif _URGENCY[purpose] < _URGENCY[old]:
                self._why[account] = purpose
                self._lines[purpose][account] = self._lines[old].pop(account) or alone
            elif alone:
                self._lines[old][account] = True
        self.changed.set()

    def read(self, accounts: Iterable[Account]) -> None:
        pass

    async def take(self, limit: int) -> Batch:
        while True:
            batch = self.take_now(limit)
            if batch is not None:
                return batch
            self.changed.clear()
            await self.changed.wait()

    def take_now(self, limit: int, purposes: Collection[Purpose] = _ORDER) -> Batch | None:
        for purpose, line in self._lines.items():
            chosen = self._free(line, limit) if purpose in purposes else []
            if chosen:
                alone = line[chosen[0]]
                for account in chosen:
                    del line[account], self._why[account]
                self._busy.update(chosen)
                return Batch(tuple(chosen), purpose, alone)
        return None

    def taken(self, batch: Batch) -> None:
        self._busy.update(batch.accounts)
        for account in batch.accounts:
            why = self._why.get(account)
            if why is not None and _URGENCY[why] >= _URGENCY[batch.purpose]:
                del self._why[account], self._lines[why][account]

    async def settled(self, accounts: Sequence[Account]) -> Collection[Account]:  # noqa: ARG002
        return ()

    def urgent(self, batch: Batch) -> bool:
        mine: frozenset[Account] | None = None
        for purpose in _ORDER[: _URGENCY[batch.purpose]]:
            for account in self._lines[purpose]:
                if account not in self._busy:
                    return True
                mine = mine or frozenset(batch.accounts)
                if account in mine:
                    return True
        return False

    def done(self, batch: Batch) -> None:
        self._busy.difference_update(batch.accounts)
        if any(account in self._why for account in batch.accounts):
            self.changed.set()

    def _free(self, line: Mapping[Account, bool], limit: int) -> list[Account]:
        """Up to `limit` accounts that may be asked for now; or one that must be asked for alone."""
        chosen: list[Account] = []
        for account, alone in line.items():
            if account in self._busy:
                continue
            if alone:
                return [account]
            chosen.append(account)
            if len(chosen) == limit:
                break
        return chosen
