"""Chain discovery (`discover`): now and then all chains of an address are asked for; what is new is told."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta

from watcher.domain.credits.allowance import Purpose
from watcher.domain.decision import Decision, Snapshot
from watcher.domain.evaluation.chain_discovery import Sweep, judge_sweep
from watcher.domain.model import Account, Miss, Outcome, Reading
from watcher.domain.scheduler import GOLDEN
from watcher.domain.values.errors import StoreError
from watcher.ports.queue import Queue
from watcher.ports.store import Recall
from watcher.service.engine import RuleEngine

log = logging.getLogger(__name__)

FACT = "sweeps"
"""Under this name the store keeps when each address was last swept, or would have been."""

CHECK_EVERY = 300.0
AGAIN = timedelta(days=1)
"""A sweep that brought nothing is tried again after so long: it may have been charged all the same."""


class ChainDiscovery:
    """The sweeps of one source. `run` makes them due."""

    def __init__(
        self,
        source: str,
        queue: Queue,
        sweeps: Sequence[Sweep],
        engine: RuleEngine,
        share: Callable[[], float] = lambda: 1.0,
    ) -> None:
        """`share`: how many of the polls that were set can be afforded; sweeps come more rarely by it."""
        self._source, self._queue, self._share = source, queue, share
        self._sweeps = {sweep.account: sweep for sweep in sweeps}
        self._engine, self._store, self._clock = engine, engine.store, engine.clock
        self._last: dict[Account, datetime] = {}
        self._tried: dict[Account, datetime] = {}

    async def run(self) -> None:
        """Put what is due into the queue, until cancelled."""
        while True:
            try:
                await self.once()
            except StoreError as error:
                log.warning("%s: looking for other chains waits: %s", self._source, error)
            await self._clock.sleep(CHECK_EVERY)

    async def once(self) -> None:
        """Make due what is due now."""
        now = self._clock.now()
        kept = _parsed((await self._store.facts(self._source)).get(FACT))
        if not self._last:
            await self._begin(kept, now)
        self._last.update({each: kept[each.address] for each in self._sweeps if each.address in kept})
        due = []
        for account, sweep in self._sweeps.items():
            last, tried = self._last[account], self._tried.get(account)
            if tried is not None and timedelta(0) <= now - tried < AGAIN:
                continue
            if last > now or (now - last) * self._share() >= sweep.every:
                self._tried[account] = now
                due.append(account)
        self._queue.put(due, Purpose.SWEEP)

    async def swept(self, outcome: Outcome, now: datetime) -> None:
        """What a sweep brought: told, and kept nowhere else."""
        sweep = self._sweeps.get(outcome.account)
        if sweep is None or isinstance(outcome, Miss):
            return
        reading: Reading = outcome

        def deciding(past: Snapshot, _recall: Recall) -> Decision:
            return judge_sweep(past, sweep, reading, self._engine.rules.channels, now)

        # A notice belongs to the account that was the first of the address when it was told.
        mine = (each for each in self._engine.rules.wallets if each.source == self._source)
        accounts = [each for each in mine if each.address == sweep.account.address]
        await self._engine.conclude(accounts, deciding)
        self._last[sweep.account] = now
        await self._keep({sweep.account: now}, now)

    async def _begin(self, kept: Mapping[str, datetime], now: datetime) -> None:
        """Take up where the last run stood; new addresses get their place in the round."""
        for number, sweep in enumerate(self._sweeps.values()):
            first = now - sweep.every * (1 - number * GOLDEN % 1)
            self._last[sweep.account] = kept.get(sweep.account.address, first)
        watched = {account.address for account in self._sweeps}
        await self._keep(self._last, now, watched)

    async def _keep(
        self, swept: Mapping[Account, datetime], now: datetime, watched: Collection[str] | None = None
    ) -> None:
        """Write down when these were swept, beside the others; of those only what is `watched`, if it is
        given."""
        mine = {account.address: at for account, at in swept.items()}

        def change(text: str | None) -> str:
            kept = {each: at for each, at in _parsed(text).items() if watched is None or each in watched}
            return json.dumps({address: at.isoformat() for address, at in (kept | mine).items()})

        await self._store.change_fact(self._source, FACT, change, now)


def _parsed(text: str | None) -> dict[str, datetime]:
    """What an earlier run kept; what cannot be read begins anew."""
    try:
        value = json.loads(text or "{}")
        found = {str(address): datetime.fromisoformat(at) for address, at in value.items()}
    except (ValueError, TypeError, AttributeError):
        return {}
    return {address: at for address, at in found.items() if at.tzinfo is not None}
