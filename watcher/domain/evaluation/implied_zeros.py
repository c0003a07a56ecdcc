"""Implied zeros: assets that a rule names and an account does not hold, where that is certain.

A provider leaves out what is not held, so that a tank that was never filled has no row and no amount.
An asset that a rule names exactly and that a complete reading of its chain does not mention is held to
be zero if it exists on that chain (the rule names the chain too, or it was seen there in some account),
and from the second reading on: one answer may be wrong. A mere symbol is never enough; anybody can
give it to a token, and a slip of the pen would read as an empty wallet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from watcher.domain.decision import Snapshot
from watcher.domain.model import Asset, Reading
from watcher.domain.readings.plausibility import INDEPENDENT_AFTER
from watcher.domain.readings.reconcile import Reconciled
from watcher.domain.rules import LevelRule
from watcher.domain.rules.match import PATTERN, folded, id_in


class NamedAssets(NamedTuple):
    """A level rule, and the assets that it may name exactly."""

    rule: LevelRule
    tokens: tuple[tuple[str, bool], ...]
    """As identities are written, and whether each is known to be one by its form."""


def named_by(rules: Iterable[LevelRule]) -> tuple[NamedAssets, ...]:
    """The rules that may name assets by what they are."""
    found = []
    for rule in rules:
        match = rule.match
        chains_named = bool(match.chains) and _named(match.chains) == match.chains
        tokens = tuple(
            (folded(name) if id_in(name) else name, id_in(name))
            for name in _named(match.assets)
            if id_in(name) or chains_named
        )
        if tokens:
            found.append(NamedAssets(rule, tokens))
    return tuple(found)


def absences(
    named: Sequence[NamedAssets], past: Snapshot, reconciled: Reconciled, reading: Reading, now: datetime
) -> Iterator[tuple[LevelRule, Asset]]:
    """The assets that this reading shows to be zero because it does not name them."""
    before, state = past.accounts.get(reconciled.state.account), reconciled.state
    for chain in reading.chains:
        seen = before.seen.get(chain) if before is not None else None
        if seen is None or now - seen < INDEPENDENT_AFTER:
            continue
        for rule, tokens in named:
            for token, sure in tokens:
                asset = Asset(chain, token)
                if asset in state.amounts or asset in reading.unclear or asset in state.unsettled:
                    continue
                exists = asset in past.symbols or (sure and rule.match.names_chain(chain))
                if exists and rule.match.chain(chain):
                    yield rule, asset


def _named(globs: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(glob for glob in globs if not any(sign in glob for sign in PATTERN))
