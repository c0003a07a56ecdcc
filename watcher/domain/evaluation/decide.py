"""decide(): all that one poll concludes, in one pure call.

believe → diff → judge → advance → route → render. `decide` takes what a request saw; `lapse` is
called when only time has passed. Both return a `Decision` that the store writes in one
transaction. What a decision needs from history is asked for by `questions` beforehand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial

from watcher.domain.decision import AmountAt, Decision, PriceAt, Question, Recalled, Recheck, Snapshot
from watcher.domain.evaluation.asset_identity import Recognised, renamed_notices, unfamiliar
from watcher.domain.evaluation.evaluator import RuleEvaluator
from watcher.domain.evaluation.memo import Memo
from watcher.domain.evaluation.never_held import empty_notices
from watcher.domain.evaluation.quarantine import hush, sift
from watcher.domain.evaluation.rescaling import baselines, rescale, rescaled_notices
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
from watcher.domain.rules import Use

__all__ = [
    "AmountAt",
    "Decision",
    "PriceAt",
    "Question",
    "Recalled",
    "Recheck",
    "Snapshot",
    "decide",
    "lapse",
    "questions",
]


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
    past: Snapshot,
    seen: Sequence[Outcome],
    *,
    rules: Rules | None = None,
    now: datetime | None = None,
    compared: Differing | None = None,
    memo: Memo | None = None,
) -> list[Question]:
    """What history must answer before `decide`.

    The price at the reading before each change; and, given the rules and the time of the decision,
    what those rules need that look further back. `compared`: what `differing` found.
    """
    if rules is not None:
        memo = (memo or Memo()).under(rules, past)
    compared = differing(past, seen) if compared is None else compared
    asked: list[Question] = []
    for outcome in seen:
        state = past.accounts.get(outcome.account)
        if state is None or not isinstance(outcome, Reading):
            continue
        differences = compared[outcome.account]
        for difference in differences if differences and _priced_since(state, past) else ():
            asset = difference.asset
            at, quote = state.as_of(asset), past.quotes.get(asset)
            if at is not None and quote is not None and quote.at > at:
                asked.append(PriceAt(asset, at))
        if memo is not None and now is not None:
            asked += looking_back(past, state, outcome, differences, memo, now)
    return asked


def _priced_since(state: AccountState, past: Snapshot) -> bool:
    """Whether a price of what the account holds may have been kept after its last reading."""
    oldest, quotes = min((*state.seen.values(), *state.stale.values()), default=None), past.quotes
    if oldest is None:
        return False
    for asset in state.amounts:
        quote = quotes.get(asset)
        if quote is not None and quote.at > oldest:
            return True
    return False


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
    judge = RuleEvaluator(past, memo, now, running_since, recalled)
    judge.release()
    states: list[AccountState] = []
    changes: list[Change] = []
    again: list[Recheck] = []
    notices: list[Delivery] = []
    symbols: dict[Asset, str] = {}
    if names is not None:
        notices += renamed_notices(names.renamed, names.former, rules.channels, now)
    prices = Weighed(past, now)
    alone = len(seen) == 1
    for answer in seen:
        if answer.account not in rules.wallets:
            continue
        outcome, ask = prices.believed(answer)
        state = past.accounts.get(outcome.account) or AccountState(outcome.account)
        differences = compared.get(outcome.account)
        if isinstance(outcome, Reading) and outcome.scales:
            state, rescaled = rescale(state, outcome)
            differences = None
            changes += baselines(state, rescaled, outcome, now)
            judge.anew.extend((outcome.account, each.asset) for each in rescaled)
            notices += rescaled_notices(state, rescaled, outcome.symbols, rules.channels, now)
        jumps = (
            rules.jumps(outcome.account, past.symbols, memo.also)
            if differences or differences is None
            else usual
        )
        learned = reconcile(state, outcome, now, alone=alone, jumps=jumps, differences=differences)
        told: Sequence[Change] = ()
        renaming = True
        if isinstance(outcome, Reading):
            renaming = _note_symbols(past, outcome, symbols, memo)
            if learned.accepted or state.quarantined or state.newcomers:
                moved = _changes(state, learned, outcome, past, now, recalled)
                if moved and rules.policies:
                    policy = partial(rules.policy, also=memo.also)
                    moved = marked(moved, rules.wallets[outcome.account], policy)
                changes += moved
                learned, told = sift(state, learned, outcome, moved, past, memo, now)
                for alert, why in hush(learned.state, past):
                    judge.withdraw(alert, why)
        states.append(learned.state)
        if learned.again is not None or ask:
            again.append(learned.again or Recheck(outcome.account, CONFIRM_AFTER))
        news = [change for change in told if not change.drift] if told else ()
        judge.account(learned, outcome, news, renaming=renaming)
    notices += empty_notices(past, states, rules, now)
    judge.sums(prices, symbols)
    judge.finish()
    return Decision(
        at=now,
        accounts=tuple(states),
        changes=tuple(changes),
        quotes=prices.quotes,
        doubts=prices.doubts,
        symbols=symbols,
        alerts=tuple(judge.alerts),
        deliveries=(*judge.deliveries, *notices),
        again=tuple(again),
        marks=tuple(judge.marks),
        flaps=judge.flaps,
        anew=tuple(judge.anew),
        same=names.same if names is not None else EMPTY,
        former=names.former if names is not None else EMPTY,
    )


def lapse(
    past: Snapshot,
    accounts: Iterable[Account],
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
    judge = RuleEvaluator(past, memo, now, running_since)
    judge.release()
    judge.budgets(uses)
    for account in accounts:
        judge.clocks(past.accounts.get(account) or AccountState(account, watched_since=running_since))
    for alert in past.alerts.values():
        if memo.stands(alert):
            judge.remind(alert)
    judge.finish()
    alerts, deliveries = tuple(judge.alerts), tuple(judge.deliveries)
    return Decision(at=now, alerts=alerts, deliveries=deliveries, flaps=judge.flaps)


def retire(past: Snapshot, rules: Rules, now: datetime, *, memo: Memo | None = None) -> Decision:
    """What a configuration that takes effect means for the live alerts, all of which `past` must have.

    Those whose rule, account or source is gone are withdrawn; whoever heard of them is told so. What a
    rule remembered that is there no more is forgotten, and an edit begins to count anew what flaps:
    whoever seeks the right level must hear of each try.
    """
    memo = (memo or Memo()).under(rules, past)
    judge = RuleEvaluator(past, memo, now, now)
    for alert in past.alerts.values():
        named, why = under_its_name(alert, rules), why_over(alert, memo, past)
        if why or not memo.stands(alert):
            judge.count_anew(alert)
        if why:
            judge.withdraw(named, why)
        elif named != alert:
            judge.alerts.append(named)
    judge.finish()
    return Decision(
        at=now,
        alerts=tuple(judge.alerts),
        deliveries=tuple(judge.deliveries),
        standing=rules.fingerprints,
        flaps=judge.flaps,
    )


def _changes(
    state: AccountState,
    learned: Reconciled,
    reading: Reading,
    past: Snapshot,
    now: datetime,
    recalled: Mapping[Question, Recalled],
) -> list[Change]:
    changes = []
    account, quotes, prices = state.account, past.quotes, reading.prices
    symbols, old, stale, read = reading.symbols, past.symbols, state.stale, state.seen
    for asset, before, after, _ in learned.accepted:
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


def _note_symbols(past: Snapshot, reading: Reading, symbols: dict[Asset, str], memo: Memo) -> bool:
    """Whether this reading has names that are new.

    Of an asset that it does not hold it may repeat a name that another source has heard to be changed: such
    a name is taken only where there is none.
    """
    if not unfamiliar(past, reading, memo):
        return False
    known = past.symbols
    spoken_of = reading.amounts.keys() | reading.unclear.keys()
    for asset, symbol in reading.symbols.items():
        if known.get(asset) != symbol and (asset in spoken_of or not known.get(asset)):
            symbols[asset] = symbol
    return True
