"""Decision: all that one poll leads to, in one pure call.

Check, diff, evaluate, advance, route, render. `decide` takes what a request saw; `decide_by_time` is called
when only time has passed. Both return a `Decision` that the store writes in one transaction. What a decision
needs from history is asked for by `questions` beforehand.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial

from watcher.domain.aggregates.contributions import known
from watcher.domain.decision import Decision, LastRead, PriceAt, Question, Recalled, Recheck, Snapshot, SumKey
from watcher.domain.evaluation.asset_identity import Recognised, renamed_notices, unfamiliar
from watcher.domain.evaluation.evaluator import RuleEvaluator
from watcher.domain.evaluation.memo import Memo
from watcher.domain.evaluation.never_held import EMPTY_RULE, crossing, empty_notices
from watcher.domain.evaluation.quarantine import Sifted, hush, sift
from watcher.domain.evaluation.rescaling import baselines, rescale, rescaled_notices
from watcher.domain.evaluation.rule_health import POLLS
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.evaluation.windows import looking_back
from watcher.domain.evaluation.withdrawal import under_its_name, why_over
from watcher.domain.messages.delivery import Delivery
from watcher.domain.model import (
    EMPTY,
    Account,
    AccountState,
    Asset,
    Change,
    Outcome,
    Reading,
)
from watcher.domain.readings.asset_policies import marked
from watcher.domain.readings.diff import Difference, Differing, diff
from watcher.domain.readings.plausibility import CONFIRM_AFTER, usual
from watcher.domain.readings.prices import Weighed
from watcher.domain.readings.reconcile import Reconciled, reconcile
from watcher.domain.records import replace
from watcher.domain.rules import Use


def differing(past: Snapshot, seen: Sequence[Outcome]) -> dict[Account, list[Difference]]:
    """What differs from the past in each account that was read and is known; `questions` and `decide`
    both need it."""
    states, found = past.accounts, {}
    for outcome in seen:
        state = states.get(outcome.account)
        if state is not None and isinstance(outcome, Reading):
            found[outcome.account] = diff(state, outcome)
    return found


def questions(
    past: Snapshot, seen: Sequence[Outcome], *, rules: Rules, now: datetime, compared: Differing, memo: Memo
) -> list[Question]:
    """What history must answer before `decide`: the price at the reading before each change, and what rules
    need that look further back. `compared`: what `differing` found.
    """
    memo = memo.under(rules, past)
    asked: list[Question] = []
    for outcome in seen:
        state = past.accounts.get(outcome.account)
        if state is None or not isinstance(outcome, Reading):
            if past.apart and state is not None and state.misses + 1 >= POLLS:
                asked.append(LastRead(outcome.account.source))
            continue
        differences = compared[outcome.account]
        for difference in differences:
            asset = difference.asset
            at, quote = state.as_of(asset), past.quotes.get(asset)
            if at is not None and quote is not None and quote.at > at:
                asked.append(PriceAt(asset, at))
        asked += looking_back(past, state, outcome, differences, memo, now)
    return asked


def decide(
    past: Snapshot,
    seen: Sequence[Outcome],
    rules: Rules,
    now: datetime,
    *,
    running_since: datetime,
    recalled: Mapping[Question, Recalled] = EMPTY,
    compared: Differing = EMPTY,
    names: Recognised | None = None,
    memo: Memo | None = None,
) -> Decision:
    """Everything that follows from one request's outcomes. `now` is when the answer was read.

    `names`: what `recognise` found, whose past and outcomes these are. `memo`: what earlier decisions found
    out, which spares time and changes nothing.

    An account that is no longer watched (the configuration was read anew meanwhile) is passed over.
    """
    memo = (memo or Memo()).under(rules, past)
    evaluator = RuleEvaluator(past, memo, now, running_since, recalled)
    asked = {outcome.account for outcome in seen}
    evaluator.release(lambda alert: not past.apart or alert.account in asked)
    draft = _Draft(past, memo, now, evaluator, recalled)
    if names is not None:
        draft.notices += renamed_notices(names.renamed, names.former, rules.channels, now)
    alone = len(seen) == 1
    for outcome in seen:
        if outcome.account in rules.wallets:
            draft.take(outcome, compared.get(outcome.account), alone=alone)
    return draft.finish(names)


class _Draft:
    """What one decision comes to, account by account."""

    def __init__(
        self,
        past: Snapshot,
        memo: Memo,
        now: datetime,
        evaluator: RuleEvaluator,
        recalled: Mapping[Question, Recalled],
    ) -> None:
        self._past, self._memo, self._rules, self._now = past, memo, memo.rules, now
        self._evaluator, self._recalled = evaluator, recalled
        self._prices = Weighed(past, now)
        self._states: list[AccountState] = []
        self._changes: list[Change] = []
        self._again: list[Recheck] = []
        self._symbols: dict[Asset, str] = {}
        self.notices: list[Delivery] = []

    def take(self, answer: Outcome, differences: Sequence[Difference] | None, *, alone: bool) -> None:
        """Take in one outcome. `differences`: of a reading that was compared with the snapshot already.
        `alone`: the request asked for this account only."""
        outcome, ask = self._prices.believed(answer)
        account, past = outcome.account, self._past
        state = past.accounts.get(account) or AccountState(account)
        if isinstance(outcome, Reading) and outcome.scales:
            state, differences = self._rescale(state, outcome), None
        odd = differences or differences is None
        jumps = self._rules.jumps(account, past.symbols, self._memo.also) if odd else usual
        reconciled = reconcile(state, outcome, self._now, alone=alone, jumps=jumps, differences=differences)
        told: Sequence[Change] = ()
        renaming = True
        if isinstance(outcome, Reading):
            renaming = self._note_symbols(outcome)
            if reconciled.accepted or state.quarantined or state.newcomers:
                reconciled, told = self._sift(state, reconciled, outcome)
        self._states.append(reconciled.state)
        if reconciled.again is not None or ask:
            self._again.append(reconciled.again or Recheck(account, CONFIRM_AFTER))
        news = [change for change in told if not change.drift] if told else ()
        self._evaluator.account(reconciled, outcome, news, renaming=renaming)

    def finish(self, names: Recognised | None) -> Decision:
        """The decision, once every outcome is taken in."""
        evaluator, prices = self._evaluator, self._prices
        self._empty()
        evaluator.sums(prices, self._symbols)
        said = evaluator.finish()
        return replace(
            said,
            accounts=tuple(self._states),
            changes=tuple(self._changes),
            quotes=prices.quotes,
            doubts=prices.doubts,
            symbols=self._symbols,
            deliveries=(*said.deliveries, *self.notices),
            again=tuple(self._again),
            marks=tuple(evaluator.marks),
            rescaled=tuple(evaluator.rescaled),
            same=names.same if names is not None else EMPTY,
            former=names.former if names is not None else EMPTY,
        )

    def _empty(self) -> None:
        """Tell of wallets that never held anything, or leave that to who knows all their accounts."""
        crossed = crossing(self._past, self._states, self._rules, self._now)
        if crossed and self._past.apart:
            self._evaluator.due.update((SumKey(EMPTY_RULE, name), True) for name in crossed)
        elif crossed:
            states = {**known(self._past), **{state.account: state for state in self._states}}
            self.notices += empty_notices(crossed, states, self._rules, self._now)

    def _rescale(self, state: AccountState, reading: Reading) -> AccountState:
        """The state in the units of this reading; what they changed is kept and told."""
        state, rescaled = rescale(state, reading)
        self._changes += baselines(state, rescaled, reading, self._now)
        self._evaluator.rescaled.extend((state.account, each.asset) for each in rescaled)
        self.notices += rescaled_notices(state, rescaled, reading.symbols, self._rules.channels, self._now)
        return state

    def _sift(self, state: AccountState, reconciled: Reconciled, reading: Reading) -> Sifted:
        """What moved is kept; what of it rules may see, and the alerts that quarantine ends."""
        past, rules, memo, now = self._past, self._rules, self._memo, self._now
        moved = _changes(state, reconciled, reading, past, now, self._recalled)
        if moved and rules.policies:
            moved = marked(moved, rules.wallets[state.account], partial(rules.policy, also=memo.also))
        self._changes += moved
        sifted = sift(state, reconciled, reading, moved, past, memo, now)
        for alert, why in hush(sifted.reconciled.state, past):
            self._evaluator.withdraw(alert, why)
        return sifted

    def _note_symbols(self, reading: Reading) -> bool:
        """Whether this reading has names that are new.

        Of an asset that it does not hold it may repeat a name that another source has heard to be changed:
        such a name is taken only where there is none.
        """
        if not unfamiliar(self._past, reading, self._memo):
            return False
        known = self._past.symbols
        spoken_of = reading.amounts.keys() | reading.unclear.keys()
        for asset, symbol in reading.symbols.items():
            if known.get(asset) != symbol and (asset in spoken_of or not known.get(asset)):
                self._symbols[asset] = symbol
        return True


def decide_by_time(
    past: Snapshot,
    accounts: Collection[Account],
    rules: Rules,
    now: datetime,
    *,
    running_since: datetime,
    uses: Mapping[str, Use] = EMPTY,
    memo: Memo | None = None,
) -> Decision:
    """What follows from time alone: accounts unread for too long, repeats and escalations that are due,
    and what was held back and is held back no more. `uses`: what the ledger says of sources."""
    memo = (memo or Memo()).under(rules, past)
    evaluator, mine = RuleEvaluator(past, memo, now, running_since), {None, *accounts}
    evaluator.release(lambda alert: not past.apart or alert.account in mine)
    evaluator.budgets(uses)
    for account in accounts:
        evaluator.clocks(past.accounts.get(account) or AccountState(account, watched_since=running_since))
        evaluator.unread(account)
    for alert in past.alerts.values():
        if memo.stands(alert):
            evaluator.remind(alert)
    return evaluator.finish()


def decide_on_rules(past: Snapshot, rules: Rules, now: datetime, *, memo: Memo | None = None) -> Decision:
    """What a configuration that takes effect means for the live alerts, all of which `past` must have.

    Those whose rule, account or source is gone are withdrawn; whoever heard of them is told so. What a
    rule remembered that is there no more is forgotten, and an edit begins to count anew what flaps:
    whoever seeks the right level must hear of each try.
    """
    memo = (memo or Memo()).under(rules, past)
    evaluator = RuleEvaluator(past, memo, now, now)
    for alert in past.alerts.values():
        named, why = under_its_name(alert, rules), why_over(alert, memo, past)
        if why or not memo.stands(alert):
            evaluator.count_anew(alert)
        if why:
            evaluator.withdraw(named, why)
        elif named != alert:
            evaluator.alerts.append(named)
    sums = memo.sums.by_key.items() if past.apart else ()
    every = {key: False for key, summed in sums if summed.several}
    return replace(evaluator.finish(), standing=rules.fingerprints, sums=every)


def _changes(
    state: AccountState,
    reconciled: Reconciled,
    reading: Reading,
    past: Snapshot,
    now: datetime,
    recalled: Mapping[Question, Recalled],
) -> list[Change]:
    changes = []
    account, quotes, prices = state.account, past.quotes, reading.prices
    symbols, old, stale, read = reading.symbols, past.symbols, state.stale, state.seen
    for asset, before, after, _ in reconciled.accepted:
        symbol = symbols.get(asset) or old.get(asset, "")
        price = prices.get(asset)
        if price is None:
            price = _last_price(asset, reading, past)
        at = then = None
        if before is not None:
            at = read.get(asset.chain) if not stale else state.as_of(asset)
            quote = quotes.get(asset)
            if at is not None and quote is not None:
                # Mostly the newest price is the one of then, and history need not be asked.
                then = quote.price if quote.at <= at else _recalled_price(recalled, asset, at)
        changes.append(Change(account, asset, symbol, before, after, at, now, then, price))
    return changes


def _recalled_price(recalled: Mapping[Question, Recalled], asset: Asset, at: datetime) -> Decimal | None:
    found = recalled.get(PriceAt(asset, at))
    return found if isinstance(found, Decimal) else None


def _last_price(asset: Asset, reading: Reading, past: Snapshot) -> Decimal | None:
    """Of an asset that is gone, the last price seen; of one that is held and came without, none."""
    if reading.amounts.get(asset):
        return None
    quote = past.quotes.get(asset)
    return quote.price if quote is not None else None
