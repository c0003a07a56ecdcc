"""What must hold at each step, and what must have come to rest at the end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.simulation.far import Arrival
from tests.simulation.loop import MEMBER
from watcher.domain.alerts.lifecycle import Alert, AlertState
from watcher.domain.credits.allowance import Booking, CreditPlan, CreditRefusal, Grant, Purpose
from watcher.domain.decision import Decision
from watcher.domain.messages.delivery import Delivery, DeliveryState
from watcher.domain.messages.message import Kind, Message
from watcher.domain.model import Account, Asset, Change
from watcher.ports.members import Lease
from watcher.ports.store import Settlement

if TYPE_CHECKING:
    from tests.simulation.truth import Truth
    from tests.simulation.world import World

LOW, CLEAR = Decimal("0.5"), Decimal("0.8")
POOR, RICH = 1500, 2500
EVENTS = ("moved", "new", "gone")
HURRY = timedelta(seconds=90)
"""Within so much somebody may ask who has just looked whether others did: a store may be slow."""
CHANGES = frozenset({"reserve", "conclude", "fail", "settle", "keep_facts", "hand", "fetch", "finish"})
"""What of the store's calls changes it."""


@dataclass
class Booked:
    """What was booked of a grant that is not settled, and of which period of the plan."""

    source: str
    period: datetime
    cost: int
    corrects: bool
    settled: bool = False


class Invariants:
    """Watches every commit, every metered request and every message that arrives."""

    def __init__(
        self,
        truth: Truth,
        plans: dict[str, CreditPlan],
        channels: Sequence[str],
        time: Callable[[], float],
        world: World,
    ) -> None:
        self._truth, self._channels = truth, channels
        self._time, self._note, self._acts, self._worth = time, world.note, world.acts, world.worth
        self._end, self._now = world.end, world.now
        self.broken: list[str] = []
        self.booked: dict[str, int] = defaultdict(int)
        self._corrected: dict[str, int] = defaultdict(int)
        """Of it, what was booked to be right with the provider's count."""
        self.clocks_step = False
        self.metered: dict[str, int] = defaultdict(int)
        self._plans = plans
        """By which each source was booked last."""
        self._periods: dict[tuple[str, datetime], int] = defaultdict(int)
        self._grants: dict[int, Booked] = {}
        self.alerts: dict[str, Alert] = {}
        self._live: dict[tuple[str, str], str] = {}
        self.acknowledged: set[str] = set()
        self.kept: dict[tuple[Account, Asset], Decimal] = {}
        """What is held, as it was concluded last."""
        self.changes = 0
        self.owed: dict[str, Delivery] = {}
        self._events: dict[tuple[object, ...], str] = {}
        self.recorded: dict[str, float] = {}
        """Deliveries that the store has as sent, and since when."""
        self.arrived: dict[str, dict[str, set[Kind]]] = {name: defaultdict(set) for name in channels}
        """By channel and alert: what arrived of it."""
        self.arrivals = self.repeats = 0
        self.moved: dict[Account, float] = {}
        """When it was last concluded that an account holds something else."""
        self._by: dict[Account, tuple[datetime, str]] = {}
        """When each was read last, in the store's time, and through whom."""
        self._starts: dict[str, int] = {}
        self.tried: dict[Account, float] = {}
        """When an attempt to read each account was concluded last."""
        self.read: dict[Account, datetime] = {}
        """When a reading of each was kept last that leaves no doubt: a lie that arrives late does."""

    def expect(self, holds: bool, words: str) -> None:
        if not holds:
            self.breaks(words)

    def breaks(self, words: str) -> None:
        """Something is broken: the world ends with this step."""
        self.broken.append(words)
        self._end()

    # ------------------------------------------------------------------ credits

    def reserved(self, booking: Booking, answer: Grant | CreditRefusal, plan: CreditPlan | None) -> None:
        """`plan`: by which it was booked; none for a correction, which goes by the last one. A provider that
        renews at another time than is configured, or whose clock is right where the member's was set back,
        moves its periods."""
        if not isinstance(answer, Grant):
            return
        correction = booking.purpose is Purpose.CORRECTION
        plan = self._plans[booking.source] = plan or self._plans[booking.source]
        self.expect(answer.id not in self._grants, f"grant {answer.id} was given twice")
        booked = Booked(booking.source, plan.bounds(booking.at)[0], booking.cost, correction)
        self._grants[answer.id] = booked
        self._book(booked, booking.cost)
        spent = self._periods[booked.source, booked.period]
        fine = spent <= plan.limit or correction or not booking.cost
        self.expect(fine, f"{booking.source}: {spent} credits are booked, the plan has {plan.limit}")

    def _settle(self, settlement: Settlement | None) -> None:
        grant = self._grants.get(settlement.grant.id) if settlement is not None else None
        if settlement is None or grant is None or grant.settled:
            return
        grant.settled = True
        if settlement.charged is not None:
            self._book(grant, settlement.charged - grant.cost)

    def _book(self, of: Booked, cost: int) -> None:
        self.booked[of.source] += cost
        self._corrected[of.source] += cost if of.corrects else 0
        self._periods[of.source, of.period] += cost

    def failed(self, settlement: Settlement) -> None:
        self._settle(settlement)

    def charged(self, source: str, cost: int) -> None:
        """The provider counted."""
        self.metered[source] += cost
        metered, booked = self.metered[source], self.booked[source]
        if self.clocks_step:  # what was booked by a clock that was set back was counted in another period
            booked -= self._corrected[source]
        self.expect(metered <= booked, f"{source}: {metered} credits are metered, {booked} booked")

    # ------------------------------------------------------------------ decisions

    def concluded(self, decision: Decision, settlement: Settlement | None) -> None:
        self._settle(settlement)
        now = self._time()
        for state in decision.accounts:
            if state.last_attempt == decision.at:
                self.tried[state.account] = now
            if state.last_reading == decision.at:  # what could not be read may be tried again by anybody
                self._by[state.account] = decision.at, MEMBER.get()
                if not state.held and not state.omitted:
                    self.read[state.account] = self._now()
        for alert in decision.alerts:
            self._alert(alert)
        for delivery in decision.deliveries:
            self._owe(delivery)
        told = {(each.message.subject, each.channel) for each in decision.deliveries}
        for change in decision.changes:
            self._change(change, told)

    def _alert(self, alert: Alert) -> None:
        known, key = self.alerts.get(alert.id), (alert.rule, alert.subject)
        self._note(f"alert {alert.id[:8]} {alert.rule} is {alert.state}: {alert.because}")
        if known is not None:
            self.expect(known.live or not alert.live, f"alert {alert.id} came back to life: {known} {alert}")
            back = known.state is AlertState.FIRING and alert.state is AlertState.PENDING
            self.expect(not back, f"alert {alert.id} that fired is pending again")
        if alert.id in self.acknowledged:
            words = f"alert {alert.id} of {alert.rule}: its acknowledgement was written over"
            self.expect(alert.acknowledged is not None, words)
        self.alerts[alert.id] = alert
        if alert.rule == "poor":
            self._sum(known, alert)
        other = self._live.get(key)
        if alert.live:
            twice = f"two live alerts of {alert.rule} on {alert.subject}: {other} and {alert.id}"
            self.expect(other in (None, alert.id), twice)
            self._live[key] = alert.id
        elif other == alert.id:
            del self._live[key]

    def _sum(self, known: Alert | None, alert: Alert) -> None:
        """A sum is judged upon what is kept of its parts now."""
        worth = self._worth()
        words = f"{alert.rule} is {alert.state}, and its parts are worth {worth}: {alert.because}"
        if known is None:
            self.expect(worth < POOR, words)
        elif known.live and not alert.live and not alert.closed:
            self.expect(worth > RICH, words)

    def _owe(self, delivery: Delivery) -> None:
        message, known = delivery.message, self.owed.get(delivery.id)
        self._note(
            f"owed {delivery.id[:8]} to {delivery.channel}: {message.kind} {message.rule}: {message.title}"
        )
        if known is not None:
            same = (known.channel, known.message) == (delivery.channel, message)
            self.expect(same, f"two messages under the id {delivery.id}: {known.message} and {message}")
            return
        self.owed[delivery.id] = delivery
        seen = message.particulars
        if message.kind is Kind.EVENT and seen.after is not None:
            key = delivery.channel, message.rule, message.subject, seen.before, seen.after
            other = self._events.setdefault(key, delivery.id)
            self.expect(
                other == delivery.id, f"told under two ids, {other} and {delivery.id}: {message.title}"
            )
        self._true(message)

    def _true(self, message: Message) -> None:
        """What is told was true of some reading."""
        seen = message.particulars
        if message.rule not in (*EVENTS, "low", "low-for") or not seen.asset:
            return
        holding = self._holding(message)
        amounts = [each for each in (seen.before, seen.after) if each]
        false = [each for each in amounts if each not in holding]
        self.expect(not false, f"a false alert, {false} was never answered: {message.title}")
        if message.rule in ("low", "low-for") and seen.after is not None:
            if message.kind is Kind.FIRING:
                self.expect(seen.after < LOW, f"a false alert, {seen.after} is not low: {message.title}")
            if message.kind is Kind.RESOLVED:
                self.expect(seen.after > CLEAR, f"resolved at {seen.after}: {message.title}")

    def _holding(self, message: Message) -> set[Decimal]:
        seen = message.particulars
        account = Account(seen.source, seen.chain, seen.address)
        return self._truth.holdings[account, Asset(seen.chain, seen.asset)].answered

    def _change(self, change: Change, told: set[tuple[str, str]]) -> None:
        key, holding = (change.account, change.asset), self._truth.holdings[change.account, change.asset]
        before = self.kept.get(key)
        gap = f"history of {key} has a gap: {before} was kept, then {change.before} -> {change.after}"
        known = change.before == before or (not before and change.before == 0)
        self.expect(known, gap)
        self.kept[key] = change.after
        self.moved[change.account] = self._time()
        real = not change.after or change.after in holding.answered
        self.expect(real, f"history has {change.after} of {key}, which no answer told")
        if change.after == 0:
            self.expect(Decimal(0) in holding.values, f"history has nothing of {key}, which was never so")
        if change.before is None or change.drift:
            return
        self.changes += 1
        subject = f"{change.account.source}/{change.account.chain}/{change.account.address}"
        subject += f"/{change.asset.chain}/{change.asset.token}"
        for channel in self._channels:
            words = f"nobody is told on {channel} of {key} {change.before} -> {change.after}"
            self.expect((subject, channel) in told, words)

    # ------------------------------------------------------------------ members

    def started(self, source: str, start: int, spacing: int) -> None:
        """The gate of a source has given out a start, in milliseconds."""
        last = self._starts.get(source, -spacing)
        words = f"two starts of {source} lie {start - last} ms apart, and not {spacing}"
        self.expect(start - last >= spacing, words)
        self._starts[source] = start

    def writes(self, lease: Lease, now: Lease | None) -> None:
        """Somebody has written on behalf of a role, which is led like that now."""
        words = f"{lease.member} has written for {lease.role} ({lease.term}), which is led by {now} now"
        self.expect(now == lease, words)

    def asks(self, life: str, planned: Mapping[Account, datetime], now: datetime) -> None:
        """A member asks for accounts of its jobs."""
        for account, at in planned.items():
            done, whose = self._by.get(account, (at, life))
            late = whose != life and at <= done < now - HURRY
            words = f"{life} asks for {account}, as planned at {at}; {whose} has read it at {done}"
            self.expect(not late, words)

    # ------------------------------------------------------------------ deliveries

    def settled(self, deliveries: Sequence[Delivery], arrived: Callable[[Delivery], bool]) -> None:
        for each in deliveries:
            if each.state is DeliveryState.SENT:
                self.expect(arrived(each), f"delivery {each.id} is recorded as sent, and never arrived")
                self.recorded.setdefault(each.id, self._time())

    def arrive(self, arrival: Arrival, *, again: bool) -> None:
        delivery, message = arrival.delivery, arrival.delivery.message
        self.arrivals += 1
        self.repeats += again
        words = f"arrived {delivery.id[:8]} at {delivery.channel}: {message.kind} {message.title}"
        self._note(words + (" (again)" if again else ""))
        recorded = self.recorded.get(delivery.id)
        late = f"delivery {delivery.id} was recorded as sent, and sent again: {message.title}"
        self.expect(recorded is None or arrival.sent_at <= recorded, late)
        mine = self.arrived[delivery.channel][message.id]
        if message.kind.final and not again:
            # In one notification the end may stand beside the beginning, never before it.
            self.expect(
                Kind.FIRING in mine or not self._heard(delivery), f"an end without a beginning: {message}"
            )
        mine.add(message.kind)

    def _heard(self, delivery: Delivery) -> bool:
        """Whether the channel was owed the beginning."""
        return any(
            each.channel == delivery.channel
            and each.message.id == delivery.message.id
            and each.message.kind is Kind.FIRING
            for each in self.owed.values()
        )

    def after_store(self, what: str, member: str) -> None:
        """Each call that the store did."""
        if what in CHANGES:
            self._acts(member)
