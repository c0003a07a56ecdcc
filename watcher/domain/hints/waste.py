"""Waste: what polls may cost that hints cause and that find nothing. Credits, seconds."""

from __future__ import annotations

DAY = 86400.0


class WasteBucket:
    """A bucket that fills with a share of the credits' pace, and holds a day's worth."""

    def __init__(self, share: float, now: float) -> None:
        self._share, self._now = share, now
        self._fill = self._top = 0.0
        self._left: float | None = None

    def pace(self, credits_a_second: float, cost: float) -> None:
        """The credits there are; `cost` of a poll, of which some are always allowed."""
        self._fill = self._share * credits_a_second
        self._top = max(self._fill * DAY, 5 * cost) if self._share else 0.0
        self._left = self._top if self._left is None else min(self._left, self._top)

    def affords(self, cost: float, now: float) -> bool:
        """Whether a poll may be made that may find nothing."""
        self._flow(now)
        return (self._left or 0.0) >= cost

    def take(self, cost: float, now: float) -> None:
        """Such a poll found nothing; `cost` of it was beyond what the schedule would have spent by now."""
        self._flow(now)
        self._left = (self._left or 0.0) - cost

    def _flow(self, now: float) -> None:
        passed, self._now = max(now - self._now, 0.0), now
        if self._left is not None:
            self._left = min(self._top, self._left + self._fill * passed)
