"""Timers: what time alone brings about: accounts unread for long, repeats, escalations, ends of silences."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import islice

from watcher.domain.credits.allowance import CreditPlan
from watcher.domain.decision import Snapshot
from watcher.domain.model import Account
from watcher.domain.rules import Use, pace_since
from watcher.domain.scheduler.outlook import OUTLOOK, Outlook
from watcher.domain.values.errors import StoreError
from watcher.service.clock import Setting
from watcher.service.engine import PASS, RuleEngine

log = logging.getLogger(__name__)

EVERY = PASS.total_seconds()
FIRST = 1.0
"""Seconds before the first pass: what is due to be polled goes first."""

LONGEST = 40
"""So many passes are left out at most while nothing happens: ten minutes."""

LONGEST_SPENDING = 4
"""The same where rules look at credits, which polls spend meanwhile."""

NOTED_EVERY = 60.0
"""How often the store is told that the daemon is at work: later nobody can tell silence from absence."""

OUTLOOK_EVERY = 300.0

AT_ONCE = 5000
"""Accounts of which the store is asked at once whether anybody asked for them."""

SLICE = 500
"""Accounts judged in one transaction, so that a poll never waits long behind it."""


class TimeBasedEvaluation:
    """Judges by the clock. One pass looks at every account that has something to lose by silence, and at when
    there will be something to judge: what would bring nothing until then is left out."""

    def __init__(self, engine: RuleEngine, plans: Callable[[], Mapping[str, CreditPlan]] = dict) -> None:
        """`plans`: what each source that sells credits sells at present."""
        self._engine, self._plans = engine, plans
        self._store, self._rules, self._clock = engine.store, engine.rules, engine.clock
        self._clock_was_set = Setting(self._clock)
        self._due = 0.0
        """When the next pass is due, in seconds since the start."""
        self._watched: tuple[Account, ...] | None = None
        self._never: set[Account] | None = None
        """Those of them that were never asked for, as far as is known."""
        self._outlooks: dict[str, tuple[float, Outlook | None]] = {}

    def wake(self) -> None:
        """Make a pass now: somebody else changed what is judged."""
        self._due = 0.0
        self._engine.later.set()

    async def run(self) -> None:
        """Pass after pass, each when there may be something to judge, until cancelled."""
        began, later = self._clock.monotonic(), self._engine.later

        def elapsed() -> float:
            return round(self._clock.monotonic() - began, 3)

        def after(passes: int) -> float:
            return EVERY * (elapsed() // EVERY + 1 + passes)

        noted = self._due = FIRST
        while True:
            if await self._clock.wait(later, max(min(self._due, noted) - elapsed(), 0.0)):
                later.clear()
                self._due = min(self._due, after(0))
                continue
            try:
                if elapsed() >= noted:
                    noted = NOTED_EVERY * (elapsed() // NOTED_EVERY + 1)
                    await self._store.running(self._engine.running_since, self._clock.now())
                if elapsed() >= self._due:
                    self._due = after(0)
                    self._due = after(await self.once(LONGEST))
            except StoreError as error:
                log.error("store: %s; time-based rules wait", error)  # noqa: TRY400
            except Exception:
                # The one broad catch of this loop: one bad pass must not end the next.
                log.exception("unexpected error while judging by the clock")

    async def once(self, most: int = 0) -> int:
        """One pass over all accounts that a clock rule or a live alert concerns; after it so many passes, of
        `most`, will bring nothing if nothing else happens."""
        if self._clock_was_set():
            return 0  # a clock set ahead is no silence; the daemon takes the schedule up anew
        past, more = await self._store.load(()), set[Account]()
        accounts = await (self._unread(past) if past.apart else self._clocked())
        for alert in await self._store.live_alerts():
            timed = bool(alert.held or alert.owed) or self._rules.timed(alert.rule)
            account = alert.account
            if timed and account is not None and account in self._rules.wallets:
                more.add(account)
        more.difference_update(accounts)
        # At least one look, even at no account: what belongs to none comes with any.
        accounts = (*accounts, *sorted(more))
        uses = await self._uses(self._clock.now())
        quiet = min(most, LONGEST_SPENDING) if self._rules.budgets else most
        for start in range(0, max(len(accounts), 1), SLICE):
            some = accounts[start : start + SLICE]
            quiet = await self._engine.judge_time(some, uses if start == 0 else {}, quiet)
        return quiet

    async def _unread(self, past: Snapshot) -> tuple[Account, ...]:
        """Those that a clock rule, a sum or an end that is owed may concern now, where nobody knows all."""
        found = {alert.account for alert in past.owing}
        silence, now = self._rules.bears_silence(), self._clock.now()
        if silence is not None:
            found.update(await self._store.unread_since(now - silence))
            if now - self._engine.running_since >= silence:
                found |= await self._never_asked()
        return tuple(sorted(each for each in found if each is not None and each in self._rules.wallets))

    async def _never_asked(self) -> set[Account]:
        """Those that a clock rule concerns and nobody ever asked for. They are silent since our start:
        until that is long ago, most are asked for."""
        if self._never is None:
            found, wallets = set[Account](), iter(self._rules.wallets)
            while some := list(islice(wallets, AT_ONCE)):
                clocked = [each for each in some if self._rules.clocked(each)]
                found.update(clocked)
                found.difference_update(await self._store.attempts(clocked))
            self._never = found
        elif self._never:
            self._never.difference_update(await self._store.attempts(list(self._never)))
        return self._never

    async def _clocked(self) -> tuple[Account, ...]:
        """The accounts that a clock rule concerns; found once, for there may be many, and the loop turns
        in between."""
        if self._watched is None:
            found, wallets = [], sorted(self._rules.wallets)
            for start in range(0, len(wallets), SLICE):
                found += [each for each in wallets[start : start + SLICE] if self._rules.clocked(each)]
                await asyncio.sleep(0)
            self._watched = tuple(found)
        return self._watched

    async def _uses(self, now: datetime) -> dict[str, Use]:
        """What the ledger says of the sources that rules about credits name."""
        plans = self._plans() if self._rules.budgets else {}
        uses = {}
        for name in {rule.source for rule in self._rules.budgets} & plans.keys():
            plan, since = plans[name], pace_since(plans[name], now)
            spent = await self._store.spent(name, plan.bounds(now)[0])
            late, outlook = await self._store.spent(name, since), await self._outlook(name)
            uses[name] = Use(plan, spent, late, since, now, outlook)
        return uses

    async def _outlook(self, source: str) -> Outlook | None:
        """What the cadence plans: it changes slowly, and stands beside much that the cadence has learnt."""
        at, outlook = self._outlooks.get(source, (-OUTLOOK_EVERY, None))
        if outlook is None or self._clock.monotonic() - at >= OUTLOOK_EVERY:
            outlook = Outlook.load((await self._store.facts(source)).get(OUTLOOK))
            self._outlooks[source] = self._clock.monotonic(), outlook
        return outlook
