"""Expectation: what hints are expected to tell of an account, as people are shown it."""

from __future__ import annotations

from collections.abc import Sequence

from watcher.domain.hints.persistence import HintStandings, SourceStanding
from watcher.domain.records import Record
from watcher.domain.scheduler import LEAST_UNTOLD, ToldChanges

ASSUMED_LAG = 60.0
"""Seconds after which a change is taken to be shown as long as nobody knows it."""


class HintExpectation(Record, frozen=True):
    """One account. `told`: the share of its changes of which hints tell; `true`: the share of the hints that
    are true; `shown_after`: seconds from a hint to the poll that shows the change, of half of all. None: not
    known yet."""

    by: tuple[str, ...]
    """The hint sources that may tell of it."""
    told: float | None = None
    true: float | None = None
    shown_after: float | None = None

    @property
    def changes(self) -> ToldChanges | None:
        """What follows for its polls; None: nothing, for nothing is known. Hints are taken to come the moment
        an account changes."""
        if self.told is None:
            return None
        lag = ASSUMED_LAG if self.shown_after is None else self.shown_after
        return ToldChanges(self.told, self.true or 0.0, max(lag, 0.0))


def expected(standings: HintStandings | None, key: str, by: Sequence[str]) -> HintExpectation:
    """What is expected of the sources `by` for the account `key` (`chain:address`)."""
    known = [standings.sources[name] for name in by if name in standings.sources] if standings else []
    proven = [each for each in known if each.recall > 0]
    if standings is None or not proven:
        return HintExpectation(tuple(by))
    lags = [each.lag for each in proven if each.lag is not None]
    untold = min(max(standings.untold.get(key, _missed(proven)), LEAST_UNTOLD), 1.0)
    return HintExpectation(
        tuple(by), 1 - untold, max(each.precision for each in proven), min(lags, default=None)
    )


def _missed(sources: Sequence[SourceStanding]) -> float:
    """The share of changes that none of them tells of: a silent one tells of none."""
    missed = 1.0
    for each in sources:
        missed *= 1 - each.recall if each.silent_since is None else 1.0
    return missed
