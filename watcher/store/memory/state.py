"""State: everything that a store keeps, in dictionaries and lists, and how a decision changes it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from threading import RLock

from watcher.domain.alerts.events import Event
from watcher.domain.alerts.lifecycle import Ack, Alert, AlertState
from watcher.domain.audit import AuditEntry
from watcher.domain.credits.allowance import ASIDE, Booking, Grant
from watcher.domain.decision import FEW, AmountAt, Decision, LastRead, PriceAt, Question, Recalled, SumKey
from watcher.domain.evaluation.builtin_notices import OF_SOURCES
from watcher.domain.history.reconstruction import DaemonRun, PollRecord, recorded_poll
from watcher.domain.history.timeline import Gap
from watcher.domain.messages.delivery import Delivery, DeliveryState
from watcher.domain.messages.message import Kind
from watcher.domain.model import Account, AccountState, Asset, Change, Quote
from watcher.domain.records import Record, field, replace
from watcher.domain.rules.lookback import Baseline, BaselineOf, ChangesIn
from watcher.domain.values.formatting import moment
from watcher.ports.hints import HintedPoll
from watcher.ports.queries import LoggedPoll
from watcher.ports.store import Settlement
from watcher.store import ages
from watcher.store.ledger import whole_hour
from watcher.store.snapshot import SnapshotCache

UNREAD_AFTER = 3
"""Polls of an account that failed in a row, from which on the time is kept in which it could not be read."""


class State(Record):
    """All of it. Whoever reads or changes it holds the `lock`, so that what is read is of one moment."""

    apart: bool = False
    """Whether decisions see the accounts that they are about and no others, as where many processes share
    a store."""
    lock: RLock = field(default_factory=RLock)
    cache: SnapshotCache = field(default_factory=SnapshotCache)
    alerts: dict[str, Alert] = field(default_factory=dict)
    changes: dict[tuple[Account, Asset], list[Change]] = field(default_factory=dict)
    """In the order of time, as the prices."""
    history: list[Change] = field(default_factory=list)
    prices: dict[Asset, list[Quote]] = field(default_factory=dict)
    marks: dict[BaselineOf, Baseline] = field(default_factory=dict)
    deliveries: dict[str, Delivery] = field(default_factory=dict)
    event_acks: dict[str, Ack] = field(default_factory=dict)
    """By the ids of events."""
    audit: list[AuditEntry] = field(default_factory=list)
    polls: dict[int, LoggedPoll] = field(default_factory=dict)
    records: dict[int, PollRecord] = field(default_factory=dict)
    hinted: list[HintedPoll] = field(default_factory=list)
    booked: dict[str, list[datetime]] = field(default_factory=dict)
    """Source → when its requests were booked, in the order of time."""
    spending: dict[str, dict[datetime, tuple[int, int, int]]] = field(default_factory=dict)
    """Source → hour → credits, calls, credits of purposes set aside."""
    facts: dict[str, dict[str, str]] = field(default_factory=dict)
    runs: dict[datetime, datetime] = field(default_factory=dict)
    unread: dict[Account, list[Gap]] = field(default_factory=dict)
    owed: dict[SumKey, bool] = field(default_factory=dict)
    """Sums that are to be judged apart, those that wait longest first."""
    _grants: int = 0

    # ------------------------------------------------------------------ decisions

    def keep(self, decision: Decision, settlement: Settlement | None) -> None:
        for state in decision.accounts:
            self._note_outage(self.cache.states.get(state.account), state)
        self.cache.apply(decision)
        self.alerts.update((alert.id, alert) for alert in decision.alerts)
        for change in decision.changes:
            insort(self.changes.setdefault((change.account, change.asset), []), change, key=_changed)
            insort(self.history, change, key=_changed)
        for asset, quote in decision.quotes.items():
            quotes = self.prices.setdefault(asset, [])
            index = bisect_left(quotes, quote.at, key=_quoted)
            quotes[index : bisect_right(quotes, quote.at, key=_quoted)] = [quote]
        for of in [of for of in self.marks if (of.account, of.asset) in decision.rescaled]:
            del self.marks[of]
        self.marks.update((mark.question, mark) for mark in decision.marks)
        if decision.standing is not None:
            self._forget(decision.standing)
        self.owe(decision.deliveries)
        self.leave(decision.sums)
        if settlement is not None:
            self.settle(settlement, recorded_poll(decision), decision.moved)

    def leave(self, sums: Mapping[SumKey, bool]) -> None:
        """Leave sums to be judged apart."""
        for key, read in sorted(sums.items()):
            self.owed[key] = read or self.owed.get(key, False)

    def _note_outage(self, old: AccountState | None, new: AccountState) -> None:
        if old is None or old.misses < UNREAD_AFTER or new.misses:
            return
        since, until = old.last_reading, new.last_reading
        if since is not None and until is not None and since < until:
            self.unread.setdefault(new.account, []).append(Gap(since, until))

    def _forget(self, standing: Mapping[str, str]) -> None:
        """Drop what rules remembered that are there no more; what was another wording's is marked so."""
        self.marks = {
            of: mark if mark.fingerprint == standing[mark.rule] else replace(mark, fingerprint="")
            for of, mark in self.marks.items()
            if mark.rule in standing
        }

    def answer(self, question: Question) -> Recalled:
        if isinstance(question, LastRead):
            return self._last_read(question.source)
        if isinstance(question, BaselineOf):
            return self.marks.get(question)
        if isinstance(question, PriceAt):
            quote = self.price_at(question.asset, question.at)
            return quote.price if quote is not None else None
        if isinstance(question, ChangesIn):
            return tuple(nameless(each) for each in self.changes_in(question))
        change = self.change_at(question)
        return change.after if change is not None else None

    def _last_read(self, source: str) -> frozenset[Account]:
        found = [
            (state.last_reading, state.account)
            for state in self.cache.states.values()
            if state.account.source == source and state.last_reading and not state.misses
        ]
        return frozenset(account for _, account in sorted(found, reverse=True)[:FEW])

    def price_at(self, asset: Asset, at: datetime) -> Quote | None:
        """The last price at or before a time."""
        quotes = self.prices.get(asset, [])
        index = bisect_right(quotes, at, key=_quoted)
        return quotes[index - 1] if index else None

    def change_at(self, asked: AmountAt) -> Change | None:
        """The last change of a holding at or before a time."""
        changes = self.changes.get((asked.account, asked.asset), [])
        index = bisect_right(changes, asked.at, key=_changed)
        return changes[index - 1] if index else None

    def changes_in(self, asked: ChangesIn) -> list[Change]:
        changes = self.changes.get((asked.account, asked.asset), [])
        first, end = (bisect_right(changes, at, key=_changed) for at in (asked.since, asked.until))
        return changes[first:end]

    def since(self, at: datetime) -> list[Change]:
        """All changes at or after a time, in the order of time."""
        return self.history[bisect_left(self.history, at, key=_changed) :]

    # ------------------------------------------------------------------ the ledger

    def book(self, booking: Booking) -> Grant:
        self._grants += 1
        source, at, cost, purpose = booking.source, booking.at, booking.cost, str(booking.purpose)
        self.polls[self._grants] = LoggedPoll(
            self._grants, source, purpose, booking.accounts, cost, None, 0, 0, "", at, None
        )
        insort(self.booked.setdefault(source, []), at)
        self._spend(source, at, cost, 1, purpose)
        return Grant(self._grants)

    def settle(
        self, settlement: Settlement, record: PollRecord | None = None, moved: Collection[Account] = ()
    ) -> None:
        """Settling twice changes nothing."""
        poll = self.polls.get(settlement.grant.id)
        if poll is None or poll.ended_at is not None:
            return
        self.polls[poll.id] = replace(
            poll, ended_at=settlement.ended, charged=settlement.charged, readings=settlement.readings,
            misses=settlement.misses, failure=settlement.failure,
        )  # fmt: skip
        if record is not None:
            self.records[poll.id] = replace(record, at=settlement.ended)
        self.hinted += settlement.found(moved)
        if settlement.charged is not None:
            self._spend(poll.source, poll.reserved_at, settlement.charged - poll.cost, 0, poll.purpose)

    def _spend(self, source: str, at: datetime, cost: int, calls: int, purpose: str) -> None:
        hours, hour = self.spending.setdefault(source, {}), whole_hour(at)
        spent, called, aside = hours.get(hour, (0, 0, 0))
        hours[hour] = spent + cost, called + calls, aside + (cost if purpose in ASIDE else 0)

    # ------------------------------------------------------------------ deliveries

    def owe(self, deliveries: Iterable[Delivery]) -> None:
        """An id that is there already is left as it is: it was decided before."""
        for delivery in deliveries:
            self.deliveries.setdefault(delivery.id, delivery)

    def told(self, delivery: Delivery) -> Delivery:
        """A delivery with what is known of its alert now."""
        sent = [
            each
            for each in self.deliveries.values()
            if (each.channel, each.message.id) == (delivery.channel, delivery.message.id) and each.receipt
        ]
        first = min(sent, key=lambda each: each.sent or each.created, default=None)
        delivery = replace(delivery, thread=first.receipt if first is not None else "")
        alert = self.alerts.get(delivery.message.id)
        if alert is None or alert.state is not AlertState.RESOLVED or alert.resolved_at is None:
            return delivery
        return replace(delivery, over=f"since {moment(alert.resolved_at)}: {alert.because}")

    def events(self) -> dict[str, Event]:
        """By their ids, each as it was told first."""
        found: dict[str, Event] = {}
        for each in self.deliveries.values():
            if each.message.kind is Kind.EVENT:
                found.setdefault(each.message.id, Event(each.message, self.event_acks.get(each.message.id)))
        return found

    def pending(self, channel: str) -> list[Delivery]:
        rows = self.deliveries.values()
        return [each for each in rows if each.channel == channel and each.state is DeliveryState.PENDING]

    # ------------------------------------------------------------------ looking back

    def outages(self, account: Account, since: datetime, until: datetime) -> tuple[Gap, ...]:
        """The times within which this account, or all of its source, could not be read."""
        notices = (
            Gap(each.fired_at, each.resolved_at)
            for each in self.alerts.values()
            if each.subject == account.source
            and each.rule in OF_SOURCES
            and each.fired_at
            and each.resolved_at
        )
        found = {*self.unread.get(account, ()), *notices}
        return tuple(sorted(gap for gap in found if gap.until > since and gap.since < until))

    def daemon_runs(self) -> list[DaemonRun]:
        return [DaemonRun(began, seen) for began, seen in sorted(self.runs.items())]

    def drop_old(self, now: datetime) -> None:
        """Drop what is past its retention."""

        def old(at: datetime | None, age: timedelta) -> bool:
            return at is not None and at < now - age

        self.polls = {
            key: each for key, each in self.polls.items() if not old(each.reserved_at, ages.POLL_LOG)
        }
        self.records = {key: each for key, each in self.records.items() if key in self.polls}
        self.hinted = [each for each in self.hinted if not old(each.at, ages.POLL_LOG)]
        for source, times in self.booked.items():
            self.booked[source] = times[bisect_left(times, now - ages.POLL_LOG) :]
        self.deliveries = {
            key: each
            for key, each in self.deliveries.items()
            if each.state is DeliveryState.PENDING or not old(each.created, ages.SETTLED_DELIVERIES)
        }
        self.alerts = {
            key: each
            for key, each in self.alerts.items()
            if each.live or each.owing or not old(each.resolved_at, ages.RESOLVED_ALERTS)
        }
        acks = self.event_acks.items()
        self.event_acks = {key: ack for key, ack in acks if not old(ack.at, ages.RESOLVED_ALERTS)}
        cache = self.cache
        cache.silences = tuple(each for each in cache.silences if not old(each.until, ages.RESOLVED_ALERTS))
        cache.flaps = {
            key: flap
            for key, flap in cache.flaps.items()
            if not old(max(flap.times, default=now), ages.TRANSITIONS)
        }
        for account, gaps in self.unread.items():
            self.unread[account] = [gap for gap in gaps if not old(gap.until, ages.SPELLS)]
        for asset, quotes in self.prices.items():
            self.prices[asset] = [each for each in quotes[:-1] if not old(each.at, ages.PRICES)] + quotes[-1:]


def nameless(change: Change) -> Change:
    """A change as rules are told of it."""
    return change._replace(symbol="", drift=False, claimed=False)


def _changed(change: Change) -> datetime:
    return change.after_at


def _quoted(quote: Quote) -> datetime:
    return quote.at
