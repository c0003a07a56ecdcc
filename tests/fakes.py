"""Real, small implementations of the ports, in memory. They pass the suites in `tests/contract`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.domain.given import firing, still
from watcher.domain.alerts.fallback import stand_in_id
from watcher.domain.alerts.flapping import Flap
from watcher.domain.alerts.lifecycle import Alert
from watcher.domain.credits.allowance import (
    ASIDE,
    LONGEST_REQUEST,
    Allowance,
    CreditRefusal,
    Grant,
    Purpose,
    Spending,
    may_spend,
)
from watcher.domain.decision import AmountAt, Decision, PriceAt, Question, Recalled, Snapshot
from watcher.domain.messages.delivery import Delivery, DeliveryState, SendResult, Sent
from watcher.domain.messages.message import Severity
from watcher.domain.model import EMPTY, Account, AccountState, Asset, Change, Outcome, PriceSuspicion, Quote
from watcher.domain.rules.lookback import Baseline, BaselineOf, ChangesIn
from watcher.ports.channel import UNGROUPED
from watcher.ports.commands import Commands
from watcher.ports.queries import Queries
from watcher.ports.source import Reply, Request
from watcher.ports.store import Recall, Settlement

START = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


class FakeClock:
    """Time that moves only by `advance`. Whoever sleeps wakes when it has moved far enough."""

    def __init__(self, now: datetime = START) -> None:
        self._now, self._elapsed = now, 0.0
        self._sleepers: list[tuple[float, asyncio.Event]] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        await self._ring(seconds).wait()

    async def wait(self, event: asyncio.Event, timeout: float | None) -> bool:  # noqa: ASYNC109
        waiting: list[asyncio.Task[Any]] = [asyncio.create_task(event.wait())]
        if timeout is not None:
            waiting.append(asyncio.create_task(self.sleep(timeout)))
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
        return event.is_set()

    async def advance(self, seconds: float) -> None:
        """Move time, waking sleepers in their order, and let them run."""
        target = self._elapsed + seconds
        while True:
            await self.settle()
            ripe = [sleeper for sleeper in self._sleepers if sleeper[0] <= target]
            if not ripe:
                break
            first = min(ripe, key=lambda sleeper: sleeper[0])
            self._move_to(first[0])
            self._sleepers.remove(first)
            first[1].set()
        self._move_to(target)
        await self.settle()

    async def settle(self) -> None:
        """Let everything run that can run without time passing."""
        for _ in range(20):
            await asyncio.sleep(0)

    def set_back(self, by: timedelta) -> None:
        """The time of day jumps; monotonic time does not."""
        self._now -= by

    def _move_to(self, elapsed: float) -> None:
        self._now += timedelta(milliseconds=round((elapsed - self._elapsed) * 1000))
        self._elapsed = elapsed

    def _ring(self, seconds: float) -> asyncio.Event:
        rung = asyncio.Event()
        self._sleepers.append((self._elapsed + seconds, rung))
        return rung


_FAR = datetime.max.replace(tzinfo=UTC)


@dataclass
class _Booked:
    source: str
    cost: int
    at: datetime
    purpose: Purpose
    ended: datetime | None = None


class FakeStore:
    """A store that forgets everything when it goes."""

    def __init__(self) -> None:
        self.states: dict[Account, AccountState] = {}
        self.alerts: dict[str, Alert] = {}
        self.quotes: dict[Asset, Quote] = {}
        self.flaps: dict[tuple[str, str], Flap] = {}
        self.symbols: dict[Asset, str] = {}
        self.same: dict[Asset, Asset] = {}
        self.former: dict[Asset, tuple[str, ...]] = {}
        self.named_at: dict[Asset, datetime] = {}
        self.doubts: dict[Asset, PriceSuspicion] = {}
        self.samples: list[tuple[Asset, Quote]] = []
        self.changes: list[Change] = []
        self.marks: dict[BaselineOf, Baseline] = {}
        self.deliveries: dict[str, Delivery] = {}
        self.ledger: list[_Booked] = []
        self._set_back: dict[int, datetime] = {}
        self.kept_facts: dict[tuple[str, str], str] = {}
        self.closed = False
        self.runs: dict[datetime, datetime] = {}

    def queries(self) -> Queries:
        raise NotImplementedError

    def commands(self) -> Commands:
        raise NotImplementedError

    async def reserve(
        self,
        source: str,
        accounts: int,
        cost: int,
        purpose: Purpose,
        now: datetime,
        allowance: Allowance,
    ) -> Grant | CreditRefusal:
        start = allowance.credits.bounds(now)[0] if allowance.credits is not None else now
        for number, row in enumerate(self.ledger):
            if row.at > now and self._set_back.get(number, _FAR) > now:
                self._set_back[number] = now  # booked before the clock was set back, so before now
        windows = (now - timedelta(seconds=window.seconds) for window in allowance.windows)
        mine = [
            row.at if row.at <= now else self._set_back[number]
            for number, row in enumerate(self.ledger)
            if row.source == source
        ]
        calls = tuple(sum(at > since for at in mine) for since in windows)
        aside = sum(row.cost for row in self.ledger if row.purpose in ASIDE and row.at >= start)
        refusal = may_spend(allowance, Spending(self._sum(source, start), calls, aside), cost, purpose, now)
        if refusal is not None:
            return refusal
        self.ledger.append(_Booked(source, cost, now, purpose))
        return Grant(len(self.ledger))

    async def spent(self, source: str, since: datetime) -> int:
        return self._sum(source, since)

    async def under_way(self, source: str, since: datetime) -> bool:
        recent = since - LONGEST_REQUEST
        return any(
            row.source == source and row.at > recent and (row.ended is None or row.ended > since)
            for row in self.ledger
        )

    async def running(self, since: datetime, now: datetime) -> None:
        self.runs[since] = max(now, self.runs.get(since, now))

    async def load(self, accounts: Sequence[Account]) -> Snapshot:
        chosen = {account: self.states[account] for account in accounts if account in self.states}
        alerts = {
            (alert.rule, alert.subject): alert
            for alert in self.alerts.values()
            if alert.live and (alert.account is None or alert.account in accounts)
        }
        live = [alert for alert in self.alerts.values() if alert.live]
        return Snapshot(
            chosen,
            alerts,
            dict(self.quotes),
            dict(self.symbols),
            dict(self.doubts),
            same=dict(self.same),
            former=dict(self.former),
            named_at=dict(self.named_at),
            everyone=dict(self.states),
            firing=firing(live),
            owing=tuple(alert for alert in self.alerts.values() if alert.owing),
            flaps=dict(self.flaps),
        )

    async def conclude(
        self,
        accounts: Sequence[Account],
        decide: Callable[[Snapshot, Recall], Decision],
        settlement: Settlement | None = None,
    ) -> Decision:
        conclusion = decide(await self.load(accounts), self._recall)
        self.states.update({state.account: state for state in conclusion.accounts})
        self.alerts.update({alert.id: alert for alert in conclusion.alerts})
        self.flaps.update(conclusion.flaps)
        self.quotes.update(conclusion.quotes)
        self.named_at.update({a: conclusion.at for a in conclusion.symbols if self.symbols.get(a)})
        self.symbols.update(conclusion.symbols)
        self.same.update(conclusion.same)
        self.former.update(conclusion.former)
        self.doubts.update({asset: doubt for asset, doubt in conclusion.doubts.items() if doubt is not None})
        for asset in [asset for asset, doubt in conclusion.doubts.items() if doubt is None]:
            self.doubts.pop(asset, None)
        self.samples += conclusion.quotes.items()
        self.changes += conclusion.changes
        for of in [of for of in self.marks if (of.account, of.asset) in conclusion.anew]:
            del self.marks[of]
        self.marks.update({mark.question: mark for mark in conclusion.marks})
        if conclusion.standing is not None:
            self.marks = still(self.marks, conclusion.standing)
        for delivery in conclusion.deliveries:
            self.deliveries.setdefault(delivery.id, delivery)
        if settlement is not None:
            await self.fail(settlement)
        return conclusion

    async def fail(self, settlement: Settlement) -> None:
        row = self.ledger[settlement.grant.id - 1]
        if row.ended is None:
            row.ended = settlement.ended
            row.cost = row.cost if settlement.charged is None else settlement.charged

    async def live_alerts(self) -> list[Alert]:
        return [alert for alert in self.alerts.values() if alert.live]

    async def tidy(self, now: datetime) -> bool:
        return False

    async def keep_facts(self, source: str, facts: Mapping[str, str], now: datetime) -> None:
        self.kept_facts.update({(source, name): value for name, value in facts.items()})

    async def facts(self, source: str) -> Mapping[str, str]:
        return {name: value for (owner, name), value in self.kept_facts.items() if owner == source}

    async def due(self, channel: str, now: datetime, limit: int, *, critical: bool = False) -> list[Delivery]:
        found = [each for each in self._pending(channel) if each.due <= now]
        found = [each for each in found if not critical or each.message.severity is Severity.CRITICAL]
        return sorted(found, key=lambda each: each.created)[:limit]

    async def next_due(self, channel: str) -> datetime | None:
        return min((each.due for each in self._pending(channel)), default=None)

    async def settle(
        self, deliveries: Sequence[Delivery], instead: Mapping[str, Delivery] = EMPTY
    ) -> list[Delivery]:
        self.deliveries.update({each.id: each for each in deliveries})
        owed = [other for identity, other in instead.items() if self._needed(identity, other)]
        self.deliveries.update({each.id: each for each in owed if each.id not in self.deliveries})
        return owed

    async def close(self) -> None:
        self.closed = True

    def _needed(self, identity: str, other: Delivery) -> bool:
        rows, mine = self.deliveries.values(), self.deliveries.get(identity)
        owed = [(each.channel, each.message) for each in rows]
        if mine is None or other.id in self.deliveries or (other.channel, mine.message) in owed:
            return False
        if mine.state is not DeliveryState.SENT:
            return mine.state in (DeliveryState.PENDING, DeliveryState.GIVEN_UP)
        about = [d for d in rows if (d.channel, d.message.id) == (mine.channel, mine.message.id)]
        return any(stand_in_id(each.id, other.channel) in self.deliveries for each in about)

    def _pending(self, channel: str) -> list[Delivery]:
        rows = self.deliveries.values()
        return [each for each in rows if each.channel == channel and each.state is DeliveryState.PENDING]

    def _sum(self, source: str, since: datetime) -> int:
        """As the ledger has them: whole hours."""
        hour = since.replace(minute=0, second=0, microsecond=0)
        return sum(row.cost for row in self.ledger if row.source == source and row.at >= hour)

    def _recall(self, asked: Sequence[Question]) -> Mapping[Question, Recalled]:
        return {question: self._answer(question) for question in asked}

    def _answer(self, question: Question) -> Recalled:
        if isinstance(question, PriceAt):
            prices = [q for asset, q in self.samples if asset == question.asset and q.at <= question.at]
            return max(prices, key=lambda quote: quote.at).price if prices else None
        if isinstance(question, BaselineOf):
            return self.marks.get(question)
        if isinstance(question, ChangesIn):
            return tuple(sorted(self._changes_in(question), key=lambda change: change.after_at))
        return self._amount_at(question)

    def _changes_in(self, question: ChangesIn) -> list[Change]:
        return [
            change
            for change in self.changes
            if (change.account, change.asset) == (question.account, question.asset)
            and question.since < change.after_at <= question.until
        ]

    def _amount_at(self, question: AmountAt) -> Recalled:
        found = [
            change
            for change in self.changes
            if (change.account, change.asset) == (question.account, question.asset)
            and change.after_at <= question.at
        ]
        return max(found, key=lambda change: change.after_at).after if found else None


@dataclass
class FakeSource:
    """A source whose answers are scripted: per account, what the next requests bring."""

    name: str = "fake"
    allowance: Allowance = field(default_factory=Allowance)
    spacing: float = 0.0
    batch: int = 50
    credits_each: int = 40
    answers: Callable[[Account], Outcome | None] = lambda _account: None
    failure: str = ""
    sent: list[Request] = field(default_factory=list)
    remembered: dict[str, str] = field(default_factory=dict)
    closed: bool = False

    def remember(self, facts: Mapping[str, str]) -> None:
        self.remembered.update(facts)

    def usage(self) -> Request | None:
        return None

    def cost(self, account: Account) -> int:
        return self.credits_each

    def plan(self, accounts: Sequence[Account], now: datetime) -> list[Request]:
        accounts = list(dict.fromkeys(accounts))
        groups = [accounts[start : start + self.batch] for start in range(0, len(accounts), self.batch)]
        return [Request(tuple(group), self.credits_each * len(group), None) for group in groups]

    async def send(self, request: Request) -> Reply:
        self.sent.append(request)
        outcomes: Iterable[Outcome | None] = (self.answers(account) for account in request.accounts)
        found = tuple(outcome for outcome in outcomes if outcome is not None)
        return Reply(found, charged=request.cost, failure=self.failure)

    async def close(self) -> None:
        self.closed = True


@dataclass
class FakeChannel:
    """A channel that keeps what it is told; `answers` come first, then it takes everything."""

    name: str = "ops"
    burst: int = UNGROUPED
    answers: list[SendResult] = field(default_factory=list)
    told: list[Delivery] = field(default_factory=list)
    closed: bool = False

    def remember(self, facts: Mapping[str, str]) -> None:
        """It learns nothing."""

    async def send(self, deliveries: Sequence[Delivery]) -> SendResult:
        answer: SendResult = self.answers.pop(0) if self.answers else Sent()
        if isinstance(answer, Sent):
            self.told += [replace(each) for each in deliveries]
        return answer

    async def close(self) -> None:
        self.closed = True
