"""Rule engine: each decision is made and kept in one transaction, counted, and told to who delivers."""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from datetime import datetime, timedelta
from threading import Lock

from watcher.domain.decision import Decision, Snapshot, SumKey
from watcher.domain.evaluation.asset_identity import recognise
from watcher.domain.evaluation.decide import decide, decide_by_time, decide_on_rules, differing, questions
from watcher.domain.evaluation.decide_sums import decide_on_sums, parts_of, questions_on_sums
from watcher.domain.evaluation.memo import Memo
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import EMPTY, Account, Outcome
from watcher.domain.rules import Use
from watcher.ports.clock import Clock
from watcher.ports.store import Concluding, Deciding, Recall, Settlement, Store
from watcher.service.metrics import Metrics

SUMS = 100
"""So many sums are judged in one transaction."""

PASS = timedelta(seconds=15)
"""Time is judged at moments so far apart, counted from the start."""

log = logging.getLogger(__name__)


class RuleEngine:
    """The rules at work over one store, for the daemon and for replays alike."""

    def __init__(
        self,
        store: Store,
        rules: Rules,
        clock: Clock,
        *,
        running_since: datetime,
        metrics: Metrics | None = None,
        on_deliveries: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_deliveries`: called after each decision by which somebody is to be told something."""
        self.store, self.rules, self.clock = store, rules, clock
        self.running_since = running_since
        self.metrics, self._on_deliveries = metrics, on_deliveries
        self._memo, self._deciding = Memo(), Lock()
        """A store may decide in several threads; a memo belongs to one at a time."""
        self.later = asyncio.Event()
        """Set by each decision after which time may bring something sooner than was thought."""
        self.left = asyncio.Event()
        """Set by each decision that leaves sums to be judged apart."""

    def over(self, store: Store) -> RuleEngine:
        """The same, which writes by another handle of its store."""
        if store is self.store:
            return self
        other = copy(self)
        other.store = store
        return other

    async def conclude(
        self, accounts: Sequence[Account], decide: Deciding, settlement: Settlement | None = None
    ) -> Decision:
        """Decide from what is known of these accounts, and keep all that follows."""
        decision = await self.store.conclude(accounts, decide, settlement)
        return self._told(decision, polled=settlement is not None)

    def _told(self, decision: Decision, *, polled: bool) -> Decision:
        if self.metrics is not None:
            self.metrics.concluded(decision, polled=polled)
        if decision.deliveries:
            self._on_deliveries()
        if decision.sums:
            self.left.set()
        spent = polled and self.rules.budgets
        if spent or decision.alerts or any(state.misses for state in decision.accounts):
            self.later.set()
        return decision

    async def judge(
        self, outcomes: Sequence[Outcome], now: datetime, settlement: Settlement | None = None
    ) -> Decision:
        """What the outcomes of one request lead to. `now` is when the answer came."""
        return await self.judge_read(lambda: (outcomes, settlement), now)

    async def judge_read(
        self, read: Callable[[], tuple[Sequence[Outcome], Settlement | None]], now: datetime
    ) -> Decision:
        """The same of what `read` finds out in the store's thread. Without an outcome the request is settled,
        and nothing is concluded."""
        decision = await self.store.conclude_read(lambda: self._concluding(*read(), now))
        return self._told(decision, polled=True)

    def _concluding(
        self, outcomes: Sequence[Outcome], settlement: Settlement | None, now: datetime
    ) -> Concluding:
        rules, memo = self.rules, self._memo
        if not outcomes:
            return (), lambda _past, _recall: Decision(now), settlement

        def deciding(past: Snapshot, recall: Recall) -> Decision:
            with self._deciding:
                names = recognise(past, outcomes, rules, now, memo=memo)
                past, seen = names.past, names.outcomes
                compared = differing(past, seen)
                asked = questions(past, seen, rules=rules, now=now, compared=compared, memo=memo)
            recalled = recall(asked)
            with self._deciding:
                return decide(
                    past, seen, rules, now, running_since=self.running_since, recalled=recalled,
                    compared=compared, names=names, memo=memo,
                )  # fmt: skip

        return [outcome.account for outcome in outcomes], deciding, settlement

    async def judge_time(
        self, accounts: Sequence[Account], uses: Mapping[str, Use] = EMPTY, most: int = 0
    ) -> int:
        """What the time alone leads to, for these accounts. `uses`: what the ledger says of sources.

        Returned is how many passes after this one, `most` of them, will bring nothing if nothing else
        happens. What time brings about it does not take back, so few of them have to be tried.
        """
        now, since, quiet = self.clock.now(), self.running_since, 0

        def deciding(past: Snapshot, _recall: Recall) -> Decision:
            def after(passes: int) -> Decision:
                at = now + PASS * passes
                return decide_by_time(
                    past, accounts, self.rules, at, running_since=since, uses=uses, memo=self._memo
                )

            nonlocal quiet
            with self._deciding:
                decision = after(0)
                if most and not decision.news and not past.apart:  # else others may decide what time ends
                    quiet = most
                    if after(most).news:
                        quiet = bisect_left(range(1, most), x=True, key=lambda passes: after(passes).news)
            return decision

        await self.conclude(accounts, deciding)
        return quiet

    async def judge_sums(self, most: int = SUMS) -> int:
        """Judge sums that were left to be judged apart, at most so many. Returned is how many that were."""
        taken = 0

        def read(sums: Mapping[SumKey, bool]) -> tuple[Sequence[Account], Deciding]:
            nonlocal taken
            taken = len(sums)

            def deciding(past: Snapshot, recall: Recall) -> Decision:
                recalled, now = recall(questions_on_sums(past)), self.clock.now()
                with self._deciding:
                    try:
                        return decide_on_sums(
                            past, sums, self.rules, now, running_since=self.running_since,
                            recalled=recalled, memo=self._memo,
                        )  # fmt: skip
                    except Exception:
                        if len(sums) > 1:
                            raise
                        log.exception("%s is not judged before it moves again", *map(" of ".join, sums))
                        return Decision(now)

            with self._deciding:
                return parts_of(sums, self.rules, self._memo), deciding

        decision = await self.store.conclude_sums(read, most)
        if decision is None:
            return 0
        self._told(decision, polled=False)
        return taken

    async def take_effect(self) -> Decision:
        """What new rules, or another watch list, mean for the alerts that live: see `decide_on_rules`."""
        now, live = self.clock.now(), await self.store.live_alerts()
        accounts = list(dict.fromkeys(alert.account for alert in live if alert.account is not None))

        def deciding(past: Snapshot, _recall: Recall) -> Decision:
            with self._deciding:
                return decide_on_rules(past, self.rules, now, memo=self._memo)

        return await self.conclude(accounts, deciding)
