"""Waste: what polls may cost that hints cause and that find nothing. Credits, seconds."""

from __future__ import annotations

import math
from typing import Any

DAY = 86400.0


class WasteBucket:
    """A bucket that fills with a share of the credits' pace, and holds a day's worth."""

    def __init__(self, share: float, now: float) -> None:
        self._share, self._now = share, now
        self._fill = self._one = 0.0
        self._top = self._left = math.inf

    def pace(self, credits_a_second: float, cost: float, now: float) -> None:
        """The credits there are; `cost` of a poll, of which some are always allowed."""
        self._left, self._now = self._at(now), now
        self._fill, self._one = self._share * credits_a_second, cost
        self._top = max(self._fill * DAY, 5 * cost) if self._share else 0.0
        self._left = min(self._left, self._top)

    def affords(self, cost: float, now: float, remaining: float) -> bool:
        """Whether a poll may be made then that may find nothing; `remaining` credits are left in the period,
        and no more than the share of these may be wasted at once, or one poll."""
        return min(self._at(now), max(self._share * remaining, self._one)) >= cost

    def take(self, cost: float, now: float) -> None:
        """Such a poll found nothing; `cost` of it was beyond what the schedule would have spent by now."""
        self._left, self._now = self._at(now) - cost, now

    def give_back(self, cost: float, now: float) -> None:
        """What was taken for looks that came too early: the hint was true."""
        self._left, self._now = min(self._at(now) + cost, self._top), now

    def dump(self) -> list[float]:
        """A JSON-able value; `restore` takes it."""
        return [self._left, self._now]

    def restore(self, value: Any, now: float) -> None:
        """Go on with what was left then. ValueError or TypeError if `value` is not such a thing."""
        if value is None:
            return
        left, at = map(float, value)
        if not (math.isfinite(left) and math.isfinite(at)):
            raise ValueError("a bucket without bounds")
        self._left = min(left, self._top)
        self._now = min(at, now)

    def _at(self, now: float) -> float:
        return min(self._top, self._left + self._fill * max(now - self._now, 0.0))
