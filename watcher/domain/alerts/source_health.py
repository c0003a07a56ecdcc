"""Source health: when a source as a whole counts as failing, and not only one of its accounts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Self

from watcher.domain.model import Miss, MissReason, Outcome, Reading
from watcher.domain.records import Record

FAILS_AFTER = timedelta(minutes=10)
"""A source that nothing could be read from for so long fails; shorter troubles are every network's."""

REQUESTS = 3
"""So many requests must have failed in a row; seldom polled, one lost answer is no outage."""

ADDRESSES = 3
"""So many addresses (all, if there are fewer) must have met with what may be one address's own fault."""

REFUSED = frozenset({MissReason.UNAUTHORIZED, MissReason.FORBIDDEN})
"""Somebody has to do something; waiting mends nothing."""

_WHOLE = frozenset(
    {MissReason.UNREACHABLE, MissReason.UNAUTHORIZED, MissReason.REDIRECTED, MissReason.RATE_LIMITED}
)
"""Never the fault of one address."""

_ELSEWHERE = frozenset({MissReason.EXHAUSTED, MissReason.INTERNAL})
"""Told by a notice of its own, or a fault of ours."""


class Streak(Record, frozen=True):
    """Requests that failed in a row, with no reading between them."""

    since: datetime
    requests: int
    addresses: frozenset[str]
    whole: bool
    """Whether one of them failed in a way that concerns every address."""
    why: str
    """Of the latest, in words without secrets."""
    refused: bool = False
    answered: bool = False
    """Whether answers came, and left out all that were asked for."""
    fails: bool = False
    """Whether the source has counted as failing since it began."""

    def dump(self) -> str:
        """As one text, for those who ask with the same key."""
        return json.dumps(
            [
                self.since.isoformat(), self.requests, sorted(self.addresses), self.whole, self.why,
                self.refused, self.answered, self.fails,
            ]
        )  # fmt: skip

    @classmethod
    def load(cls, text: str) -> Self:
        """The inverse of `dump`."""
        since, requests, addresses, *rest = json.loads(text)
        return cls(datetime.fromisoformat(since), requests, frozenset(addresses), *rest)


def grown(streak: Streak | None, outcomes: Sequence[Outcome], why: str, now: datetime) -> Streak | None:
    """The streak after one more request; None once anything was read. `why`: empty if an answer came."""
    if any(isinstance(outcome, Reading) and not outcome.blank for outcome in outcomes):
        return None
    unread = [each for each in outcomes if isinstance(each, Reading) or each.reason not in _ELSEWHERE]
    if not unread:
        return streak
    before = streak or Streak(now, 0, frozenset(), whole=False, why="", answered=True)
    reasons = {each.reason if isinstance(each, Miss) else MissReason.UNREADABLE for each in unread}
    return Streak(
        before.since,
        before.requests + 1,
        before.addresses | {each.account.address for each in unread},
        before.whole or bool(reasons & _WHOLE),
        why or _said(unread[0]),
        bool(reasons & REFUSED),
        before.answered and reasons <= {MissReason.OMITTED},
        before.fails,
    )


def _said(outcome: Outcome) -> str:
    """Why an answer that came brought nothing."""
    if isinstance(outcome, Miss):
        return str(outcome)
    return f"{MissReason.UNREADABLE}: {next(iter(outcome.unclear.values()), 'nothing of it can be used')}"


def failing(streak: Streak | None, watched: int, lasted: timedelta, pause: timedelta | None = None) -> bool:
    """Whether the source fails. `watched`: its addresses; `pause`: for how long it wants to be left alone."""
    if streak is None:
        return False
    if pause is not None and pause >= FAILS_AFTER:
        return True
    # One or two that answers leave out are told of by themselves.
    enough = ADDRESSES if streak.answered else min(ADDRESSES, max(watched, 1))
    everywhere = streak.whole or len(streak.addresses) >= enough
    return everywhere and streak.requests >= REQUESTS and lasted >= FAILS_AFTER
