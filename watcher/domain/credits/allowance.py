"""Allowance: what requests cost, and whether the allowance has room for one more.

An `Allowance` belongs to one API key. Everything here is a pure function of what the
ledger says was spent; the store calls `may_spend` inside the transaction that reserves.
"""

from __future__ import annotations

import calendar
import enum
import math
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, Decimal

from watcher.domain.records import Record


class Purpose(enum.StrEnum):
    """Why a request is made. What may use the reserve stands in `RESERVED_FOR`."""

    SCHEDULED = "scheduled"
    CONFIRMATION = "confirmation"
    SWEEP = "sweep"
    BY_HAND = "by hand"
    HINTED = "hinted"
    """Word came from outside that the account has probably changed."""
    HINTING = "hinting"
    """A look for such word, where that costs a request."""
    RATES = "rates"
    """Exchange rates, to show what dollars are in another currency."""
    LOOKUP = "lookup"
    """Facts about assets and chains, not balances."""
    CORRECTION = "correction"
    """No request of ours: what the provider's own figure says beyond (or below) the ledger."""


RESERVED_FOR = frozenset({Purpose.CONFIRMATION, Purpose.BY_HAND, Purpose.LOOKUP, Purpose.CORRECTION})
"""What may use the reserve."""
ASIDE = RESERVED_FOR - {Purpose.CORRECTION}
"""What uses it up: what others spend with the same key comes off the schedule instead."""

RELEASE = 3
"""In the last third of a period the reserve shrinks in step with the time left: what nobody needed
by then is spent on the schedule, and at the end nothing is left over."""


LONGEST_REQUEST = timedelta(minutes=15)
"""No request is under way for longer, whatever became of the process that sent it."""

CHEAPEST = 40
"""Credits of the cheapest request for a balance: one chain (CoinStats docs). A reserve that cannot pay one
keeps nothing."""


class CreditPlan(Record, frozen=True):
    """Credits that the provider sells by the period (`month` or `day`, in UTC).

    `resets_on` is the day of the month on which a new period begins; in a shorter month
    it is that month's last day. `reserve` is the share (0..1) kept for confirmations and
    polls by hand. `renewed`: a renewal that was seen; it, not `resets_on`, then says on which
    day and at which time of day periods begin.
    """

    limit: int
    period: str = "month"
    resets_on: int = 1
    reserve: Decimal = Decimal("0.1")
    renewed: datetime | None = None

    def bounds(self, now: datetime) -> tuple[datetime, datetime]:
        """Start and end of the period that `now` lies in."""
        now = now.astimezone(UTC)
        if self.period == "day":
            start = now.replace(hour=0, minute=0, second=0, microsecond=0) + self._into_the_day()
            start -= timedelta(days=1) if start > now else timedelta(0)
            return start, start + timedelta(days=1)
        start = self._reset(now.year, now.month)
        if now < start:
            before = now.replace(day=1) - timedelta(days=1)
            return self._reset(before.year, before.month), start
        year, month = (now.year + 1, 1) if now.month == 12 else (now.year, now.month + 1)
        return start, self._reset(year, month)

    def _reset(self, year: int, month: int) -> datetime:
        chosen = self.resets_on if self.renewed is None else self.renewed.astimezone(UTC).day
        day = min(chosen, calendar.monthrange(year, month)[1])
        return datetime(year, month, day, tzinfo=UTC) + self._into_the_day()

    def _into_the_day(self) -> timedelta:
        if self.renewed is None:
            return timedelta(0)
        at = self.renewed.astimezone(UTC)
        return at - at.replace(hour=0, minute=0, second=0, microsecond=0)

    @property
    def reserved(self) -> int:
        """Credits of the reserve, rounded up."""
        return int((self.limit * self.reserve).to_integral_value(ROUND_CEILING))

    def kept(self, now: datetime, aside: int = 0) -> int:
        """What the schedule must leave alone now: of the reserve what is not used, ever less near the end.

        `aside`: credits of this period that went to what the reserve is for.
        """
        start, end = self.bounds(now)
        release = (end - start) / RELEASE
        kept = min(math.ceil(self.reserved * min((end - now) / release, 1.0)), self.reserved - aside)
        return kept if kept >= CHEAPEST else 0

    def room(self, cost: int, spent: int, now: datetime) -> datetime:
        """When the reserve will have shrunk enough for `cost` more; the period's end if never."""
        start, end = self.bounds(now)
        spare = self.limit - spent - cost
        if spare < 0 or self.reserved == 0:
            return end
        kept = max(spare, CHEAPEST - 1)
        return min(max(end - (end - start) / RELEASE * (kept / self.reserved), now), end)


class Window(Record, frozen=True):
    """At most `calls` requests in any stretch of `seconds` (a rolling window)."""

    calls: int
    seconds: int


class Allowance(Record, frozen=True):
    """All the limits of one API key."""

    credits: CreditPlan | None = None
    windows: tuple[Window, ...] = ()


class Spending(Record, frozen=True):
    """What the ledger says: credits in the current period, and calls in each window."""

    credits: int = 0
    calls: tuple[int, ...] = ()
    aside: int = 0
    """Of the credits, those for what the reserve is kept for."""


class Booking(Record, frozen=True):
    """A request that is to be booked before it is sent. `cost`: in credits."""

    source: str
    accounts: int
    cost: int
    purpose: Purpose
    at: datetime


class Grant(Record, frozen=True):
    """A durable reservation. `id` names it in the ledger."""

    id: int


class CreditRefusal(Record, frozen=True):
    """No room. Asking again before `until` is pointless."""

    until: datetime
    reason: str


def may_spend(
    allowance: Allowance, spending: Spending, cost: int, purpose: Purpose, now: datetime
) -> CreditRefusal | None:
    """None if a request of `cost` credits fits every limit, else the first limit that it breaks."""
    plan = allowance.credits
    if plan is not None and cost > 0:
        kept = plan.kept(now, spending.aside) if purpose not in RESERVED_FOR else 0
        if spending.credits + cost > plan.limit - kept:
            until = plan.room(cost, spending.credits, now) if kept else plan.bounds(now)[1]
            what = f"{spending.credits:,} of {plan.limit:,} credits of this {plan.period} are spent"
            if kept:
                what += f" and {kept:,} are kept in reserve"
            return CreditRefusal(until, f"{what}; a request of {cost:,} does not fit")
    for window, calls in zip(allowance.windows, spending.calls, strict=True):
        if calls + 1 > window.calls:
            wait = min(window.seconds, 60)
            return CreditRefusal(
                now + timedelta(seconds=wait),
                f"{calls:,} of {window.calls:,} calls in {window.seconds:,} s are used",
            )
    return None
