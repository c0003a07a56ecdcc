"""Polls on demand in this process: they are put into the queues of the sources' pollers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from watcher.domain.credits.allowance import Allowance, Purpose, Spending, may_spend
from watcher.domain.model import Account
from watcher.domain.values.durations import span
from watcher.domain.values.formatting import moment
from watcher.ports.clock import Clock
from watcher.ports.on_demand import Demanded
from watcher.ports.store import Store
from watcher.service.polling import Poller

REMEMBERED = timedelta(minutes=10)
"""How long it is known that an account was wanted."""
PAUSE = 5.0
"""Seconds until the next request that are worth a word."""


class QueuedPolls:
    """Asks the pollers of one configuration."""

    def __init__(self, pollers: Mapping[str, Poller], store: Store, clock: Clock) -> None:
        self._pollers, self._store, self._clock = pollers, store, clock
        self._demanded: dict[Account, datetime] = {}

    def cost(self, accounts: Sequence[Account]) -> Mapping[str, int]:
        found = dict.fromkeys((each.source for each in accounts), 0)
        for account in accounts:
            source = self._pollers[account.source].source
            found[account.source] += source.cost(account) if source.allowance.credits is not None else 0
        return found

    async def demand(self, accounts: Sequence[Account]) -> Mapping[str, str]:
        now, refused = self._clock.now(), {}
        if trouble := self._store.members.trouble:
            return dict.fromkeys((each.source for each in accounts), trouble)
        self._demanded = {each: at for each, at in self._demanded.items() if now - at < REMEMBERED}
        for name in dict.fromkeys(each.source for each in accounts):
            mine = [each for each in accounts if each.source == name]
            refusal = await self._refusal(self._pollers[name], mine, now)
            if refusal:
                refused[name] = refusal
                continue
            self._pollers[name].queue.put(mine, Purpose.BY_HAND)
            self._demanded.update(dict.fromkeys(mine, now))
        return refused

    def demanded(self, account: Account) -> Demanded | None:
        at = self._demanded.get(account)
        if at is None or self._clock.now() - at >= REMEMBERED:
            return None
        poller = self._pollers[account.source]
        waits = poller.queue.holds(account)
        return Demanded(at, waits, self._pause(poller) if waits else "the budget has no room for it now")

    def _pause(self, poller: Poller) -> str:
        """Why nothing is asked for at present."""
        if poller.trouble:
            return poller.trouble
        wait = poller.throttle.next_start - self._clock.monotonic()
        return f"{poller.source.name} is asked again in {span(wait)}" if wait > PAUSE else ""

    async def _refusal(self, poller: Poller, accounts: Sequence[Account], now: datetime) -> str:
        """Why not even the cheapest of these can be paid for; empty if it can."""
        plan = poller.source.allowance.credits
        if plan is None:
            return ""
        spent = await self._store.spent(poller.source.name, plan.bounds(now)[0])
        cost = min(map(poller.source.cost, accounts))
        refusal = may_spend(Allowance(plan), Spending(spent), cost, Purpose.BY_HAND, now)
        return f"{refusal.reason}; there are more from {moment(refusal.until)} on" if refusal else ""
