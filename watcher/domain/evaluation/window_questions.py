"""Which parts of history the rules that look back need, and when; nothing is asked without a cause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from watcher.domain.decision import Question, Recalled, Snapshot
from watcher.domain.evaluation.composer import subject_key
from watcher.domain.evaluation.memo import Concerned, Memo
from watcher.domain.model import Account, AccountState, Asset, Change, Reading
from watcher.domain.readings.diff import Difference
from watcher.domain.rules import TrailingRule
from watcher.domain.rules.lookback import ChangesIn

NEVER = datetime.max.replace(tzinfo=UTC)


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


def trail_of(recalled: Mapping[Question, Recalled], window: ChangesIn | None) -> tuple[Change, ...] | None:
    """What history answered, from its last baseline on; None if it was not asked."""
    found = recalled.get(window) if window is not None else None
    if not isinstance(found, tuple):
        return None
    return found[max((number for number, row in enumerate(found) if row.before is None), default=0) :]


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
    known = memo.looked.get(state.account)
    if known is None:
        return True
    until, shut = known
    return until <= now or (shut is not state.quarantined and shut != state.quarantined)


def looked_through(memo: Memo, state: AccountState, until: datetime | None, now: datetime) -> None:
    """Note when to look at all of an account again; None: with the next reading.

    Only a cache: a look more changes nothing, so a decision that is rolled back is no harm as long as
    what it met is not noted as looked at.
    """
    account = state.account
    if until is None:
        memo.looked.pop(account, None)
    elif is_due(memo, state, now):
        memo.looked[account] = until, state.quarantined
    else:
        memo.looked[account] = min(until, memo.looked[account][0]), state.quarantined
