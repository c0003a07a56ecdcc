"""The store port over state in memory: a call is done when it returns."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Self

from watcher.domain.alerts.fallback import stand_in_id
from watcher.domain.alerts.lifecycle import Alert
from watcher.domain.audit import Actor
from watcher.domain.credits.allowance import (
    LONGEST_REQUEST,
    Allowance,
    Booking,
    CreditRefusal,
    Grant,
    may_spend,
)
from watcher.domain.decision import Decision, Question, Recalled, Snapshot, SumKey
from watcher.domain.messages.delivery import Delivery, DeliveryState
from watcher.domain.messages.message import Severity
from watcher.domain.model import EMPTY, Account
from watcher.domain.records import replace
from watcher.ports.commands import Commands
from watcher.ports.figures import StoreFigures
from watcher.ports.members import Lease, Members, SoleMember
from watcher.ports.queries import Queries
from watcher.ports.shared_work import SharedWork
from watcher.ports.store import Concluding, Deciding, Settlement
from watcher.store.ledger import spending, whole_hour
from watcher.store.memory.commands import MemoryCommands
from watcher.store.memory.queries import MemoryQueries
from watcher.store.memory.state import State

SET_BACK = "ledger.set_back"


class MemoryStore:
    """A store that forgets everything when it goes. `on_conclusion` hears of everything that is concluded."""

    def __init__(self, state: State | None = None) -> None:
        self.state = state or State()
        self.members: Members = SoleMember()
        self.shared: SharedWork | None = None
        self.figures: StoreFigures | None = None
        self._acts = 0
        self.on_conclusion: Callable[[Decision], None] = lambda _: None

    def led(self, lease: Lease) -> Self:  # noqa: ARG002
        return self

    def queries(self) -> Queries:
        return MemoryQueries(self.state)

    def commands(self, actor: Actor) -> Commands:
        return MemoryCommands(self.state, actor)

    async def reserve(self, booking: Booking, allowance: Allowance) -> Grant | CreditRefusal:
        with self.state.lock:
            spent = spending(_Bookings(self.state, booking.source), booking.at, allowance)
            refusal = may_spend(allowance, spent, booking.cost, booking.purpose, booking.at)
            return refusal or self.state.book(booking)

    async def spent(self, source: str, since: datetime) -> int:
        with self.state.lock:
            return _Bookings(self.state, source).in_hours(since, None)[0]

    async def under_way(self, source: str, since: datetime) -> bool:
        recent = since - LONGEST_REQUEST
        with self.state.lock:
            return any(
                each.source == source
                and each.reserved_at > recent
                and (each.ended_at is None or each.ended_at > since)
                for each in self.state.polls.values()
            )

    async def running(self, since: datetime, now: datetime) -> None:
        with self.state.lock:
            self.state.runs[since] = max(now, self.state.runs.get(since, now))

    async def load(self, accounts: Sequence[Account]) -> Snapshot:
        with self.state.lock:
            return self._past(accounts)

    async def attempts(self, accounts: Sequence[Account]) -> Mapping[Account, datetime]:
        with self.state.lock:
            return self.state.cache.past(accounts).attempts

    async def unread_since(self, at: datetime) -> list[Account]:
        with self.state.lock:
            states = self.state.cache.states.values()
            return [each.account for each in states if each.last_reading is None or each.last_reading < at]

    def _past(self, accounts: Sequence[Account]) -> Snapshot:
        past = self.state.cache.past(accounts)
        return replace(past, everyone=None, apart=True, revision=None) if self.state.apart else past

    async def conclude(
        self, accounts: Sequence[Account], decide: Deciding, settlement: Settlement | None = None
    ) -> Decision:
        with self.state.lock:
            try:
                decision = decide(self._past(accounts), self._recall)
            except BaseException:
                self.state.cache.doubt()
                raise
            self.state.keep(decision, settlement)
        self.on_conclusion(decision)
        return decision

    async def conclude_read(self, read: Callable[[], Concluding]) -> Decision:
        return await self.conclude(*read())

    async def conclude_sums(
        self, read: Callable[[Mapping[SumKey, bool]], tuple[Sequence[Account], Deciding]], most: int
    ) -> Decision | None:
        with self.state.lock:
            taken = dict(islice(self.state.owed.items(), most))
            for key in taken:
                del self.state.owed[key]
            if not taken:
                return None
            try:
                accounts, decide = read(taken)
                decision = decide(replace(self._past(accounts), apart=False), self._recall)
            except BaseException:
                self.state.leave(taken)
                raise
            self.state.keep(decision, None)
        self.on_conclusion(decision)
        return decision

    def _recall(self, asked: Sequence[Question]) -> Mapping[Question, Recalled]:
        return {question: self.state.answer(question) for question in asked}

    async def fail(self, settlement: Settlement) -> None:
        with self.state.lock:
            self.state.settle(settlement)

    async def live_alerts(self) -> list[Alert]:
        with self.state.lock:
            return list(self.state.cache.alerts.values())

    async def tidy(self, now: datetime) -> bool:
        with self.state.lock:
            self.state.drop_old(now)
        return False

    async def keep_facts(self, source: str, facts: Mapping[str, str], now: datetime) -> None:  # noqa: ARG002
        with self.state.lock:
            self.state.facts.setdefault(source, {}).update(facts)

    async def change_fact(
        self,
        source: str,
        name: str,
        change: Callable[[str | None], str],
        now: datetime,  # noqa: ARG002
    ) -> str:
        with self.state.lock:
            kept = self.state.facts.setdefault(source, {})
            kept[name] = change(kept.get(name))
            return kept[name]

    async def facts(self, source: str) -> Mapping[str, str]:
        with self.state.lock:
            return dict(self.state.facts.get(source, EMPTY))

    async def due(self, channel: str, now: datetime, limit: int, *, critical: bool = False) -> list[Delivery]:
        with self.state.lock:
            found = [each for each in self.state.pending(channel) if each.due <= now]
            found = [each for each in found if not critical or each.message.severity is Severity.CRITICAL]
            return [self.state.told(each) for each in sorted(found, key=lambda each: each.created)[:limit]]

    async def next_due(self, channel: str) -> datetime | None:
        with self.state.lock:
            return min((each.due for each in self.state.pending(channel)), default=None)

    async def others_wrote(self) -> bool:
        with self.state.lock:
            before, self._acts = self._acts, len(self.state.audit)
            return self._acts != before

    async def settle(
        self, deliveries: Sequence[Delivery], instead: Mapping[str, Delivery] = EMPTY
    ) -> list[Delivery]:
        with self.state.lock:
            known = self.state.deliveries
            for each in deliveries:
                waits = known[each.id].state is DeliveryState.PENDING if each.id in known else False
                if each.id in known and (waits or each.state is DeliveryState.SENT):
                    known[each.id] = replace(each, only=frozenset(), over="", thread="")
            owed = [other for identity, other in instead.items() if self._needed(identity, other)]
            self.state.owe(owed)
            return owed

    def _needed(self, identity: str, other: Delivery) -> bool:
        """Whether another channel is to be told, and is not owed the message anyway."""
        known = self.state.deliveries
        mine, rows = known.get(identity), list(known.values())
        owed = [(each.channel, each.message) for each in rows]
        if mine is None or other.id in known or (other.channel, mine.message) in owed:
            return False
        if mine.state is not DeliveryState.SENT:
            return mine.state in (DeliveryState.PENDING, DeliveryState.GIVEN_UP)
        about = [each for each in rows if (each.channel, each.message.id) == (mine.channel, mine.message.id)]
        return any(stand_in_id(each.id, other.channel) in known for each in about)

    async def close(self) -> None:
        """Nothing is held open."""


class _Bookings:
    """Those of one source."""

    def __init__(self, state: State, source: str) -> None:
        self._state, self._source = state, source
        self._times = state.booked.get(source, [])

    def in_hours(self, since: datetime, until: datetime | None) -> tuple[int, int, int]:
        begin, hours = whole_hour(since), self._state.spending.get(self._source, {})
        found = [row for hour, row in hours.items() if hour >= begin and (until is None or hour <= until)]
        credits_spent, calls, aside = (sum(row[part] for row in found) for part in range(3))
        return credits_spent, calls, aside

    def in_log(self, since: datetime, until: datetime | None) -> int:
        end = len(self._times) if until is None else bisect_right(self._times, until)
        return end - bisect_right(self._times, since)

    def set_back(self, now: datetime) -> datetime | None:
        latest = self._times[-1] if self._times else now
        if latest <= now:
            return None
        facts = self._state.facts.setdefault(self._source, {})
        found, _, known = facts.get(SET_BACK, "").partition(" ")
        if known == latest.isoformat() and datetime.fromisoformat(found) <= now:
            return datetime.fromisoformat(found)
        facts[SET_BACK] = f"{now.isoformat()} {latest.isoformat()}"
        return now
