"""What the outcomes of one request lead to, kept in one transaction: for the daemon and for replays alike."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from watcher.domain.evaluation.asset_identity import recognise
from watcher.domain.evaluation.decide import Decision, Snapshot, decide, differing, questions, retire
from watcher.domain.evaluation.memo import Memo
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Outcome
from watcher.ports.store import Recall, Settlement, Store


async def conclude(
    store: Store,
    outcomes: Sequence[Outcome],
    rules: Rules,
    now: datetime,
    *,
    running_since: datetime,
    memo: Memo | None = None,
    settlement: Settlement | None = None,
) -> Decision:
    """Ask history, decide, and keep all that follows. `now` is when the answer was read.

    `memo`: of the thread in which the store decides.
    """

    def deciding(past: Snapshot, recall: Recall) -> Decision:
        names = recognise(past, outcomes, rules, now, memo=memo)
        past, seen = names.past, names.outcomes
        compared = differing(past, seen)
        asked = questions(past, seen, rules=rules, now=now, compared=compared, memo=memo)
        return decide(
            past, seen, rules, now, running_since=running_since, recalled=recall(asked), compared=compared,
            names=names, memo=memo,
        )  # fmt: skip

    accounts = [outcome.account for outcome in outcomes]
    return await store.conclude(accounts, deciding, settlement)


async def take_effect(store: Store, rules: Rules, now: datetime, memo: Memo | None = None) -> Decision:
    """What new rules, or another watch list, mean for the alerts that live: see `retire`."""
    live = await store.live_alerts()
    accounts = list(dict.fromkeys(alert.account for alert in live if alert.account is not None))

    def deciding(past: Snapshot, _recall: Recall) -> Decision:
        return retire(past, rules, now, memo=memo)

    return await store.conclude(accounts, deciding)
