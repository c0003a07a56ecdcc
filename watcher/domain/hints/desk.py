"""Desk: hints in, polls out. Which account is polled when because of a hint, and what that said of the hint.

A cold account, one that gathers less than a change in its ordinary interval, is worth a poll at once: as soon
as the provider shows the change. What is told of a hot one is gathered for its ordinary interval at today's
price. With l changes a second, interval x and precision p the border is l x = sqrt(2) p, the stopping rule of
least mean delay (docs/decisions/push-hints.md). Times are unix seconds.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Mapping, Sequence

from watcher.domain.hints.lag import AGES, ProviderLag, Stakes
from watcher.domain.hints.pending import FRESH, HintedAccount, PendingHint
from watcher.domain.hints.trust import SourceTrust
from watcher.domain.records import Record
from watcher.domain.scheduler import LEAST_UNTOLD, Evidence, heat

GAP = 10.0
"""No hint causes a poll sooner after the last poll that one caused."""
RUNGS = 4
"""Looks after one hint, where the provider's lag is known."""
CURIOUS = 12
"""Each so many'th hint is looked into up to the oldest age, worth it or not: to learn of a lag that became
longer."""
FIRST_DOUBT = 60.0
"""After a hint that came to nothing the next one of the account waits so long, then four times as long, up to
its ordinary interval; longer if each of them stood for many more."""
RETRY = 30.0
"""A poll that told nothing is tried again after so long, then twice as long."""
HARD = 8
"""How suddenly the schedule takes over what is gathered."""
SURE = 0.8
"""What is more likely than that is learnt from."""


class Market(Record, frozen=True):
    """What the schedule says of an account."""

    interval: Callable[[str], float]
    """Seconds between two polls if no hint told of it, at today's price."""
    rate: Callable[[str], float]
    """Its changes a second."""
    chance: Callable[[str, float, float], float]
    """The chance that it changed between two times, if no hint had told of it."""


class HintDesk:
    """Hints of the accounts of one polled source."""

    def __init__(self, coverage: Mapping[str, Sequence[str]], market: Market, now: float) -> None:
        """`coverage`: of which accounts which hint sources may tell."""
        self.accounts = {key: HintedAccount(tuple(sources), now) for key, sources in coverage.items()}
        names = {name for sources in coverage.values() for name in sources}
        self.trust = {name: SourceTrust() for name in names}
        self.lag = {name: ProviderLag() for name in names}
        self._market = market
        self._heap: list[tuple[float, int, str]] = []
        self._serial = self._explored = 0
        self.scarcity = 0.0
        """How scarce credits are for hints (0..1): from where on they take all that there is."""

    # ------------------------------------------------------------------ hints in, polls out

    def hint(self, key: str, by: str, now: float) -> bool:
        """`by` tells that the account has probably changed; whether that is news."""
        account = self.accounts.get(key)
        if account is None or by not in account.sources:
            return False
        alone, account.heard = now - account.heard > FRESH, now
        pending = account.pending
        if pending is not None and pending.by:
            pending.gather(by, now)
            return False
        account.pending, account.lone = PendingHint(now, now, [by]), alone
        self._plan(key, account, now)
        return True

    def gap(self, key: str, now: float, phase: float) -> None:
        """Hints of this account may have been missed: it is worth a look, `phase` (0..1) of its ordinary
        interval from now."""
        account = self.accounts.get(key)
        if account is not None and account.pending is None:
            account.pending = PendingHint(now, now, [], held=True)
            interval = self._market.interval(key)
            due = min(now + phase * interval, max(account.last + interval, now))
            self._put(key, account, max(due, account.hinted + GAP))

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

    def take(self, key: str, now: float, *, by_hint: bool) -> None:
        """A poll of any cause is on its way: there is no other before its answer."""
        account = self.accounts.get(key)
        if account is None:
            return
        account.under_way, account.ticket = True, 0
        if by_hint:
            account.hinted = now

    def rewind(self, now: float) -> None:
        """The clock was wrong: nothing was told or polled later than now."""
        for key, account in self.accounts.items():
            account.last, account.hinted = min(account.last, now), min(account.hinted, now)
            account.heard = min(account.heard, now)
            for hint in (account.pending, account.unanswered):
                if hint is not None:
                    hint.first, hint.last = min(hint.first, now), min(hint.last, now)
            self._plan(key, account, now)
        for trust in self.trust.values():
            trust.silent_since = None if trust.silent_since is None else min(trust.silent_since, now)

    def failed(self, key: str, now: float) -> None:
        """A poll of any cause told nothing: the hint waits for another."""
        account = self.accounts.get(key)
        if account is None:
            return
        account.under_way = False
        if account.pending is not None:
            wait = RETRY * 2.0 ** min(account.failures, 20)
            account.failures += 1
            self.postpone(key, now + min(wait, max(self._market.interval(key), RETRY)))

    def observe(self, key: str, asked: float, now: float, *, changed: bool, by_hint: bool) -> Evidence:
        """What a poll of any cause, sent after `asked` and answered `now`, found; what its time says of the
        change rate."""
        account = self.accounts.get(key)
        if account is None:
            return Evidence.BIT
        since, account.last, account.failures = account.last, now, 0
        account.under_way = False
        pending = account.pending
        if pending is not None and pending.first > asked:
            self._plan(key, account, now)  # the answer may be older than what the hint tells of
            pending = None
        if changed:
            return self._changed(key, account, pending, since, asked, now, by_hint=by_hint)
        if pending is None:
            return Evidence.BIT
        if not pending.by:
            account.pending, account.ticket = None, 0
            return Evidence.BIT
        age = max(asked - pending.first, 0.0)
        hidden = self._precision(pending) * self._lag(pending).tail(age)
        pending.missed(age, self._market.chance(key, since, now))
        self._plan(key, account, now)
        return Evidence.NONE if hidden > 1 - SURE else Evidence.BIT

    def untold(self, key: str) -> float:
        """The share of an account's changes that no hint tells of in time: the schedule has to."""
        account = self.accounts[key]
        missed, told = 1.0, False
        for name in account.sources:
            if self.trust[name].silent_since is None:
                missed *= 1 - self.trust[name].recall
                told = True
        if not told:
            return 1.0
        # What is told of a hot account is gathered for its ordinary interval: then the schedule polls it.
        heat = self._heat(key, max(self.trust[name].precision for name in account.sources))
        gathered = self.scarcity * min(heat, 1.0) ** HARD
        return max(1 - account.recall(1 - missed), gathered, LEAST_UNTOLD)

    # ------------------------------------------------------------------ when

    def _heat(self, key: str, precision: float) -> float:
        return heat(self._market.rate(key), self._market.interval(key), precision)

    def _lag(self, pending: PendingHint) -> ProviderLag:
        return self.lag[pending.by[0]]

    def _precision(self, pending: PendingHint) -> float:
        """The chance that a pending hint is true."""
        return max(self.trust[name].precision for name in pending.by)

    def _plan(self, key: str, account: HintedAccount, now: float) -> None:
        pending = account.pending
        if pending is None or account.under_way:
            return
        if not pending.by:
            self._put(key, account, max(account.last + self._market.interval(key), account.hinted + GAP))
            return
        interval, precision = self._market.interval(key), self._precision(pending)
        expected = self._market.rate(key) * interval
        age = self._age(pending, expected, interval, precision)
        if age is None:
            self._came_to_nothing(account, pending)
            return
        due, hold = max(pending.first + age, now), 0.0
        if self._heat(key, precision) > 1:
            hold = account.last + interval
        if account.barren:
            doubt = FIRST_DOUBT * 4.0 ** min(account.barren - 1, 20)
            flood = 1 + math.log10(account.lies / account.barren)
            hold = max(hold, account.hinted + min(doubt, max(interval, FIRST_DOUBT) * flood))
        pending.held = pending.held or hold > due + 1
        self._put(key, account, max(due, hold, account.hinted + GAP))

    def _age(self, pending: PendingHint, expected: float, interval: float, precision: float) -> float | None:
        """At which age of the hint to look next; None: it is not worth another look.

        `expected`: changes that would gather in an ordinary interval. A poll is worth as much delay as those
        wait together: `expected` times half the interval.
        """
        lag = self._lag(pending)
        worth = max(0.03, min(expected / math.sqrt(2), 0.3))
        stakes = Stakes(precision, min(max(expected * interval / 2, 1.0), 600.0), worth, interval / 2)
        if pending.rung == 0:
            return lag.first(stakes)
        again = lag.after(pending.looked)
        if again is None or not lag.known:
            return again
        if pending.rung == 1:
            self._explored += 1
            pending.curious = self._explored % CURIOUS == 0
        if pending.curious:
            again = max(again, 3 * pending.looked)
            return again if again <= AGES[-1] else None
        over = pending.rung >= RUNGS or stakes.alive(lag.tail(pending.looked)) <= worth
        return None if over else again

    def _put(self, key: str, account: HintedAccount, due: float) -> None:
        if account.under_way:
            return
        if len(self._heap) > 2 * len(self.accounts) + 64:
            self._heap = [entry for entry in self._heap if self.accounts[entry[2]].ticket == entry[1]]
            heapq.heapify(self._heap)
        self._serial += 1
        account.ticket = self._serial
        heapq.heappush(self._heap, (due, self._serial, key))

    # ------------------------------------------------------------------ what polls say of hints

    def _came_to_nothing(self, account: HintedAccount, pending: PendingHint) -> None:
        account.unanswered, account.pending, account.ticket = pending, None, 0
        account.barren += 1
        account.lies += pending.count
        for name in pending.by:
            self.trust[name].hint(0.0, telling(pending.chance))

    def _changed(
        self,
        key: str,
        account: HintedAccount,
        pending: PendingHint | None,
        since: float,
        asked: float,
        now: float,
        *,
        by_hint: bool,
    ) -> Evidence:
        """A change was found: whether a hint had told of it, or it came about by chance."""
        chance = self._market.chance(key, since, now)
        older, account.unanswered = account.unanswered, None
        told = pending if pending is not None and (by_hint or now - pending.first < FRESH) else None
        if pending is None and older is not None and now - older.first < FRESH:
            told = older
        by = told.by if told is not None else []
        likely = 0.0
        if told is not None and by:
            precision = self._precision(told)
            likely = precision / (precision + (1 - precision) * chance * (1 - account.recall(0.5)))
        for name in account.sources:
            self.trust[name].change(likely if name in by else 0.0, account.recall(0.5), now)
        account.change(likely)
        if pending is None:
            if told is not None and account.lone:
                self._lag(told).learn(told.looked, min(now - told.first, 600.0))
            return Evidence.BIT
        pending.chance = 1 - (1 - pending.chance) * (1 - chance)
        for name in by:
            precision = self.trust[name].precision
            true = precision / (precision + (1 - precision) * pending.chance)
            self.trust[name].hint(true, telling(pending.chance))
        return self._confirmed(key, account, pending, asked, now, likely, clear=older is None)

    def _confirmed(
        self,
        key: str,
        account: HintedAccount,
        pending: PendingHint,
        asked: float,
        now: float,
        likely: float,
        *,
        clear: bool,
    ) -> Evidence:
        account.pending, account.ticket = None, 0
        if not pending.by:
            return Evidence.BIT
        if likely > 0.5:
            account.barren = account.lies = 0
        lag, sure = self._lag(pending), likely > SURE
        if sure and clear and account.lone and pending.count == 1 and not pending.held:
            lag.learn(pending.looked, now - pending.first)
        hidden = pending.count > 1 and lag.known and pending.last + lag.quantile(SURE) > now
        if hidden or pending.last > asked:  # the youngest may not be in this answer
            account.pending, account.lone = PendingHint(pending.last, pending.last, pending.by), False
            self._plan(key, account, now)
        own = sure and pending.count <= 2 and not pending.held
        return Evidence.EVENT if own else Evidence.BIT


def telling(chance: float) -> float:
    """How much a look tells of a hint (0..1), if the account had changed by itself with this chance."""
    return (1 - chance) ** 4
