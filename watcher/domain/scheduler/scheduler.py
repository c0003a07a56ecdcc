"""Scheduler: which account to poll next."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from watcher.domain.records import replace
from watcher.domain.scheduler import persistence
from watcher.domain.scheduler.change_rates import DAY, ChangeRates, Evidence
from watcher.domain.scheduler.forecast import Forecast, even, forecast
from watcher.domain.scheduler.items import Budget, Candidate, Item
from watcher.domain.scheduler.poll_order import PollOrder
from watcher.domain.scheduler.promises import Feasibility, Promises, feasibility

GOLDEN = (math.sqrt(5) - 1) / 2
"""Multiples of it, modulo 1, are evenly spread however many there are."""
BACKWARDS = 60.0
"""A clock that steps back by more than these seconds is followed; by less, it is waited for."""
AT_ONCE = 0.25
"""New accounts are read at once if that takes no more than this share of what is left."""


class Scheduler:
    """Decides which account to poll next; learns from each poll whether it had changed.

    The clock is an argument everywhere (unix seconds). `due` says what to poll and when,
    `take` that a poll is on its way and charged, `observe` how it went, `set_budget` what the
    ledger says. A decision costs O(log n); the whole list is walked only at the start, at a
    new period, and when the budget stops (or starts again) to cover the promises.
    """

    def __init__(
        self,
        items: Sequence[Item],
        budget: Budget,
        now: float,
        *,
        state: Mapping[str, Any] | None = None,
        seen: Mapping[str, float] | None = None,
        fairness: float = 1.0,
    ) -> None:
        """`state` is what `dump` returned, of any earlier watch list: new accounts start from what
        the others have in common, removed ones vanish. `seen`: when accounts without state were
        last read; those never read come first.

        `fairness` is the exponent of the change rate in an account's importance: 1 minimises the
        mean delay of all changes, 0 treats all accounts alike; 0.5 keeps most of the gain and
        leaves the average account no worse off than polling evenly would.
        """
        self.fairness = fairness
        self._now, self._budget = now, budget
        self._remaining = max(budget.remaining, 0.0)
        self._promises = Promises()
        self._aside = 0.0
        """Credits a second that polls are expected to take which hints cause."""
        kept, spread = persistence.load(state), persistence.scale(even(items, budget))
        self._rates = ChangeRates(kept.scale or spread, kept.population)
        self._pace = kept.pace(now)
        self._order = PollOrder(self._pace)
        self._known = {
            item.key: kept.account(item, now, fairness) or self._newcomer(item, seen or {}) for item in items
        }
        for account in self._known.values():
            self._rates.count(account.belief)
        self._accounts = {key: each for key, each in self._known.items() if not each.item.ticked}
        strangers = {key for key in self._accounts if key not in kept.known and key not in (seen or {})}
        at_once = sum(self._accounts[key].item.cost for key in strangers) <= AT_ONCE * self._remaining
        for key in strangers:
            self._accounts[key].new = at_once
        self._settle()
        self._admit(kept.known, strangers, 0.0 if at_once else spread)

    # ------------------------------------------------------------------ what to do, and how it went

    def due(self, now: float) -> tuple[float, str] | None:
        """The next poll: when (not before `now`) and of which account; None if none is in sight.

        Ask again after every `take`, `observe` and `set_budget`, and when that time has come.
        """
        self._advance(now)
        now, ends = self._now, self._budget.ends
        while True:
            early, promised = self._order.first(now), self._promises.first()
            if promised is not None and (early is None or promised[0] <= early[0]):
                time, account = max(promised[0], now), promised[1]
                if time >= ends or account.item.cost <= self._remaining + 1e-6:
                    break
                self._promises.postpone(account)
            elif early is not None:
                time, account = early
                if time >= ends or self._promises.spare(account, time, self._remaining):
                    break
                self._order.park(account)
            else:
                time, account = math.inf, None
                break
        if time > ends:
            time, account = self._after_renewal() or (time, account)
        if account is None or time == math.inf or (time >= ends and account.item.cost > self._budget.limit):
            return None
        return time, account.item.key

    def take(self, key: str, now: float) -> None:
        """A poll of `key` is on its way, and charged; it is not due again before `observe`."""
        self._advance(now)
        account = self._known[key]
        self._remaining = max(self._remaining - account.item.cost, 0.0)
        if account.item.ticked:
            return
        account.under_way = True
        self._order.drop(account)
        account.before = account.asked, account.new
        account.asked, account.new = self._now, False
        self._promises.owe(account)

    def observe(
        self,
        key: str,
        now: float,
        changed: bool | None,  # noqa: FBT001
        *,
        charged: bool = True,
        evidence: Evidence = Evidence.BIT,
    ) -> None:
        """The poll of `key` found it changed since the last one, or not; None: it failed.

        Needs no `take` before it. `charged` false: it was not made, and cost nothing. An account that is not
        on the list any more is ignored. `evidence`: what the time of the poll says of the change rate.
        """
        account = self._known.get(key)
        if account is None:
            return
        if account.item.ticked:
            self._advance(now)
            if changed is not None:
                self._learn(account, evidence, changed=changed)
            return
        if not account.under_way:
            self.take(key, now)
        self._advance(now)
        account.under_way = False
        if not charged:
            self._refuse(account)
        self._promises.back(account)
        if changed is None:
            account.failures += charged
            self._enqueue(account, ready=max(account.asked + self._patience(account), account.held))
            return
        account.failures = 0
        self._learn(account, evidence, changed=changed)
        account.due = self._pace.at(self._now) + self._base(account)
        self._enqueue(account)

    def set_budget(self, budget: Budget, now: float) -> None:
        """What the ledger says: the spending of others, a renewal early or late, another limit."""
        self._advance(now)
        before, self._budget = self._budget, budget
        self._remaining = max(budget.remaining, 0.0)
        renewed = (budget.ends, budget.limit, budget.period) != (before.ends, before.limit, before.period)
        if renewed or not self._promises.settled(self._promisable, budget.limit):
            self._settle()
        else:
            self._unpark()
            self._reprice()

    # ------------------------------------------------------------------ beside hints

    def put_aside(self, pace: float, now: float) -> None:
        """Plan with what is left after `pace` credits a second, which hints take. Promises go first as long
        as all of them can be paid; those that cannot are stretched by what hints take, too."""
        self._advance(now)
        self._aside = pace
        self.set_budget(replace(self._budget, remaining=self._remaining), now)

    def promised(self, key: str, now: float) -> bool:
        """Whether `key` is due now because that was promised."""
        account = self._known[key]
        return account.item.longest < math.inf and self._promises.deadline(account) <= now + 1e-3

    @property
    def _promisable(self) -> float:
        """Credits left for promises."""
        if self._promises.stretch == 1:
            return self._remaining
        return self._remaining - min(self._for_hints, self._remaining / 2)

    @property
    def _for_hints(self) -> float:
        """Credits that are put aside for hints until the period ends."""
        return self._aside * max(self._budget.ends - self._now, 0.0)

    def _longest(self, item: Item) -> float:
        return item.longest if item.ticked else self._promises.longest(item)

    # ------------------------------------------------------------------ what it thinks

    def interval(self, key: str) -> float:
        """Seconds between two polls of `key`, as things stand."""
        account = self._known[key]
        item, longest = account.item, self._longest(account.item)
        if item.fixed is not None:
            return longest
        return min(max(self._pace.price * self._base(account), item.shortest), longest)

    def rate(self, key: str) -> tuple[float, float, float]:
        """Changes a second of `key`: the mean, and the bounds of an 80 % range."""
        account = self._known[key]
        return account.rate, *self._rates.span(account.belief)

    def forecast(self, keys: Sequence[str] | None = None) -> Forecast:
        """All accounts (or some) as they are being polled now, and the sum of it."""
        accounts = [self._accounts[key] for key in (self._accounts if keys is None else keys)]
        rates = [(account.rate, *self._rates.span(account.belief)) for account in accounts]
        items = [account.item for account in accounts]
        intervals = [self.interval(item.key) for item in items]
        feasible = replace(self.feasibility(), stretch=self.stretch)
        polled = [account.belief is not None for account in accounts]
        evenly = even(self._items(), self._budget)
        return forecast(items, self._budget, rates, intervals, feasible, evenly, polled)

    def feasibility(self) -> Feasibility:
        """Whether a whole period's credits keep every promise."""
        return feasibility(self._items(), self._budget.limit, self._budget.period)

    @property
    def stretch(self) -> float:
        """How many times longer than promised intervals are until the period ends; 1 if all is well."""
        return self._promises.stretch

    @property
    def remaining(self) -> float:
        """Credits left, as far as known here."""
        return self._remaining

    def dump(self) -> dict[str, Any]:
        """All that is to survive a restart, as a JSON-able value."""
        return persistence.dump(self._known.values(), self._rates, self._pace, self.fairness)

    def dump_some(self, keys: Sequence[str]) -> dict[str, Any]:
        """What is known of these accounts, as it stands in `dump`; those that are gone are left out."""
        return persistence.known(self._known[key] for key in keys if key in self._known)

    def dump_in_parts(self, size: int) -> Iterator[dict[str, Any]]:
        """The same, first without `accounts`, then so many of these at a time; others may work in between."""
        yield persistence.head(self._rates, self._pace, self.fairness)
        accounts = list(self._known.values())
        for start in range(0, len(accounts), size):
            yield persistence.known(accounts[start : start + size])

    # ------------------------------------------------------------------ time and money

    def _items(self) -> list[Item]:
        return [account.item for account in self._accounts.values()]

    def _advance(self, now: float) -> None:
        if now < self._now - BACKWARDS:
            self.rewind(now)
        self._now = now = max(now, self._now)
        ends, period = self._budget.ends, self._budget.period
        if now >= ends:
            ends += period * (math.floor((now - ends) / period) + 1)
            self._budget = Budget(self._budget.limit, self._budget.limit, ends, period)
            self._remaining = max(self._budget.limit, 0.0)
            self._settle()
        elif now >= self._pace.again:
            self._reprice()

    def rewind(self, now: float) -> None:
        """The clock was wrong: nothing was polled later than now."""
        self._pace.progress, self._pace.since = self._pace.at(self._now), now
        self._now = now
        for account in self._known.values():
            account.seen, account.asked = min(account.seen, now), min(account.asked, now)
        for account in self._order.waiting():
            self._enqueue(account)
        self._settle()

    def _settle(self) -> None:
        """Everything that depends on the budget, anew."""
        accounts = self._accounts.values()
        self._promises.settle(accounts, self._remaining, self._budget)
        if self._promises.stretch > 1 and self._aside:
            self._promises.settle(accounts, self._promisable, self._budget)
        self._pace.clear()
        # where nothing is planned here the price is what all that hints tell of would pay
        for account in accounts or self._known.values():
            account.need = None
            self._pace.count(account, self._longest(account.item))
        self._unpark()
        self._reprice()

    def _reprice(self) -> None:
        self._rates.pool(len(self._known))
        remaining = max(self._remaining - self._for_hints, min(self._promises.owed, self._remaining))
        self._pace.reprice(self._now, self._budget, remaining, self._promises.owed)
        self._order.tidy(len(self._accounts))

    # ------------------------------------------------------------------ queues

    def _enqueue(self, account: Candidate, *, ready: float | None = None) -> None:
        if ready == math.inf or account.item.cost > max(self._budget.limit, self._remaining):
            self._order.park(account)  # no interval is long enough for what is left: it comes with money
        elif ready is not None:
            self._order.wait(account, ready)
        elif account.item.fixed is not None:
            self._order.drop(account)
        else:
            self._order.early(account)

    def _after_renewal(self) -> tuple[float, Candidate] | None:
        """Who is first when there is money again, if that is why nobody is due before."""
        ends, limit = self._budget.ends, self._budget.limit
        if self._promises.stretch > 1:
            return self._promises.after(ends)
        account = self._order.last_parked(limit)
        return (max(ends, account.asked + account.item.shortest), account) if account is not None else None

    def _refuse(self, account: Candidate) -> None:
        """The poll was not made: what was owed still is, but is not tried again at once."""
        account.held = account.asked + self._patience(account)
        self._remaining += account.item.cost
        account.asked, account.new = account.before
        self._promises.owe(account)

    def _unpark(self) -> None:
        for account in self._order.unpark():
            self._enqueue(account, ready=account.asked + account.item.shortest)

    def _patience(self, account: Candidate) -> float:
        """How long to leave a failed account alone: twice as long each time, up to its slowest interval."""
        usual = self.interval(account.item.key)
        slowest = max(usual, min(account.item.longest, DAY))
        first = min(usual, slowest / 16)
        return max(min(first * 2.0 ** min(max(account.failures - 1, 0), 40), slowest), account.item.shortest)

    # ------------------------------------------------------------------ accounts

    def _base(self, account: Candidate) -> float:
        return account.item.base(account.rate ** (self.fairness / 2), account.untold)

    def _newcomer(self, item: Item, seen: Mapping[str, float]) -> Candidate:
        rate = self._rates.prior()
        return Candidate(
            item, min(seen.get(item.key, self._now), self._now), rate, rate ** (self.fairness / 2)
        )

    def _admit(self, known: Mapping[str, Any], strangers: Set[str], wait: float) -> None:
        """Put everybody into the queues, strangers evenly over `wait` seconds."""
        for number, (key, account) in enumerate(self._accounts.items()):
            phase = (number * GOLDEN) % 1.0
            if key in strangers:
                self._enqueue(account, ready=self._now + phase * wait)
            elif key in known:
                account.due = min(account.due, self._pace.at(self._now) + self._base(account))
                self._enqueue(account)
            else:
                account.due = self._pace.at(self._now) + phase * self._base(account)
                self._enqueue(account)

    def _learn(self, account: Candidate, evidence: Evidence, *, changed: bool) -> None:
        if evidence is Evidence.NONE:
            return
        item, now = account.item, self._now
        elapsed = max(now - account.seen, 1e-3)
        memory = self._pace.memory(now, self._budget.period)
        level = account.rate ** (self.fairness / 2)
        account.root = level + (account.root - level) * math.exp(-elapsed / memory)
        season = self._pace.season
        exposure = max(season.exposure(account.seen, now), 1e-3)
        season.learn(account.seen, now, account.rate, changed=changed)
        event = evidence is Evidence.EVENT
        account.belief, account.rate = self._rates.update(
            account.belief, elapsed, exposure, changed=changed, event=event
        )
        account.seen = now
        # the slow mean goes on towards the present rate until the next poll: count its average till then
        level = account.rate ** (self.fairness / 2)
        ahead = self.interval(item.key) / memory
        mean = level + (account.root - level) * (-math.expm1(-ahead) / ahead if ahead < 1e9 else 0.0)
        account.slow = item.base(mean, account.untold)
        if account.need is not None:
            self._pace.count(account, self._longest(item))
