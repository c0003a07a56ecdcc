"""Renamed assets: those that changed their name while an alert on them lives.

A symbol is only a name. An alert is about an asset, by its identity: a rule that selected it by a symbol
which the provider has changed since goes on judging it until the alert has ended, so that who was told
of it hears of its end too. After that the rule no longer sees the asset.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from watcher.domain.alerts.lifecycle import Alert
from watcher.domain.decision import Snapshot
from watcher.domain.evaluation.memo import Concerned
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Asset, Reading, asset_of
from watcher.domain.readings.reconcile import Reconciled
from watcher.domain.rules import LevelRule


def renamed(
    concerned: Concerned,
    alerts: Sequence[Alert],
    reconciled: Reconciled,
    reading: Reading,
    past: Snapshot,
    rules: Rules,
) -> Iterator[tuple[LevelRule, Asset, str]]:
    """Live alerts of this account on assets that this reading settles and that their rule selects no more."""
    state = reconciled.state
    for alert in alerts:
        rule, asset = rules.by_id.get(alert.rule), asset_of(alert.subject, state.account)
        if not isinstance(rule, LevelRule) or asset is None:
            continue
        if asset not in state.amounts or asset.chain not in reconciled.chains:
            continue
        if asset in state.stale or asset in state.quarantined:
            continue
        symbol = reading.symbols.get(asset) or past.symbols.get(asset, "")
        if not any(each is rule for each, _ in concerned.pick(asset, symbol).levels):
            yield rule, asset, symbol
