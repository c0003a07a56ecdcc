"""Hinted scheduler: the schedule, and the polls that hints call for, paid out of the same credits."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from watcher.domain.hints import persistence
from watcher.domain.hints.desk import HintDesk, Market
from watcher.domain.hints.waste import WasteBucket
from watcher.domain.scheduler import GOLDEN, Budget, Evidence, Item, Scheduler

DAY = 86400.0
AFRESH = 300.0
"""Seconds after which it is looked again at what hints take, and at what their sources have earned."""
SCARCE, GONE = 0.5, 0.8
"""Shares of the credits. Where hints take more, credits become scarce for them, and then are gone."""
SOON = 5.0
"""Seconds that a hint waits for answers to others, if those may still take all that may be wasted."""
AT_A_TIME = 1000
"""Accounts that are planned anew in one go: some 20 ms of work."""
START = 0.1
"""Share of the credits that hints get at least, where not all promises can be paid."""


class HintedScheduler(Scheduler):
    """A schedule that hints are told to. What they tell of is polled when that is worth it; the schedule is
    for what they do not tell of."""

    def __init__(
        self,
        items: Sequence[Item],
        budget: Budget,
        now: float,
        *,
        coverage: Mapping[str, Sequence[str]],
        waste: float,
        hints: Mapping[str, Any] | None = None,
        state: Mapping[str, Any] | None = None,
        seen: Mapping[str, float] | None = None,
        fairness: float = 1.0,
    ) -> None:
        """`coverage`: of which items which hint sources may tell. `waste`: the share of the credits' pace
        that polls may take which hints cause and which find nothing. `hints`: what `dump_hints` returned; an
        unsound one is ValueError, KeyError or TypeError."""
        super().__init__(items, budget, now, state=state, seen=seen, fairness=fairness)
        market = Market(self.ordinary, lambda key: self._known[key].rate, self.chance)
        self.desk = HintDesk({key: coverage[key] for key in coverage if key in self._known}, market, now)
        for key, account in self.desk.accounts.items():
            account.last = self._known[key].seen
        self._costs = {item.key: item.cost for item in items}
        self._dearest = max(self._costs.values(), default=0.0)
        self._waste = WasteBucket(waste, now)
        self._waste.pace(budget.pace, self._dearest, now)
        self._began = self._afresh = self._faded = now
        self._taken = self._whole = 0.0
        """Credits that hints took beyond what the schedule would have, and all of them; fading over a day, as
        of `_faded`."""
        self._missed = dict.fromkeys(self.desk.trust, 1.0)
        """The share of changes that each source does not tell of, as the schedule took it last."""
        self._gaps = 0
        """Looks that were spread. Those of many calls are, too: one account alone is not polled at once."""
        self._anew: dict[str, None] = {}
        """Accounts that are to be planned anew."""
        self._chosen: str | None = None
        self._by_hint: dict[str, tuple[float, float]] = {}
        """Accounts under way because of a hint: since when, and what of the cost was beyond the schedule."""
        self._at_stake = 0.0
        """All that together: it is wasted if none of them finds anything."""
        self._unpaid: dict[str, float] = {}
        """Accounts whose hint waits for the budget to renew, and since when."""
        if hints is not None:
            self._waste.restore(hints.get("waste"), now)
            persistence.restore(self.desk, hints, now)
        self._judge_sources()
        while self._anew:
            self._trust_anew()
        self._leave_aside(now)

    def dump_hints(self) -> dict[str, Any]:
        """All of hints that is to survive a restart, as a JSON-able value."""
        return {**persistence.dump(self.desk), "waste": self._waste.dump()}

    def dump_hints_in_parts(self, size: int) -> Iterator[dict[str, Any]]:
        """The same, first without `accounts`, then so many of these at a time; others may work in between."""
        yield {**persistence.head(self.desk), "waste": self._waste.dump()}
        keys = list(self.desk.accounts)
        for start in range(0, len(keys), size):
            yield persistence.known(self.desk, keys[start : start + size])

    # ------------------------------------------------------------------ hints in

    def hint(self, key: str, by: str, now: float) -> bool:
        """`by` tells that `key` has probably changed; whether that is news."""
        return self.desk.hint(key, by, now)

    def gap(self, keys: Sequence[str], now: float) -> None:
        """Hints of these may have been missed: each is worth a look, spread over its ordinary interval."""
        for key in keys:
            self._gaps += 1
            self.desk.gap(key, now, self._gaps * GOLDEN % 1.0)

    def hinted(self, key: str) -> bool:
        """Whether a hint is why `due` named `key` last."""
        return self._chosen == key

    # ------------------------------------------------------------------ polls out, and how they went

    def due(self, now: float) -> tuple[float, str] | None:
        afresh = now - self._afresh >= AFRESH or now < self._afresh
        if afresh:
            self._afresh = now
            self._judge_sources()
        if self._anew:
            self._trust_anew()
        if afresh:
            self._leave_aside(now)
        planned = super().due(now)
        self._chosen = None
        before = math.inf if planned is None else planned[0]
        while (hinted := self.desk.due(now)) is not None and hinted[0] <= before and hinted[0] < math.inf:
            time, key = hinted
            usual = self.desk.accounts[key].last + self.ordinary(key)
            if not self.affords(key, time):
                self._unpaid[key] = time
                ends = self._budget.ends
                self.desk.postpone(key, ends if time < ends else math.inf)
            elif time < usual and not self._may_waste(self._costs[key], time):
                self.desk.postpone(key, usual)
            elif time < usual and not self._may_waste(self._costs[key] + self._at_stake, time):
                return min((time + SOON, key), planned or (math.inf, ""))
            else:
                self._chosen = key
                return hinted
        return planned

    def take(self, key: str, now: float) -> None:
        by_hint, self._chosen = self.hinted(key), None
        self._unpaid.pop(key, None)
        if by_hint:
            beyond = self._costs[key] * self._early(key, now)
            self._by_hint[key] = now, beyond
            self._at_stake += beyond
            self._charge(beyond, self._costs[key], now)
        if by_hint or not self._known[key].item.ticked:
            self.desk.take(key, now, by_hint=by_hint)
        super().take(key, now)

    def observe(
        self,
        key: str,
        now: float,
        changed: bool | None,  # noqa: FBT001
        *,
        charged: bool = True,
        evidence: Evidence = Evidence.BIT,
    ) -> None:
        self._chosen = None
        known, account = self._known.get(key), self.desk.accounts.get(key)
        if known is None or account is None:
            super().observe(key, now, changed, charged=charged, evidence=evidence)
            return
        by_hint = self._by_hint.pop(key, None)
        if by_hint:
            self._at_stake = self._at_stake - by_hint[1] if self._by_hint else 0.0
        if not known.under_way and not known.item.ticked:
            self.take(key, now)
        self._unpaid.pop(key, None)
        asked = by_hint[0] if by_hint else known.asked if known.under_way else now
        if by_hint and not charged:
            self._charge(-by_hint[1], -self._costs[key], now)
            self._remaining += self._costs[key] if known.item.ticked else 0.0
        if changed is None:
            self.desk.failed(key, now)
        else:
            early = 1 - min(max(now - account.last, 0.0) / self.ordinary(key), 1.0)
            pending = account.pending
            evidence = self.desk.observe(key, asked, now, changed=changed, by_hint=bool(by_hint))
            if by_hint and not changed:
                wasted = self._costs[key] * early
                self._waste.take(wasted, now)
                if pending is not None:
                    pending.wasted += wasted
            elif changed and pending is not None and not account.barren:
                self._waste.give_back(pending.wasted, now)
        super().observe(key, now, changed, charged=charged, evidence=evidence)
        if changed is not None:
            self.trust(key, self.desk.untold(key))

    def set_budget(self, budget: Budget, now: float) -> None:
        self._waste.pace(budget.pace, self._dearest, now)
        super().set_budget(budget, now)
        unpaid, self._unpaid = self._unpaid, {}
        for key, time in unpaid.items():
            self.desk.postpone(key, max(time, now))

    def rewind(self, now: float) -> None:
        super().rewind(now)
        self._unpaid.clear()
        self._began = min(self._began, now)
        self.desk.rewind(now)

    # ------------------------------------------------------------------ what hints are worth

    def _may_waste(self, cost: float, now: float) -> bool:
        left = self._remaining if now < self._budget.ends else self._budget.limit
        return self._waste.affords(cost, now, left)

    def ordinary(self, key: str) -> float:
        """Seconds between two polls of `key` if no hint told of it, at today's price; at most a period."""
        account = self._known[key]
        item = account.item
        usual = self._pace.price * item.base(account.rate ** (self.fairness / 2))
        return min(max(usual, item.shortest), self._longest(item), self._budget.period)

    def chance(self, key: str, since: float, until: float) -> float:
        """The chance that `key` changed between two times, if nothing else is known."""
        exposure = max(self._pace.season.exposure(since, until), 1e-3)
        return self._rates.chance(self._known[key].belief, exposure)

    def affords(self, key: str, now: float) -> bool:
        """Whether a poll of `key` out of turn leaves enough for all that is promised."""
        account = self._known[key]
        if now >= self._budget.ends:
            return account.item.cost <= self._budget.limit
        if account.item.ticked:
            return self._remaining - account.item.cost >= self._promises.owed - 1e-6
        return self._promises.spare(account, now, self._remaining)

    def trust(self, key: str, untold: float) -> None:
        """Only `untold` (0..1) of the changes of `key` go unannounced: plan for those."""
        account = self._known[key]
        if math.isclose(untold, account.untold, rel_tol=0.02):
            return
        before = self._base(account)
        account.slow *= math.sqrt(account.untold / untold)
        account.untold = untold
        account.due += self._base(account) - before
        if account.need is not None:
            self._pace.count(account, self._longest(account.item))
        if account.early:
            self._enqueue(account)

    def _judge_sources(self) -> None:
        """See what the sources do not tell of by now. Where that differs much from what was planned, their
        accounts are to be planned anew."""
        for name, trust in self.desk.trust.items():
            missed = 1 - trust.recall if trust.silent_since is None else 1.0
            if math.isclose(missed, self._missed[name], rel_tol=0.1):
                continue
            self._missed[name] = missed
            mine = (key for key, account in self.desk.accounts.items() if name in account.sources)
            self._anew.update(dict.fromkeys(mine))

    def _trust_anew(self) -> None:
        """Plan for what is untold of the next accounts that are to be planned anew: some at a time, for they
        may be many, and whoever asks what is due holds up others."""
        for key in list(islice(self._anew, AT_A_TIME)):
            del self._anew[key]
            self.trust(key, self.desk.untold(key))

    def _leave_aside(self, now: float) -> None:
        """Plan with what hints leave. Where promises cannot be paid anyway, hints begin with a tenth."""
        least = START * max(self._budget.pace, 0.0) if self.stretch > 1 else 0.0
        self._fade(now)
        known = DAY * -math.expm1(-max(now - self._began, 3600.0) / DAY)
        share = self._whole / known / max(self._budget.pace, 1e-9)
        self.desk.scarcity = min(max((share - SCARCE) / (GONE - SCARCE), 0.0), 1.0)
        self.put_aside(max(self._taken / known, least), now)

    def _early(self, key: str, now: float) -> float:
        """The share of a poll now that is not one which the schedule need not make any more."""
        if self._known[key].item.ticked:
            return 1.0
        return 1 - min(max(now - self.desk.accounts[key].last, 0.0) / self.interval(key), 1.0)

    def _charge(self, beyond: float, whole: float, now: float) -> None:
        self._fade(now)
        self._taken += beyond
        self._whole += whole

    def _fade(self, now: float) -> None:
        fade = math.exp(-max(now - self._faded, 0.0) / DAY)
        self._taken *= fade
        self._whole *= fade
        self._faded = now
