"""Which account to poll next."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from watcher.domain.cadence.pricing import Demand, Need, base, interval
from watcher.domain.cadence.promises import Feasibility, feasibility, least_stretch, stretched
from watcher.domain.cadence.rates import DAY, HOUR, Belief, Rates
from watcher.domain.cadence.season import Season

GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True, slots=True)
class Item:
    """One account as the cadence sees it. Times in seconds, cost in credits a poll (or calls)."""

    key: str
    cost: float = 1.0
    weight: float = 1.0
    """What a minute of delay is worth here, relative to others."""
    min_every: float = 60.0
    at_least_every: float = math.inf
    """The promise: never longer between two polls."""
    fixed: float | None = None
    """A fixed interval, charged before everything else; the two limits above do not apply."""

    @property
    def shortest(self) -> float:
        return self.fixed or max(self.min_every, 1e-3)

    @property
    def longest(self) -> float:
        return self.fixed or max(self.at_least_every, self.shortest)


@dataclass(frozen=True, slots=True)
class Budget:
    """Credits for these items: what the plan allows, and what is left of it now."""

    limit: float
    """Credits a period."""
    remaining: float
    """Credits left in the current period, by the ledger."""
    ends: float
    """When the current period ends (unix seconds)."""
    period: float = 30 * DAY
    """Length of a period in seconds; the next is taken to be as long until told otherwise."""

    @property
    def pace(self) -> float:
        """Credits a second, on average."""
        return self.limit / self.period


class _Account:
    """What the schedule keeps of one account."""

    __slots__ = (
        "asked", "belief", "due", "failures", "item", "need", "owed", "parked", "phase", "rate", "root",
        "seen", "ticket", "under_way",
    )  # fmt: skip

    def __init__(self, item: Item, now: float, rate: float) -> None:
        self.item = item
        self.seen = now
        """The last poll that told something."""
        self.asked = now
        """The last poll, answered or not."""
        self.failures = 0
        self.belief: Belief | None = None
        self.rate = rate
        self.root = 0.0
        """Slow mean of rate^(fairness / 2), at `seen`: what the price is made with."""
        self.need: Need | None = None
        """As counted in the demand."""
        self.owed = 0.0
        self.due = 0.0
        """The progress at which it is due."""
        self.ticket = -1
        """The only valid entry of this account among the early ones."""
        self.parked = False
        self.under_way = False
        self.phase = 0.0


class Cadence:
    """Decides which account to poll next; learns from each poll whether it had changed.

    The clock is an argument everywhere (unix seconds). `due` says what to poll and when,
    `take` that a poll is on its way and charged, `observe` how it went, `set_budget` what the
    ledger says. Nothing walks the whole list except the start, a new period, a budget that no
    longer covers the promises, and edits.
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
        """`state` as `dump` returned it; `seen` the last readings' times, for accounts without state.

        `fairness` is the exponent of the rate: 1 minimises the mean delay of all changes, 0
        treats all accounts alike, 0.5 costs a quarter of the gain and makes no account worse off.
        """
        self._now, self._budget, self._fairness = now, budget, fairness
        self._began = now
        self._remaining = max(budget.remaining, 0.0)
        self._serial = 0
        costs = sum(item.cost for item in items)
        self._even = min(costs / budget.pace if budget.pace > 0 else 30 * DAY, 30 * DAY)
        self._rates = Rates(self._even or DAY)
        self._season = Season()
        self._speed = 0.0
        """1 / price: how fast progress is made."""
        self._speed_then = 0.0
        """The same for the next period, as far as known."""
        self._since = now
        self._progress = 0.0
        self._accounts: dict[str, _Account] = {}
        self._early: list[tuple[float, int, _Account]] = []
        self._waiting: list[tuple[float, int, _Account]] = []
        self._promises: list[tuple[float, int, _Account]] = []
        self._parked: list[_Account] = []
        self._demand = Demand()
        self._stretch, self._owed = 1.0, 0.0
        for item in items:
            self._accounts[item.key] = _Account(item, now, 0.0)
        self._restore(state or {}, seen or {})
        self._settle()

    # ------------------------------------------------------------------ the interface

    def due(self, now: float) -> tuple[float, str] | None:
        """The next poll: when (not before `now`) and of which account; None if there is none in sight.

        Ask again after every `take`, `observe` and `set_budget`, and when that time has come.
        """
        self._advance(now)
        now = self._now
        while True:
            early, promised = self._first_early(now), self._first_promised()
            if promised is not None and (early is None or promised[0] <= early[0]):
                time, account = max(promised[0], now), promised[1]
                if time >= self._budget.ends or account.item.cost <= self._remaining + 1e-9:
                    break
                heapq.heapreplace(self._promises, (self._budget.ends, self._next(), account))
            elif early is not None:
                time, account = early
                if time >= self._budget.ends or self._affordable(account, time):
                    break
                self._park(account)
            else:
                return (max(self._budget.ends, now), self._parked[0].item.key) if self._wakes() else None
        if self._wakes() and time > self._budget.ends:
            return self._budget.ends, self._parked[0].item.key
        return time, account.item.key

    def take(self, key: str, now: float) -> None:
        """A poll of `key` is on its way, and charged."""
        self._advance(now)
        account = self._accounts[key]
        self._remaining = max(self._remaining - account.item.cost, 0.0)
        account.under_way = True
        account.ticket = self._next()
        account.asked = self._now
        self._owe(account)

    def observe(self, key: str, now: float, changed: bool | None, *, charged: bool = True) -> None:  # noqa: FBT001
        """The poll of `key` found it changed since the last one, or not; None: it failed.

        Needs no `take` before it. `charged` false gives the cost back.
        """
        account = self._accounts.get(key)
        if account is None:
            return
        if not account.under_way:
            self.take(key, now)
        self._advance(now)
        account.under_way = False
        if not charged:
            self._remaining += account.item.cost
        if changed is None:
            account.failures += 1
            self._schedule_retry(account)
            return
        self._learn(account, changed=changed)
        account.failures = 0
        account.due = self._progressed() + self._base(account)
        self._enqueue(account)

    def set_budget(self, budget: Budget, now: float) -> None:
        """What the ledger says: spending of others, a renewal early or late, another limit."""
        self._advance(now)
        before, self._budget = self._budget, budget
        self._remaining = max(budget.remaining, 0.0)
        if budget.ends != before.ends or budget.limit != before.limit or self._unsettled():
            self._settle()
        else:
            self._unpark()
            self._reprice()

    def interval(self, key: str) -> float:
        """Seconds between two polls of `key`, as things stand."""
        account = self._accounts[key]
        price = 1 / self._speed if self._speed > 0 else math.inf
        need = Need(self._base(account), account.item.cost, account.item.shortest, self._longest(account))
        return interval(need, price)

    def expected_delay(self, key: str) -> float:
        """Seconds from a change to its discovery: half an interval, whatever the changes do."""
        return self.interval(key) / 2

    # ------------------------------------------------------------------ time, price, promises

    def _next(self) -> int:
        self._serial += 1
        return self._serial

    def _advance(self, now: float) -> None:
        self._now = now = max(now, self._now)
        if now >= self._budget.ends:
            ends = self._budget.ends
            ends += self._budget.period * (math.floor((now - ends) / self._budget.period) + 1)
            self._budget = Budget(self._budget.limit, self._budget.limit, ends, self._budget.period)
            self._remaining = self._budget.limit
            self._settle()
        elif now >= self._tick:
            self._reprice()

    def _progressed(self) -> float:
        """The progress up to now. An account falls due when it has grown by the account's base."""
        return self._progress + self._speed * self._season.between(self._since, self._now)

    def _when(self, due: float) -> float:
        """When the progress will have come as far as `due`."""
        ends = self._budget.ends
        missing = due - self._progress
        if self._speed > 0:
            time = self._season.after(self._since, missing / self._speed)
            if time <= ends:
                return time
        if self._speed_then <= 0:
            return math.inf
        missing -= self._speed * self._season.between(self._since, ends)
        return self._season.after(ends, missing / self._speed_then)

    def _reprice(self) -> None:
        """Set the speed of all lanes such that what is left lasts until the period ends."""
        period = self._budget.period
        self._tick = self._now + min(max(period / 1000, 60.0), HOUR / 2)
        self._rates.pool(len(self._accounts))
        self._progress, self._since = self._progressed(), self._now
        self._season.refresh(self._now)
        left = max(self._budget.ends - self._now, min(HOUR, period / 100))
        hand = min(0.5 * self._sweep * min(1.0, left / min(DAY, period / 10)), self._remaining / 4)
        pace = min((self._remaining - hand) / left, 4 * self._budget.pace)
        self._speed = self._speed_at(pace)
        self._speed_then = self._speed_at(self._budget.pace)

    def _speed_at(self, pace: float) -> float:
        price = self._demand.solve(pace) if pace > 0 else math.inf
        return 1 / price if price > 0 else 1e9

    def _settle(self) -> None:
        """Everything that depends on the budget, anew: the stretch, the promises, the price."""
        self._sweep = sum(account.item.cost for account in self._accounts.values())
        self._stretch = least_stretch(self._owed_if, self._remaining)
        self._owed = 0.0
        self._promises = []
        self._demand = Demand()
        for account in self._accounts.values():
            account.owed = 0.0
            account.need = None
            self._owe(account)
            self._count(account)
            deadline = account.asked + self._longest(account)
            if deadline < math.inf:
                self._promises.append((deadline, self._next(), account))
        heapq.heapify(self._promises)
        self._unpark()
        self._reprice()

    def _unsettled(self) -> bool:
        slack = self._remaining - self._owed
        return slack < 0 or (self._stretch > 1 and slack > 0.01 * self._budget.limit)

    def _longest(self, account: _Account) -> float:
        item = account.item
        return stretched(item.longest, self._stretch, fixed=item.fixed is not None)

    def _polls_owed(self, item: Item, asked: float, stretch: float) -> float:
        longest = stretched(item.longest, stretch, fixed=item.fixed is not None)
        return item.cost * max(math.floor((self._budget.ends - asked) / longest), 0) if longest < math.inf else 0.0

    def _owed_if(self, stretch: float) -> float:
        return sum(self._polls_owed(account.item, account.asked, stretch) for account in self._accounts.values())

    def _owe(self, account: _Account) -> None:
        owed = self._polls_owed(account.item, account.asked, self._stretch)
        self._owed += owed - account.owed
        account.owed = owed

    def _affordable(self, account: _Account, time: float) -> bool:
        """Whether a poll that is not owed yet leaves enough for all that are."""
        owed = self._owed - account.owed + self._polls_owed(account.item, time, self._stretch)
        return self._remaining - account.item.cost >= owed - 1e-6

    # ------------------------------------------------------------------ queues

    def _enqueue(self, account: _Account, *, ready: float | None = None) -> None:
        account.ticket = self._next()
        account.parked = False
        if account.item.fixed is not None:
            return
        if ready is not None:
            heapq.heappush(self._waiting, (ready, account.ticket, account))
        else:
            heapq.heappush(self._early, (account.due, account.ticket, account))

    def _first_early(self, now: float) -> tuple[float, _Account] | None:
        """The first account that the price calls for, and when; those not ready yet are put to wait."""
        best: tuple[float, _Account] | None = None
        while self._early and best is None:
            due, ticket, account = self._early[0]
            if ticket != account.ticket:
                heapq.heappop(self._early)
                continue
            time, ready = max(self._when(due), now), account.asked + account.item.shortest
            if time == math.inf:
                break
            if time < ready:
                heapq.heappop(self._early)
                self._enqueue(account, ready=ready)
            else:
                best = time, account
        while self._waiting and self._waiting[0][1] != self._waiting[0][2].ticket:
            heapq.heappop(self._waiting)
        if self._waiting and (best is None or self._waiting[0][0] < best[0]):
            best = max(self._waiting[0][0], now), self._waiting[0][2]
        return best

    def _first_promised(self) -> tuple[float, _Account] | None:
        """The account whose promise falls due first."""
        while self._promises:
            deadline, _, account = self._promises[0]
            true = account.asked + self._longest(account)
            if account.ticket < 0 or true == math.inf:
                heapq.heappop(self._promises)
            elif true > deadline and deadline != self._budget.ends or account.under_way:
                heapq.heapreplace(self._promises, (max(true, deadline), self._next(), account))
            else:
                return deadline, account
        return None

    def _park(self, account: _Account) -> None:
        """No credits for this one until the budget says otherwise; its promise stands."""
        account.ticket = self._next()
        account.parked = True
        self._parked.append(account)

    def _wakes(self) -> bool:
        while self._parked and not self._parked[0].parked:
            self._parked.pop(0)
        return bool(self._parked)

    def _unpark(self) -> None:
        parked, self._parked = self._parked, []
        for account in parked:
            if account.parked:
                self._enqueue(account, ready=account.asked + account.item.shortest)

    def _schedule_retry(self, account: _Account) -> None:
        """After a failure: soon, then half as often each time, down to the account's slowest."""
        usual = self.interval(account.item.key)
        slowest = max(usual, min(account.item.longest, DAY))
        wait = min(min(usual, slowest / 16) * 2.0 ** min(account.failures - 1, 40), slowest)
        self._enqueue(account, ready=account.asked + max(wait, account.item.shortest))

    # ------------------------------------------------------------------ learning

    def _base(self, account: _Account) -> float:
        return base(account.item.cost, account.item.weight, account.rate, self._fairness)

    def _learn(self, account: _Account, *, changed: bool) -> None:
        elapsed = max(self._now - account.seen, 1e-3)
        slow = self._slow()
        level = account.rate ** (self._fairness / 2)
        account.root = level + (account.root - level) * math.exp(-elapsed / slow)
        exposure = max(self._season.exposure(account.seen, self._now), 1e-3)
        self._season.learn(account.seen, self._now, account.rate, changed=changed)
        account.belief, account.rate = self._rates.update(account.belief, elapsed, exposure, changed=changed)
        account.seen = self._now
        self._count(account)

    def _slow(self) -> float:
        """Over how long the price looks back: long enough for a burst to spend now and save later."""
        return min(1.5 * DAY, self._budget.period / 20, max(self._now - self._began, HOUR / 2) / 2)

    def _count(self, account: _Account) -> None:
        """Account for it in the demand that makes the price."""
        item = account.item
        if account.need is not None:
            self._demand.add(account.need, -1)
        # the slow mean goes on towards the present rate until the next poll: take its average till then
        level, ahead = account.rate ** (self._fairness / 2), self.interval(item.key) / self._slow()
        mean = level + (account.root - level) * (-math.expm1(-ahead) / ahead if ahead < 1e9 else 0.0)
        widest = math.sqrt(item.cost / max(item.weight, 1e-9)) / max(mean, 1e-9)
        account.need = Need(widest, item.cost, item.shortest, self._longest(account))
        self._demand.add(account.need)

    # ------------------------------------------------------------------ state

    def _restore(self, state: Mapping[str, Any], seen: Mapping[str, float]) -> None:
        for number, account in enumerate(self._accounts.values()):
            self._rates.count(None)
            account.rate = self._rates.prior()
            account.root = account.rate ** (self._fairness / 2)
            account.seen = account.asked = seen.get(account.item.key, self._now)
            account.phase = (number * GOLDEN) % 1.0
            account.due = account.phase * self._base(account)
            self._enqueue(account)
