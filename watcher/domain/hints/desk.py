"""Desk: hints in, polls out. Which account is polled when because of a hint, and what the poll said of it.

A hint of a cold account, one that would have gathered less than a change since its last poll by its ordinary
interval, is worth a poll at once: as soon as the provider shows the change. What a hot account tells is gathered
for its ordinary interval at today's price. With l changes a second, the interval x and the precision p the
border is l x = sqrt(2) p: the stopping rule of least mean delay (docs/decisions/push-hints.md). Seconds.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from watcher.domain.hints.lag import UNKNOWN, ProviderLag, Stakes
from watcher.domain.hints.trust import SourceTrust
from watcher.domain.scheduler import Evidence

GAP = 10.0
"""No hint causes a poll sooner after the last one."""
RUNGS = 4
"""Looks after one hint, where the provider's lag is known."""
FIRST_DOUBT = 60.0
"""After a hint that came to nothing the next one of the account waits so long, then four times as long."""
PATIENCE = 20
"""So many in a row it never waits longer than its ordinary interval; after more, longer in proportion."""
FRESH = 900.0
"""A hint tells of what a poll finds within so many seconds."""
FLOOR = 0.02
"""Of an account's changes the schedule always expects so many, whatever hints tell."""
PRIOR = 4.0
"""An account's own hits and misses count as much as its source's after so many changes."""


@dataclass(slots=True)
class PendingHint:
    """What is known of an account and not looked into yet. Times in unix seconds."""

    first: float
    """When the oldest hint came."""
    last: float
    by: list[str]
    """The sources that told of it."""
    count: int = 1
    looked: float = -1.0
    """The age at the last look that showed nothing."""
    rung: int = 0
    chance: float = 0.0
    """The chance, at the last look, that the account had changed whatever the hint is worth."""
    held: bool = False
    """It was gathered: the time of the poll was not the hint's."""


@dataclass(slots=True)
class HintedAccount:
    """What the desk knows of one account."""

    sources: tuple[str, ...]
    """Those that may tell of it."""
    last: float
    """The last poll of any cause."""
    hinted: float = -math.inf
    """The last that a hint caused."""
    heard: float = -math.inf
    lone: bool = False
    """No other hint came shortly before the pending one: the lag can be learnt from it."""
    barren: int = 0
    """Hints in a row that came to nothing."""
    hits: float = 0.0
    misses: float = 0.0
    pending: PendingHint | None = None
    unanswered: PendingHint | None = None
    """The last one that came to nothing."""
    ticket: int = 0


@dataclass(frozen=True, slots=True)
class Market:
    """What the schedule says of an account."""

    interval: Callable[[str], float]
    """Seconds between two polls if no hint told of it, at today's price."""
    rate: Callable[[str], float]
    """Its changes a second."""
    chance: Callable[[str, float, float], float]
    """The chance that it changed between two times, if no hint had told of it."""


@dataclass(slots=True)
class HintCounts:
    """What became of hints, and of the polls that they caused."""

    hints: int = 0
    gathered: int = 0
    """Told of an account of which a hint was pending already."""
    confirmed: int = 0
    barren: int = 0
    polls: int = 0
    barren_polls: int = 0
    """Polls that showed nothing."""
    by_source: dict[str, list[int]] = field(default_factory=dict)


class HintDesk:
    """Hints of the accounts of one polled source."""

    def __init__(self, coverage: Mapping[str, Sequence[str]], market: Market, now: float) -> None:
        """`coverage`: of which accounts which sources may tell."""
        self.accounts = {key: HintedAccount(tuple(sources), now) for key, sources in coverage.items()}
        names = {name for sources in coverage.values() for name in sources}
        self.trust = {name: SourceTrust() for name in names}
        self.lag = {name: ProviderLag() for name in names}
        self.counts = HintCounts()
        self._market = market
        self._heap: list[tuple[float, int, str]] = []
        self._serial = 0
        self._explored = 0

    # ------------------------------------------------------------------ hints in, polls out

    def hint(self, key: str, by: str, now: float) -> None:
        """`by` tells that the account has probably changed."""
        account = self.accounts.get(key)
        if account is None or by not in account.sources:
            return
        self.counts.hints += 1
        alone, account.heard = now - account.heard > FRESH, now
        pending = account.pending
        if pending is not None:
            pending.count += 1
            pending.last = now
            if by not in pending.by:
                pending.by.append(by)
            self.counts.gathered += 1
            return
        account.pending, account.lone = PendingHint(now, now, [by]), alone
        self._plan(key, account, now)

    def due(self, now: float) -> tuple[float, str] | None:
        """The next poll that a hint calls for: when (not before `now`), and of which account."""
        while self._heap:
            time, ticket, key = self._heap[0]
            if self.accounts[key].ticket == ticket:
                return max(time, now), key
            heapq.heappop(self._heap)
        return None

    def postpone(self, key: str, until: float) -> None:
        """Its poll cannot be paid before."""
        account = self.accounts[key]
        if account.pending is not None:
            account.pending.held = True
            self._put(key, account, until)

    def take(self, key: str, now: float) -> None:
        """A poll is on its way because of a hint."""
        self.accounts[key].hinted = now
        self.accounts[key].ticket = 0
        self.counts.polls += 1

    def observe(self, key: str, asked: float, changed: bool | None, *, by_hint: bool) -> Evidence:  # noqa: FBT001
        """What a poll of any cause, made at `asked`, found; what its time says of the change rate."""
        account = self.accounts.get(key)
        if account is None:
            return Evidence.BIT
        if changed is None:
            if account.pending is not None:
                account.last = asked
                self._plan(key, account, asked)
            return Evidence.BIT
        since, account.last = account.last, asked
        pending = account.pending
        if pending is not None and pending.first > asked:
            # The answer may be older than what the hint tells of.
            self._plan(key, account, asked)
            pending = None
        self.counts.barren_polls += by_hint and not changed
        if changed:
            return self._changed(key, account, pending, asked, since, by_hint=by_hint)
        if pending is None:
            return Evidence.BIT
        age = max(asked - pending.first, 0.0)
        hidden = self.precision(pending) * self._lag(pending).tail(age)
        pending.looked, pending.rung = age, pending.rung + 1
        pending.chance = 1 - (1 - pending.chance) * (1 - self._market.chance(key, since, asked))
        self._plan(key, account, asked)
        return Evidence.NONE if hidden > 0.2 else Evidence.BIT

    def untold(self, key: str) -> float:
        """The share of an account's changes that no hint will tell of."""
        account = self.accounts[key]
        missed, told = 1.0, False
        for name in account.sources:
            if not self.trust[name].silent:
                missed *= 1 - self.trust[name].recall
                told = True
        if not told:
            return 1.0
        recall = ((1 - missed) * PRIOR + account.hits) / (PRIOR + account.hits + account.misses)
        return max(1 - recall, FLOOR)

    # ------------------------------------------------------------------ when

    def _lag(self, pending: PendingHint) -> ProviderLag:
        return self.lag[pending.by[0]]

    def precision(self, pending: PendingHint) -> float:
        """The chance that a pending hint is true."""
        return max(self.trust[name].precision for name in pending.by)

    def _plan(self, key: str, account: HintedAccount, now: float) -> None:
        pending = account.pending
        if pending is None:
            return
        interval, rate = self._market.interval(key), self._market.rate(key)
        precision = self.precision(pending)
        age = self._age(pending, rate * interval, interval, precision)
        if age is None:
            self._came_to_nothing(account)
            return
        due, hold = max(pending.first + age, now), account.last + GAP
        gather = 0.0
        if rate * interval > math.sqrt(2) * precision:
            gather = account.last + interval
        if account.barren:
            doubt = FIRST_DOUBT * 4.0 ** min(account.barren - 1, 20)
            most = max(interval, FIRST_DOUBT) * max(account.barren / PATIENCE, 1.0)
            gather = max(gather, account.hinted + min(doubt, most))
        pending.held = pending.held or gather > due + 1
        hold = max(hold, gather)
        self._put(key, account, max(due, hold))

    def _age(
        self, pending: PendingHint, expected: float, interval: float, precision: float
    ) -> float | None:
        """At which age of the hint to look next; None: it is not worth another look. `expected`: changes
        that would gather in an ordinary interval."""
        lag = self._lag(pending)
        worth = max(0.03, min(expected / math.sqrt(2), 0.3))
        stakes = Stakes(precision, min(max(expected * interval / 2, 1.0), 600.0), worth, interval / 2)
        if pending.rung == 0:
            return lag.first(stakes)
        if not lag.known:
            return lag.after(pending.looked) if pending.rung < len(UNKNOWN) else None
        if pending.rung >= RUNGS:
            return None
        self._explored += 1
        alive = stakes.alive(lag.tail(pending.looked))
        curious = pending.rung == 1 and self._explored % 12 == 0
        return lag.after(pending.looked) if alive > worth or curious else None

    def _put(self, key: str, account: HintedAccount, due: float) -> None:
        self._serial += 1
        account.ticket = self._serial
        heapq.heappush(self._heap, (due, self._serial, key))

    # ------------------------------------------------------------------ what polls say of hints

    def _came_to_nothing(self, account: HintedAccount) -> None:
        pending = account.pending
        account.unanswered, account.pending, account.ticket = pending, None, 0
        account.barren += 1
        self.counts.barren += 1
        for name in pending.by if pending is not None else ():
            self.trust[name].hint(0.0, _telling(pending.chance))

    def _changed(
        self,
        key: str,
        account: HintedAccount,
        pending: PendingHint | None,
        asked: float,
        since: float,
        *,
        by_hint: bool,
    ) -> Evidence:
        chance = self._market.chance(key, since, asked)
        untold = 1 - (PRIOR * 0.5 + account.hits) / (PRIOR + account.hits + account.misses)
        older, account.unanswered = account.unanswered, None
        told = pending if pending is not None and (by_hint or asked - pending.first < FRESH) else None
        if pending is None and older is not None and asked - older.first < FRESH:
            told = older
        likely = 0.0
        if told is not None:
            precision = self.precision(told)
            likely = precision / (precision + (1 - precision) * chance * untold)
        self._credit(account, told.by if told is not None else [], likely)
        if pending is None:
            if told is not None and account.lone:
                self._lag(told).learn(told.looked, min(asked - told.first, 600.0))
            return Evidence.BIT
        whole = 1 - (1 - pending.chance) * (1 - chance)
        for name in pending.by:
            precision = self.trust[name].precision
            true = precision / (precision + (1 - precision) * whole)
            self.trust[name].hint(true, _telling(whole))
        return self._confirmed(key, account, pending, asked, likely, clear=older is None)

    def _credit(self, account: HintedAccount, by: Sequence[str], likely: float) -> None:
        """What a change says of the share that is told of. `likely`: the chance that it was told of."""
        recall = (PRIOR * 0.5 + account.hits) / (PRIOR + account.hits + account.misses)
        for name in account.sources:
            self.trust[name].change(likely if name in by else 0.0, recall)
        account.hits = account.hits * 0.98 + likely
        account.misses = account.misses * 0.98 + 1 - likely

    def _confirmed(
        self,
        key: str,
        account: HintedAccount,
        pending: PendingHint,
        asked: float,
        likely: float,
        *,
        clear: bool,
    ) -> Evidence:
        self.counts.confirmed += 1
        if likely > 0.5:
            account.barren = 0
        lag = self._lag(pending)
        single = pending.count == 1 and not pending.held
        if single and account.lone and clear and likely > 0.8:
            lag.learn(pending.looked, asked - pending.first)
        account.pending, account.ticket = None, 0
        if pending.count > 1 and lag.known and pending.last + lag.quantile(0.8) > asked:
            # The youngest may not be in this answer.
            account.pending = PendingHint(pending.last, pending.last, pending.by)
            self._plan(key, account, asked)
        own = not pending.held and pending.count <= 2 and likely > 0.8
        return Evidence.EVENT if own else Evidence.BIT


def _telling(chance: float) -> float:
    """How much a look tells of a hint, if the account had changed by itself with this chance."""
    return (1 - chance) ** 4
