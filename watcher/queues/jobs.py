"""Queue of a member that asks: what others planned, with when they did, and what came of it so far."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from watcher.domain.credits.allowance import Purpose
from watcher.domain.model import Account
from watcher.ports.hints import HintWord
from watcher.ports.queue import Batch
from watcher.ports.shared_work import PollJob, SharedWork
from watcher.queues.memory import PollQueue


class JobQueue(PollQueue):
    """Accounts of one source that this member was told to ask for."""

    def __init__(self, work: SharedWork) -> None:
        super().__init__()
        self._work = work
        self._planned: dict[Account, datetime] = {}
        """When those of jobs that are being done became due, until they are read: who stood still between a
        request that failed and the next one must not pay for whom another has read meanwhile."""
        self._asked: dict[Account, datetime] = {}
        """Upon which of these plans each is asked for: a job that comes meanwhile has another one, which the
        reading settles."""
        self._words: dict[Account, HintWord] = {}
        self._ended = asyncio.Event()

    async def do(self, job: PollJob) -> None:
        """Have a job done: until each of its accounts was asked for, or given up."""
        accounts, batch = job.batch.accounts, job.batch
        super().put(accounts, batch.purpose, alone=batch.alone)
        self._planned.update(dict.fromkeys(accounts, job.planned))
        self._words.update(job.words)
        while any(map(self.holds, accounts)):
            self._ended.clear()
            await self._ended.wait()
        for account in accounts:
            self._planned.pop(account, None)
            self._asked.pop(account, None)
            self._words.pop(account, None)

    def put(self, accounts: Iterable[Account], purpose: Purpose, *, alone: bool = False) -> None:
        accounts = list(accounts)
        if purpose is Purpose.BY_HAND:  # whoever wants it now wants it read now
            for account in accounts:
                self._planned.pop(account, None)
        super().put(accounts, purpose, alone=alone)

    def read(self, accounts: Iterable[Account]) -> None:
        for account in accounts:
            if (plan := self._asked.pop(account, None)) is not None and self._planned.get(account) == plan:
                del self._planned[account]

    def done(self, batch: Batch) -> None:
        super().done(batch)
        self._ended.set()

    def word_of(self, account: Account) -> HintWord | None:
        """Upon which word an account is asked for."""
        return self._words.get(account)

    async def settled(self, accounts: Sequence[Account]) -> Collection[Account]:
        planned = {each: at for each in accounts if (at := self._planned.get(each)) is not None}
        for each in accounts:
            self._asked.pop(each, None)
        self._asked.update(planned)
        return await self._work.settled(planned) if planned else ()
