"""believe(): a reading too odd to act on is held until a second one confirms it.

Odd, for now: an amount that drops to zero. The provider may have lost the row; a second reading
that agrees settles it, one that does not settles it the other way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from watcher.domain.changes import Difference, diff
from watcher.domain.model import EMPTY, AccountState, Asset, Held, Reading

CONFIRM_AFTER = timedelta(seconds=20)
"""How soon a held reading is read again. Long enough for a provider's cache to turn over."""

INDEPENDENT_AFTER = timedelta(milliseconds=500)
"""Two readings closer together than this may be one answer told twice; they confirm nothing."""


@dataclass(frozen=True, slots=True)
class Belief:
    """What a reading adds to what is known: differences to act on, and amounts to hold."""

    accepted: tuple[Difference, ...]
    held: Mapping[Asset, Held]


_NOTHING: Belief = Belief((), EMPTY)


def believe(state: AccountState, reading: Reading, now: datetime) -> Belief:
    """Sort the differences into those that are accepted and those that are held.

    What was held before and is not confirmed by this reading stays held only if the reading
    does not speak of it.
    """
    differences = diff(state, reading)
    if not differences and not state.held:
        return _NOTHING
    accepted: list[Difference] = []
    held = {asset: old for asset, old in state.held.items() if not _speaks_of(reading, asset)}
    for difference in differences:
        if not _is_odd(difference):
            accepted.append(difference)
            continue
        first = state.held.get(difference.asset)
        if first is None or first.amount != difference.after:
            held[difference.asset] = Held(difference.after, now, _reason(difference))
        elif now - first.since < INDEPENDENT_AFTER:
            held[difference.asset] = first
        else:
            accepted.append(difference)
    return Belief(tuple(accepted), held)


def _speaks_of(reading: Reading, asset: Asset) -> bool:
    return asset in reading.amounts or (asset.chain in reading.chains and asset not in reading.unclear)


def _is_odd(difference: Difference) -> bool:
    return bool(difference.before) and difference.after == Decimal(0)


def _reason(difference: Difference) -> str:
    how = "left out of a complete answer" if difference.absent else "reported as zero"
    return f"{how} after it held something"
