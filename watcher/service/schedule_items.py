"""Schedule items: what there is to poll, and the credits or calls that there are for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from watcher.domain.credits.allowance import Allowance, CreditPlan
from watcher.domain.model import Account
from watcher.domain.records import Record
from watcher.domain.scheduler import Budget, Item

LEAVE_FREE = 0.8
"""Share of a call limit that the schedule plans with; the rest is for pages, retries and people."""

DAY = 86400.0


class AutoItem(Record, frozen=True):
    """One account on `auto`, and what was promised for it."""

    account: Account
    cost: float
    weight: float = 1.0
    at_least_every: timedelta | None = None
    min_every: timedelta = timedelta(minutes=1)

    def item(self) -> Item:
        promise = self.at_least_every.total_seconds() if self.at_least_every else float("inf")
        return Item(key_of(self.account), self.cost, self.weight, self.min_every.total_seconds(), promise)


class FixedItems(Record, frozen=True):
    """Accounts at one fixed interval and price; ticks ask for them as long as they can be afforded."""

    accounts: Sequence[Account]
    cost: float
    every: timedelta

    @property
    def rate(self) -> float:
        """What they cost a second."""
        return len(self.accounts) * self.cost / self.every.total_seconds()

    def items(self) -> dict[Account, Item]:
        """For the scheduler, if it has to stretch them."""
        every = self.every.total_seconds()
        return {
            account: Item(key_of(account), self.cost, at_least_every=every, fixed=every)
            for account in self.accounts
        }


class SourceDemand(Record, frozen=True):
    """What a configuration asks of one source, in accounts and in credits (or calls) a second."""

    auto: Sequence[AutoItem] = ()
    fixed: Sequence[FixedItems] = ()
    """Accounts at intervals that may be stretched one by one. Where calls are scarce there are none: a call
    brings many accounts of a tick, so ticks are thinned as a whole."""
    taken: float = 0.0
    """What all other ticks and sweeps cost a second."""
    fairness: float = 1.0
    """The exponent of the change rate in what an account is worth."""

    @property
    def rate(self) -> float:
        """What `fixed` costs a second, as it is set."""
        return sum(each.rate for each in self.fixed)


def key_of(account: Account) -> str:
    return f"{account.chain}:{account.address}"


def credit_budget(plan: CreditPlan, spent: int, taken: float, now: datetime) -> Budget:
    """What the scheduler may spend: all that `taken` (credits a second, by cron lines) leaves.

    The reserve is not left out: `may_spend` holds it back, and gives it to the schedule in the end.
    """
    start, end = plan.bounds(now)
    length, left = (end - start).total_seconds(), (end - now).total_seconds()
    return Budget(
        max(plan.limit - taken * length, 0.0),
        max(plan.limit - spent - taken * left, 0.0),
        end.timestamp(),
        length,
    )


def call_budget(allowance: Allowance, taken: float, now: datetime) -> Budget:
    """Without credits, calls are the currency: the tightest limit, as calls a day."""
    pace = max(calls_a_second(allowance) - taken, 0.0)
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    end = midnight + timedelta(days=1)
    return Budget(pace * DAY, pace * (end - now).total_seconds(), end.timestamp(), DAY)


def calls_a_second(allowance: Allowance) -> float:
    """What the schedule may ask for in the long run, by the tightest limit."""
    paces = [window.calls / window.seconds for window in allowance.windows]
    return (min(paces) if paces else 1.0) * LEAVE_FREE
