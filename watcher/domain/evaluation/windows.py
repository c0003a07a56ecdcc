"""Window evaluator: rules that look back in time, and the parts of history that they need.

Nothing is asked of history without a cause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from watcher.domain.alerts.lifecycle import Alert, AlertState, Subject, Transition
from watcher.domain.decision import Question, Recalled, Snapshot
from watcher.domain.evaluation.composer import MessageComposer, level_numbers, level_values
from watcher.domain.evaluation.memo import Concerned, Memo
from watcher.domain.messages.message import change_facts
from watcher.domain.model import Account, AccountState, Asset, Change, Reading, subject_key
from watcher.domain.readings.diff import Difference
from watcher.domain.readings.reconcile import Reconciled
from watcher.domain.rules import ChangeRule, StateRule, TrailingRule
from watcher.domain.rules.lookback import Baseline, BaselineOf, ChangesIn, since_baseline
from watcher.domain.values.decimals import ZERO
from watcher.domain.values.formatting import amount
from watcher.domain.values.verdict import Answer, Verdict

NEVER = datetime.max.replace(tzinfo=UTC)

Seen = tuple[Decimal, Decimal | None, Sequence[Change], Change | None]
"""What is held, its price, its changes within the window, and the one that was just read."""


class WindowEvaluator:
    """Collects what one decision says of the past; `marks` are what rules will remember."""

    def __init__(
        self,
        past: Snapshot,
        memo: Memo,
        now: datetime,
        recalled: Mapping[Question, Recalled],
        composer: MessageComposer,
    ) -> None:
        self._past, self._memo, self._now, self._recalled = past, memo, now, recalled
        self._composer = composer
        self.marks: list[Baseline] = []
        self.rescaled: list[tuple[Account, Asset]] = []
        """Holdings whose unit this decision changes: nothing that is stored can be compared with them."""

    def change(self, rule: ChangeRule, change: Change) -> None:
        """A change against what was before the previous reading too."""
        fingerprint = self._memo.rules.fingerprint(rule.id) or ""
        mark = self._recalled.get(BaselineOf(rule.id, change.account, change.asset))
        known = (change.account, change.asset) not in self.rescaled
        mark = mark if isinstance(mark, Baseline) and known else None
        told = False
        if rule.watches(change.before or ZERO, change.after):
            rows = trail_of(self._recalled, rule.window(change.account, change.asset, self._now)) or ()
            rows = rows if known else ()
            far = rule.against(change, mark, rows, self._now, fingerprint)
            told = rule.answer(far) is Answer.MET
            if told:
                self._composer.event(rule, far, rule.judge(far))
        kept = rule.marked(change, mark, fingerprint, told=told)
        if kept is not None:
            self.marks.append(kept)

    def trailing(
        self,
        concerned: Concerned,
        reconciled: Reconciled,
        reading: Reading,
        changes: Sequence[Change],
        live: Callable[[StateRule, str], Alert | None],
        advance: Callable[[StateRule, Alert | None, Subject, Verdict], Transition],
    ) -> None:
        """Rules over a window, for the assets of which history was asked."""
        state = reconciled.state
        full = is_due(self._memo, state, self._now)
        if not full and not self._recalled and not changes:
            return
        until: datetime | None = NEVER
        for asset, held in state.amounts.items():
            if asset in state.quarantined:
                continue
            symbol = symbol_of(reading, self._past, asset)
            for rule in trailing_for(concerned, self._past, state.account, asset, symbol):
                rows = trail_of(self._recalled, rule.window(state.account, asset, self._now))
                if rows is None and not full:
                    if any(change.asset == asset for change in changes):
                        until = None  # let out of quarantine just now: history was not asked
                    continue
                restated = (state.account, asset) in self.rescaled
                if rows is None or restated or asset.chain not in reconciled.chains or asset in state.stale:
                    until = None
                    continue
                moved = next((change for change in changes if change.asset == asset), None)
                seen = (held, reading.prices.get(asset), (*rows, moved) if moved else rows, moved)
                alert = live(rule, subject_key(state.account, asset))
                firing = alert is not None and alert.state is AlertState.FIRING
                verdict = rule.judge(held, symbol, seen[2], self._now, firing=firing)
                step = advance(rule, alert, self._composer.subject(state.account, asset, symbol), verdict)
                self._tell(rule, step, state.account, asset, symbol, seen)
                known = alert is not None or verdict.answer is not Answer.MET
                if firing and verdict.answer is Answer.NOT_MET and step.tell is None:
                    known = False  # it is kept firing for a while: every reading counts
                again = (rule.speaks_at(seen[2], self._now) or NEVER) if known else None
                until = min(until, again) if until and again else None
        stay_quiet(self._memo, state, until, self._now)

    def _tell(
        self, rule: TrailingRule, step: Transition, account: Account, asset: Asset, symbol: str, seen: Seen
    ) -> None:
        if step.tell is None:
            return
        held, price, _, moved = seen
        facts = [("Amount", f"{amount(held)} {symbol}".rstrip())]
        if moved is not None and moved.before is not None:
            facts = change_facts(moved)
        where, numbers = self._composer.where(account, asset, symbol), level_numbers(held, price, moved)
        self._composer.alert(rule, step, where, facts, values=level_values(held, price), numbers=numbers)


def looking_back(
    past: Snapshot,
    state: AccountState,
    reading: Reading,
    differences: Sequence[Difference],
    memo: Memo,
    now: datetime,
) -> list[Question]:
    """What rules with a window or a memory must know to judge this reading; mostly nothing."""
    account = state.account
    if account not in memo.rules.wallets:
        return []
    concerned = memo.of(account)
    asked: list[Question] = []
    for difference in differences if concerned.trails else ():
        asset, before = difference.asset, difference.before
        if before is None:
            continue
        for rule in concerned.pick(asset, symbol_of(reading, past, asset)).trails:
            watched = rule.watches(before, difference.after)
            asked += rule.asks(account, asset, now, watched=watched)
    if concerned.trailing:
        moved = {difference.asset for difference in differences}
        for asset, trailing in _due(past, state, reading, moved, concerned, memo, now):
            asked.append(trailing.window(account, asset, now))
    return asked


def symbol_of(reading: Reading, past: Snapshot, asset: Asset) -> str:
    return reading.symbols.get(asset) or past.symbols.get(asset, "")


def trail_of(recalled: Mapping[Question, Recalled], window: ChangesIn | None) -> Sequence[Change] | None:
    """What history answered, from its last baseline on; None if it was not asked."""
    found = recalled.get(window) if window is not None else None
    return since_baseline(found) if isinstance(found, tuple) else None


def _due(
    past: Snapshot,
    state: AccountState,
    reading: Reading,
    moved: set[Asset],
    concerned: Concerned,
    memo: Memo,
    now: datetime,
) -> Iterator[tuple[Asset, TrailingRule]]:
    """Assets that moved, those with a live alert, and all of them when it is time to look at all."""
    account = state.account
    everything = is_due(memo, state, now)
    if not everything and not moved and not past.alerts:
        return
    for asset in {*state.amounts, *moved}:
        for rule in trailing_for(concerned, past, account, asset, symbol_of(reading, past, asset)):
            if everything or asset in moved or (rule.id, subject_key(account, asset)) in past.alerts:
                yield asset, rule


def trailing_for(
    concerned: Concerned, past: Snapshot, account: Account, asset: Asset, symbol: str
) -> Sequence[TrailingRule]:
    """The rules over a window that select an asset, or that have an alert on it under its former symbol.

    Who was told of an alert is to hear of its end too; after that the rule no longer sees the asset.
    """
    chosen = concerned.pick(asset, symbol).trailing
    if not past.alerts or len(chosen) == len(concerned.trailing):
        return chosen
    key, ids = subject_key(account, asset), {rule.id for rule in chosen}
    return [rule for rule in concerned.trailing if rule.id in ids or (rule.id, key) in past.alerts]


def is_due(memo: Memo, state: AccountState, now: datetime) -> bool:
    """Whether a trailing rule may have something new to say about an account in which nothing moved: in
    time, or because rules see other assets of it than they did."""
    known = memo.quiet_until.get(state.account)
    if known is None:
        return True
    until, shut = known
    return until <= now or (shut is not state.quarantined and shut != state.quarantined)


def stay_quiet(memo: Memo, state: AccountState, until: datetime | None, now: datetime) -> None:
    """Note until when trailing rules need not be asked about an account in which nothing moves. None: they
    are asked with the next reading.

    Only a cache: to ask more often changes no answer. What a decision met is not noted, since the decision
    may be rolled back.
    """
    account = state.account
    if until is None:
        memo.quiet_until.pop(account, None)
    elif is_due(memo, state, now):
        memo.quiet_until[account] = until, state.quarantined
    else:
        memo.quiet_until[account] = min(until, memo.quiet_until[account][0]), state.quarantined
