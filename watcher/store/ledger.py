"""Ledger arithmetic: what was spent within the windows of an allowance, whatever keeps the bookings."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from watcher.domain.credits.allowance import Allowance, Spending

HOUR_MS = 3_600_000
SHORT_WINDOW = 3600
"""Windows up to so many seconds are counted from the log, longer ones from hours, a little too strictly."""


class Bookings(Protocol):
    """The bookings of one source. `until` None: those dated later than now count too."""

    def in_hours(self, since: datetime, until: datetime | None) -> tuple[int, int, int]:
        """Credits, calls, and the credits of purposes set aside, in whole hours."""
        ...

    def in_log(self, since: datetime, until: datetime | None) -> int:
        """Calls after `since`, exactly."""
        ...

    def set_back(self, now: datetime) -> datetime | None:
        """When the clock was found set back, if there are bookings dated later than now.

        They were made before: without it, what was booked while the clock ran a year ahead would fill each
        window for a year.
        """
        ...


def spending(bookings: Bookings, now: datetime, allowance: Allowance) -> Spending:
    """What counts against an allowance now."""
    set_back = bookings.set_back(now)

    def until(since: datetime) -> datetime | None:
        # What is dated later than now was booked before the clock was set back.
        return now if set_back is not None and set_back <= since else None

    credits_spent = aside = 0
    if allowance.credits is not None:
        since = allowance.credits.bounds(now)[0]
        credits_spent, _, aside = bookings.in_hours(since, until(whole_hour(since)))
    calls = []
    for window in allowance.windows:
        since = now - timedelta(seconds=window.seconds)
        if window.seconds <= SHORT_WINDOW:
            calls.append(bookings.in_log(since, until(since)))
        else:
            calls.append(bookings.in_hours(since, until(since))[1])
    return Spending(credits_spent, tuple(calls), aside)


def whole_hour(at: datetime) -> datetime:
    """The beginning of the hour."""
    return at.replace(minute=0, second=0, microsecond=0)
