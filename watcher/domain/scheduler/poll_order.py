"""Poll order: who is due next by the price, who waits for a time, and who waits for money."""

from __future__ import annotations

import heapq
import math

from watcher.domain.scheduler.items import Candidate
from watcher.domain.scheduler.progress import Progress


class PollOrder:
    """The accounts that are not under way, each with one valid entry: the one with its `ticket`."""

    def __init__(self, pace: Progress) -> None:
        self._pace = pace
        self._serial = 0
        self._early: list[tuple[float, int, Candidate]] = []
        """By the progress at which they fall due."""
        self._waiting: list[tuple[float, int, Candidate]] = []
        """By time: due, but the shortest interval is not over; or to be tried again."""
        self._parked: list[Candidate] = []
        """Due, but there is no money for them in this period."""

    def drop(self, account: Candidate) -> None:
        """It has no valid entry any more."""
        self._serial += 1
        account.ticket = self._serial
        account.parked = account.early = False

    def early(self, account: Candidate) -> None:
        """It falls due when the progress has come to `account.due`."""
        self.drop(account)
        account.early = True
        heapq.heappush(self._early, (account.due, account.ticket, account))

    def wait(self, account: Candidate, ready: float) -> None:
        """It falls due at a time."""
        self.drop(account)
        heapq.heappush(self._waiting, (ready, account.ticket, account))

    def park(self, account: Candidate) -> None:
        """It falls due when there is money again."""
        self.drop(account)
        account.parked = True
        self._parked.append(account)

    def unpark(self) -> list[Candidate]:
        """Those that waited for money, and do so no more."""
        parked, self._parked = self._parked, []
        return [account for account in parked if account.parked]

    def last_parked(self, limit: float) -> Candidate | None:
        """Of those that wait for money and cost no more than this, the one that came last."""
        while self._parked and not self._parked[-1].parked:
            self._parked.pop()
        fits = (each for each in reversed(self._parked) if each.parked and each.item.cost <= limit)
        return next(fits, None)

    def first(self, now: float) -> tuple[float, Candidate] | None:
        """The first account that the price calls for, and when; those not ready yet are put to wait."""
        best: tuple[float, Candidate] | None = None
        while self._early and best is None:
            due, ticket, account = self._early[0]
            if ticket != account.ticket:
                heapq.heappop(self._early)
                continue
            time, ready = max(self._pace.when(due), now), account.asked + account.item.shortest
            if time == math.inf:
                break
            if time < ready:
                heapq.heappop(self._early)
                self.wait(account, ready)
            else:
                best = time, account
        while self._waiting and self._waiting[0][1] != self._waiting[0][2].ticket:
            heapq.heappop(self._waiting)
        if self._waiting and (best is None or self._waiting[0][0] < best[0]):
            best = max(self._waiting[0][0], now), self._waiting[0][2]
        return best

    def waiting(self) -> list[Candidate]:
        """Those that wait for a time, and do so no more."""
        waiting, self._waiting = self._waiting, []
        return [account for _, ticket, account in waiting if ticket == account.ticket]

    def tidy(self, accounts: int) -> None:
        """Forget entries that are not valid, if they are more than the accounts."""
        if len(self._early) > 2 * accounts + 64:
            self._early = [entry for entry in self._early if entry[1] == entry[2].ticket]
            heapq.heapify(self._early)
