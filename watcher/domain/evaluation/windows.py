"""What rules say that look back in time: changes against longer ago, and amounts over a window."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from watcher.domain.alerts.lifecycle import Alert, AlertState, Subject, Transition
from watcher.domain.decision import Question, Recalled, Snapshot
from watcher.domain.evaluation.composer import MessageComposer, level_values, subject_key
from watcher.domain.evaluation.memo import Concerned, Memo
from watcher.domain.evaluation.window_questions import (
    NEVER,
    is_due,
    looked_through,
    symbol_of,
    trail_of,
    trailing_for,
)
from watcher.domain.messages.message import change_facts
from watcher.domain.model import Account, Asset, Change, Reading
from watcher.domain.readings.reconcile import Reconciled
from watcher.domain.rules import ChangeRule, StateRule, TrailingRule
from watcher.domain.rules.lookback import Baseline, BaselineOf
from watcher.domain.values.decimals import ZERO
from watcher.domain.values.formatting import amount
from watcher.domain.values.verdict import Answer, Verdict

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
        teller: MessageComposer,
    ) -> None:
        self._past, self._memo, self._now, self._recalled = past, memo, now, recalled
        self._teller = teller
        self.marks: list[Baseline] = []
        self.anew: list[tuple[Account, Asset]] = []
        """Holdings whose past is counted in another unit: there is nothing to compare with."""

    def change(self, rule: ChangeRule, change: Change) -> None:
        """A change against what was before the previous reading too."""
        fingerprint = self._memo.rules.fingerprint(rule.id) or ""
        mark = self._recalled.get(BaselineOf(rule.id, change.account, change.asset))
        known = (change.account, change.asset) not in self.anew
        mark = mark if isinstance(mark, Baseline) and known else None
        told = False
        if rule.watches(change.before or ZERO, change.after):
            rows = trail_of(self._recalled, rule.window(change.account, change.asset, self._now)) or ()
            rows = rows if known else ()
            far = rule.against(change, mark, rows, self._now, fingerprint)
            told = rule.answer(far) is Answer.MET
            if told:
                self._teller.event(rule, far, rule.judge(far))
        kept = rule.marked(change, mark, fingerprint, told=told)
        if kept is not None:
            self.marks.append(kept)

    def trailing(
        self,
        concerned: Concerned,
        learned: Reconciled,
        reading: Reading,
        changes: Sequence[Change],
        live: Callable[[StateRule, str], Alert | None],
        advance: Callable[[StateRule, Alert | None, Subject, Verdict], Transition],
    ) -> None:
        """Rules over a window, for the assets of which history was asked."""
        state = learned.state
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
                anew = (state.account, asset) in self.anew
                if rows is None or anew or asset.chain not in learned.chains or asset in state.stale:
                    until = None
                    continue
                moved = next((change for change in changes if change.asset == asset), None)
                seen = (held, reading.prices.get(asset), (*rows, moved) if moved else rows, moved)
                alert = live(rule, subject_key(state.account, asset))
                firing = alert is not None and alert.state is AlertState.FIRING
                verdict = rule.judge(held, symbol, seen[2], self._now, firing=firing)
                step = advance(rule, alert, self._teller.subject(state.account, asset, symbol), verdict)
                self._tell(rule, step, state.account, asset, symbol, seen)
                known = alert is not None or verdict.answer is not Answer.MET
                if firing and verdict.answer is Answer.NOT_MET and step.tell is None:
                    known = False  # it is kept firing for a while: every reading counts
                again = (rule.speaks_at(seen[2], self._now) or NEVER) if known else None
                until = min(until, again) if until and again else None
        looked_through(self._memo, state, until, self._now)

    def _tell(
        self, rule: TrailingRule, step: Transition, account: Account, asset: Asset, symbol: str, seen: Seen
    ) -> None:
        if step.tell is None:
            return
        held, price, _, moved = seen
        facts = [("Amount", f"{amount(held)} {symbol}".rstrip())]
        if moved is not None and moved.before is not None:
            facts = change_facts(moved)
        where = self._teller.where(account, asset, symbol)
        self._teller.alert(rule, step, where, facts, values=level_values(held, price))
