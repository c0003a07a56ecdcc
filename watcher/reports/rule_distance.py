"""What rules say of their subjects now, and how far those are from their levels.

The answers are the rules' own, over the same state that the next decision will start from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from watcher.domain.aggregates.contributions import View
from watcher.domain.aggregates.total import Summed
from watcher.domain.credits.allowance import CreditPlan
from watcher.domain.decision import Snapshot
from watcher.domain.evaluation.memo import Memo
from watcher.domain.model import EMPTY, Account, AccountState, Asset, Change
from watcher.domain.records import Record
from watcher.domain.rules import (
    ChangeRule,
    ClockRule,
    EventRule,
    LevelRule,
    Rule,
    SumRule,
    Total,
    TrailingRule,
)
from watcher.domain.rules.distance import Near, unsure
from watcher.domain.rules.lookback import Baseline, BaselineOf, since_baseline
from watcher.domain.values.decimals import ZERO
from watcher.domain.values.durations import span
from watcher.domain.values.formatting import full, moment
from watcher.domain.values.verdict import Verdict, unknown
from watcher.ports.queries import Queries

RECENT = timedelta(days=7)
MOST_MOVES = 50
"""Of so long, and of so many changes at most, the largest is told beside the level of a `change` rule."""


class _RuleSubject(Record, frozen=True):
    """What a rule answers about, with what it is made of."""

    key: str
    label: str
    wallet: str

    @property
    def names(self) -> set[str]:
        """Names by which people ask for it."""
        return {self.key, self.label, self.wallet}


class SourceSubject(_RuleSubject, frozen=True):
    """A source that sells credits."""

    plan: CreditPlan


class SumSubject(_RuleSubject, frozen=True):
    """A sum."""

    total: Summed


class AccountSubject(_RuleSubject, frozen=True):
    """An account."""

    account: Account
    state: AccountState


class AssetSubject(AccountSubject, frozen=True):
    """An asset of an account. `alert_label`: how its live alert calls it, which may be by a name that it
    had."""

    asset: Asset
    symbol: str
    alert_label: str

    @property
    def names(self) -> set[str]:
        return {self.key, self.label, self.wallet, self.alert_label}


RuleSubject = SourceSubject | SumSubject | AccountSubject


class RuleDistance:
    """Answers of rules about subjects as of one moment, and how far those are from the levels."""

    def __init__(self, memo: Memo, reader: Queries, now: datetime, past: Snapshot) -> None:
        self._memo, self._reader, self._now, self._past = memo, reader, now, past
        self._view = View(past, now, past.symbols, EMPTY, EMPTY, EMPTY)
        self._summed = False
        self._kept: tuple[tuple[str, str] | None, Sequence[Change]] = (None, ())

    def verdict(self, rule: Rule, subject: RuleSubject, *, firing: bool) -> Verdict:
        """The answer with its because."""
        if isinstance(subject, SumSubject) and isinstance(rule, SumRule):
            return self._sum(rule, subject, firing=firing)
        if isinstance(subject, AccountSubject) and isinstance(rule, ClockRule):
            # As if the daemon had run all the time: what it would say by now.
            return rule.judge(subject.state, self._now, self._now - timedelta(days=3650))
        if not isinstance(subject, AssetSubject):
            return unknown("this type of rule has no subject in the store")
        if subject.state.as_of(subject.asset) is None:
            return unknown("never read")
        if isinstance(rule, LevelRule):
            return self._level(rule, subject, firing=firing)
        if isinstance(rule, TrailingRule):
            amount, rows = subject.state.amounts.get(subject.asset, ZERO), self._window(rule, subject)
            return rule.judge(amount, subject.symbol, rows, self._now, firing=firing)
        if isinstance(rule, EventRule):
            return self._event(rule, subject)
        return unknown("this type of rule has no subject in the store")

    def _sum(self, rule: SumRule, subject: SumSubject, *, firing: bool) -> Verdict:
        verdict = rule.judge_sums(self._totals(subject), firing=firing)
        out = "; ".join(filter(None, (each.left_out(self._view) for each in subject.total.sums)))
        return Verdict(verdict.answer, f"{verdict.because}; left out: {out}") if out else verdict

    def _level(self, rule: LevelRule, subject: AssetSubject, *, firing: bool) -> Verdict:
        asset, symbol = subject.asset, subject.symbol
        amount, price = subject.state.amounts.get(asset, ZERO), self._view.price(asset)
        if rule.priced and asset in subject.state.newcomers:
            return unknown("nobody asked for it: what it is claimed to be worth decides nothing")
        if price is not None or not rule.priced:
            return rule.judge(amount, price, symbol, firing=firing)
        return rule.judge_unpriced(amount, self._view.price_between(asset), symbol, firing=firing)

    def near(self, rule: Rule, subject: RuleSubject) -> Near:
        """The distance that goes with `verdict`, from the same."""
        if isinstance(subject, SumSubject) and isinstance(rule, SumRule):
            return rule.near_sums(self._totals(subject))
        if isinstance(subject, AccountSubject) and isinstance(rule, ClockRule):
            return rule.near(subject.state, self._now)
        if not isinstance(subject, AssetSubject):
            return Near(None)
        state, asset = subject.state, subject.asset
        if state.as_of(asset) is None:
            return unsure("never read")
        if isinstance(rule, LevelRule):
            return rule.near(state.amounts.get(asset, ZERO), self._view.price(asset))
        if isinstance(rule, TrailingRule):
            return rule.near(state.amounts[asset], self._window(rule, subject), self._now)
        if isinstance(rule, EventRule):
            return rule.near(*self._recent(rule, subject))
        return Near(None)

    def _totals(self, subject: SumSubject) -> tuple[Total, ...]:
        if not self._summed:  # once: all is of one moment
            self._memo.sums.look(self._view)
            self._summed = True
        return tuple(each.total(self._view) for each in subject.total.sums)

    def _event(self, rule: EventRule, subject: AssetSubject) -> Verdict:
        rows, then = self._moves(rule, subject), ""
        if not rows:
            return unknown("it has not changed since it was first read")
        if isinstance(rule, ChangeRule) and rule.looks_back:
            mark = self._mark(rule, subject)
            if mark is not None and (mark.fingerprint == rule.fingerprint() or rule.since == "previous"):
                then = f"; what follows counts from {full(mark.amount)} as of {moment(mark.at)}"
        verdict = rule.judge(rows[-1])
        because = f"{verdict.because}; its last change, at {moment(rows[-1].after_at)}{then}"
        return Verdict(verdict.answer, because)

    def _recent(self, rule: EventRule, subject: AssetSubject) -> tuple[Sequence[Change], str]:
        """The moves of late, and which they are in words."""
        rows = self._moves(rule, subject)
        within = rule.within if isinstance(rule, ChangeRule) else None
        since = self._now - max(RECENT, within or RECENT)
        found = [each for each in rows if each.after_at > since]
        if len(found) == MOST_MOVES:
            return found, f"of the last {MOST_MOVES}"
        return found, f"in {span((self._now - since).total_seconds())}"

    def _moves(self, rule: EventRule, subject: AssetSubject) -> Sequence[Change]:
        """The newest changes, oldest first, each measured from what the rule compares it with."""
        account, asset = subject.account, subject.asset

        def make() -> list[Change]:
            found = self._reader.newest(account, asset, MOST_MOVES)
            rows = [each._replace(symbol=subject.symbol) for each in found]
            if not (isinstance(rule, ChangeRule) and rule.looks_back) or not rows:
                return rows
            mark, print_, measured = self._mark(rule, subject), rule.fingerprint(), []
            within = rule.within or timedelta(0)
            window = rule.window(account, asset, rows[-1].after_at)
            whole = self._reader.changes(window._replace(since=found[0].after_at - within)) if window else ()
            for kept, each in zip(found, rows, strict=True):
                before = mark if mark is not None and mark.at < each.after_at else None
                earlier = whole[: whole.index(kept)] if kept in whole else ()
                trail = since_baseline([row for row in earlier if row.after_at > each.after_at - within])
                measured.append(rule.against(each, before, trail, each.after_at, print_))
            return measured

        return self._once((rule.id, subject.key), make)

    def _mark(self, rule: Rule, subject: AssetSubject) -> Baseline | None:
        return self._reader.mark(BaselineOf(rule.id, subject.account, subject.asset))

    def _window(self, rule: TrailingRule, subject: AssetSubject) -> Sequence[Change]:
        """What the daemon is told of the window that the rule judges."""
        asked = rule.window(subject.account, subject.asset, self._now)
        return self._once((rule.id, subject.key), lambda: since_baseline(self._reader.changes(asked)))

    def _once(self, key: tuple[str, str], make: Callable[[], Sequence[Change]]) -> Sequence[Change]:
        """What the verdict and the distance of one subject are both made from."""
        if self._kept[0] != key:
            self._kept = key, make()
        return self._kept[1]
