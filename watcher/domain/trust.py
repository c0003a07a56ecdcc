"""believe(): a reading too odd to act on is held until a second one confirms it.

Odd, for now: an amount that drops to zero. The provider may have lost the row; a second reading
that agrees settles it, one that does not settles it the other way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

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
    doubtful: bool = False
    """This answer itself was odd; another one should settle it soon."""


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
    doubtful = False
    for difference in differences:
        if not _is_odd(difference):
            accepted.append(difference)
            continue
        first = state.held.get(difference.asset)
        if first is not None and first.amount == difference.after and now - first.since >= INDEPENDENT_AFTER:
            accepted.append(difference)
            continue
        doubtful = True
        if first is None or first.amount != difference.after or first.since > now:  # the clock was set back
            first = Held(difference.after, now, _reason(difference))
        held[difference.asset] = first
    return Belief(tuple(accepted), held, doubtful)


def _speaks_of(reading: Reading, asset: Asset) -> bool:
    return asset in reading.amounts or (asset.chain in reading.chains and asset not in reading.unclear)


def _is_odd(difference: Difference) -> bool:
    return bool(difference.before) and not difference.after


def _reason(difference: Difference) -> str:
    how = "left out of a complete answer" if difference.absent else "reported as zero"
    return f"{how} after it held something"
