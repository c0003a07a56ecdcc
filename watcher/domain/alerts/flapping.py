"""Flapping: what fires and resolves again and again is told so once, and then held back until calm."""

from __future__ import annotations

from datetime import datetime, timedelta

from watcher.domain.records import Record
from watcher.domain.values.formatting import moment

MORE_THAN = 5
WITHIN = timedelta(hours=1)
"""So many transitions (firing and resolved each count) in so long are flapping."""

CALM = timedelta(minutes=30)
"""Without a transition for so long it is over."""


class Flap(Record, frozen=True):
    """The latest transitions of one rule on one subject, from one alert to the next."""

    times: tuple[datetime, ...] = ()
    since: datetime | None = None
    """Since when it flaps; stays after it is over, until the next transition."""
    said: bool = False

    def flaps(self, now: datetime) -> bool:
        """Whether it flaps now. A time far ahead comes from a clock since set back."""
        return self.since is not None and abs(now - self.times[-1]) < CALM

    def moved(self, now: datetime) -> Flap:
        """After one more transition."""
        recent = tuple(at for at in self.times if abs(now - at) < WITHIN)[-2 * MORE_THAN :]
        times = (*recent, now)
        if self.flaps(now):
            return Flap(times, self.since, self.said)
        # What was counted before it was calm counts no more.
        fresh = times if self.since is None else (now,)
        return Flap(fresh, now if len(fresh) > MORE_THAN else None)

    def __str__(self) -> str:
        return f"flapping since {moment(self.since)}"
