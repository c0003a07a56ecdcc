"""What time alone brings about: accounts unread for too long, repeats that are due, old rows to drop."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from watcher.domain.cycle import Conclusion, Past, lapse
from watcher.domain.errors import StoreError
from watcher.domain.model import Account
from watcher.domain.selection import Rules
from watcher.ports import Recall, Store
from watcher.service.clock import Clock

log = logging.getLogger(__name__)

EVERY = 15.0
SLICE = 500
"""Accounts judged in one transaction, so that a poll never waits long behind it."""


class Lapse:
    """Judges by the clock. One pass looks at every account that has something to lose by silence."""

    def __init__(
        self,
        store: Store,
        rules: Rules,
        clock: Clock,
        running_since: datetime,
        on_deliveries: Callable[[], None],
        on_progress: Callable[[], None] = lambda: None,
    ) -> None:
        self._store, self._rules, self._clock = store, rules, clock
        self._running_since = running_since
        self._on_deliveries, self._on_progress = on_deliveries, on_progress
        self._watched: tuple[Account, ...] | None = None

    async def run(self) -> None:
        """Pass after pass, until cancelled."""
        while True:
            try:
                await self.once()
                self._on_progress()
            except StoreError as error:
                log.error("store: %s; time-based rules wait", error)  # noqa: TRY400
            except Exception:
                # The one broad catch of this loop: one bad pass must not end the next.
                log.exception("unexpected error while judging by the clock")
            await self._clock.sleep(EVERY)

    async def once(self) -> None:
        """One pass over all accounts that a clock rule or a live alert concerns."""
        accounts = self._clocked()
        more: set[Account] = set()
        repeating = {rule.id for rule in self._rules.repeats()}
        without_account = False
        for alert in await self._store.live_alerts():
            if alert.rule not in repeating:
                continue
            if alert.account is None:
                without_account = True
            elif alert.account in self._rules.wallets and not self._rules.of(alert.account).clocks:
                more.add(alert.account)
        accounts = (*accounts, *sorted(more))
        if without_account and not accounts:
            await self._judge([])  # alerts on sums come with any accounts, or with none
        for start in range(0, len(accounts), SLICE):
            await self._judge(accounts[start : start + SLICE])

    def _clocked(self) -> tuple[Account, ...]:
        """The accounts that a clock rule concerns; found once, for there may be many."""
        if self._watched is None:
            found = (account for account in self._rules.wallets if self._rules.of(account).clocks)
            self._watched = tuple(sorted(found))
        return self._watched

    async def _judge(self, accounts: Sequence[Account]) -> None:
        now = self._clock.now()

        def deciding(past: Past, _recall: Recall) -> Conclusion:
            return lapse(past, accounts, self._rules, now, running_since=self._running_since)

        conclusion = await self._store.conclude(accounts, deciding)
        if conclusion.deliveries:
            self._on_deliveries()
