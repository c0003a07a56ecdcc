"""Decision on sums: those that decisions which do not see everyone have left to be judged apart.

They are judged by the same code as where a decision sees everyone, over a past that has all their accounts as
of one moment, and nothing else. What is told of them is what is true at that moment.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from watcher.domain.aggregates.due import key_of
from watcher.domain.decision import Decision, LastRead, Question, Recalled, Snapshot, SumKey
from watcher.domain.evaluation.evaluator import RuleEvaluator
from watcher.domain.evaluation.memo import Memo
from watcher.domain.evaluation.never_held import EMPTY_RULE, empty_notices
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import EMPTY, Account
from watcher.domain.records import replace


def parts_of(sums: Collection[SumKey], rules: Rules, memo: Memo) -> list[Account]:
    """The accounts of which a decision on these sums must know the states. `memo`: of earlier decisions."""
    memo = memo.by(rules)
    found: dict[Account, None] = {}
    for key in sums:
        summed = memo.sums.by_key.get(key)
        for each in summed.sums if summed is not None else ():
            found.update(dict.fromkeys(each.accounts))
    wallets = {key.subject for key in sums if key.rule == EMPTY_RULE}
    if wallets:
        found.update((account, None) for account, each in rules.wallets.items() if each.name in wallets)
    return list(found)


def questions_on_sums(past: Snapshot) -> list[Question]:
    """What must be known besides: whether of a source that does not answer nothing is read."""
    sources = {account.source for account, state in past.accounts.items() if state.misses}
    return [LastRead(source) for source in sorted(sources)]


def decide_on_sums(
    past: Snapshot,
    sums: Mapping[SumKey, bool],
    rules: Rules,
    now: datetime,
    *,
    running_since: datetime,
    recalled: Mapping[Question, Recalled] = EMPTY,
    memo: Memo | None = None,
) -> Decision:
    """Everything that follows for these sums, as `Decision.sums` has them. `past` has the accounts that
    `parts_of` names."""
    memo = (memo or Memo()).under(rules, past)
    changed = [Account(*key.subject.split("/", 2)) for key in sums if not key.rule]
    due = {key: False for account in changed for key in memo.sums.keys_of(account)}
    memo = memo.only(sums, past)
    mine = memo.sums.by_key
    evaluator = RuleEvaluator(past, memo, now, running_since, recalled)
    evaluator.release(lambda alert: key_of(alert) in mine)
    alerts = [each for each in past.alerts.values() if key_of(each) in mine and memo.stands(each)]
    for alert in alerts:
        if not sums[key_of(alert)]:
            evaluator.remind(alert)
    reminded = {key_of(alert) for alert in evaluator.alerts}
    evaluator.all_sums({key: read for key, read in sums.items() if read or key not in reminded})
    for alert in alerts:
        evaluator.remind(alert)
    decision = evaluator.finish()
    wallets = sorted(key.subject for key in sums if key.rule == EMPTY_RULE)
    notices = [each for name in wallets for each in empty_notices({name}, past.accounts, rules, now)]
    return replace(decision, deliveries=(*decision.deliveries, *notices), sums=due)
