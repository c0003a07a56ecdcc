"""Seasonality: hours of the day in which everybody is busier, learnt from the same bits.

One profile for the whole watch list: a factor for each hour of a weekday and of a day at the
weekend (UTC), 1 on average over the week. Changes are spread over the hours since the last
poll in proportion to the profile (the E step of EM); a busy account counts for little more
than a quiet one, or its bursts would pass for everybody's rush hours. Polls follow the square root.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from watcher.domain.scheduler.change_rates import DAY, HOUR

HOURS = 168
WEEK = HOURS * HOUR
MONDAY = 4 * DAY
"""The first Monday of 1970."""
BINS = 48
OFTEN = 1 / (8 * HOUR)
"""Accounts changing more often count ever less: their rate is followed hour by hour anyway."""
DOUBT = 10.0
"""At least so many changes an hour has to show before it is half believed."""
CLUSTERED = 1.5
"""How much more widely than by pure chance counts of changes scatter, because they come in bursts."""
FORGET = 0.999
"""Of the evidence is kept at each refresh."""
REFRESH = 6 * HOUR


def _bin(hour: int) -> int:
    return (24 if hour >= 120 else 0) + hour % 24


class _Weekly:
    """A positive function of the hour of the week, integrated: where the clock stands on it."""

    def __init__(self, hourly: list[float]) -> None:
        mean = sum(hourly) / HOURS
        self.hourly = [x / mean for x in hourly]
        self._total = [0.0, *accumulate(x * HOUR for x in self.hourly)]

    def at(self, time: float) -> float:
        weeks, rest = divmod(time - MONDAY, WEEK)
        hour = min(int(rest // HOUR), HOURS - 1)
        return weeks * WEEK + self._total[hour] + self.hourly[hour] * (rest - HOUR * hour)

    def when(self, amount: float) -> float:
        weeks, rest = divmod(amount, WEEK)
        hour = min(max(bisect_right(self._total, rest) - 1, 0), HOURS - 1)
        return MONDAY + weeks * WEEK + HOUR * hour + (rest - self._total[hour]) / self.hourly[hour]


class Season:
    """The profile, and time measured by it."""

    def __init__(self, state: Mapping[str, Any] | None = None) -> None:
        self._seen = [float(x) for x in state["seen"]] if state else [0.0] * BINS
        self._expected = [float(x) for x in state["expected"]] if state else [0.0] * BINS
        self._noise = float(state["noise"]) if state else 0.0
        self._refreshed = float(state["refreshed"]) if state else -math.inf
        self.profile = [float(x) for x in state["profile"]] if state else [1.0] * BINS
        self._lay()

    def dump(self) -> dict[str, Any]:
        """A JSON-able value that the constructor takes."""
        return {
            "seen": self._seen,
            "expected": self._expected,
            "noise": self._noise,
            "refreshed": max(self._refreshed, 0.0),
            "profile": self.profile,
        }

    def _lay(self) -> None:
        hourly = [self.profile[_bin(hour)] for hour in range(HOURS)]
        self._busy = _Weekly(hourly)
        self._polls = _Weekly([math.sqrt(x) for x in hourly])

    def exposure(self, start: float, end: float) -> float:
        """Seconds between two times, a busy one counting for more."""
        return self._busy.at(end) - self._busy.at(start)

    def between(self, start: float, end: float) -> float:
        """Seconds between two times as polls are spread over them."""
        return self._polls.at(end) - self._polls.at(start)

    def after(self, start: float, amount: float) -> float:
        """The time at which `between` it and `start` lie `amount` seconds."""
        return self._polls.when(self._polls.at(start) + amount)

    def learn(self, start: float, end: float, rate: float, *, changed: bool) -> None:
        """An account of this rate was polled at both times, and had changed or not."""
        if end - start > 2 * DAY:
            return
        parts: list[tuple[int, float]] = []
        hour = math.floor((start - MONDAY) / HOUR)
        while start < end:
            until = min(MONDAY + (hour + 1) * HOUR, end)
            parts.append((_bin(hour % HOURS), until - start))
            start, hour = until, hour + 1
        total = sum(self.profile[k] * seconds for k, seconds in parts) or 1.0
        mean = rate * total
        weight = 1 / (1 + rate / OFTEN)
        changes = (mean / -math.expm1(-mean) if mean > 1e-9 else 1.0) * weight if changed else 0.0
        self._noise += changes * weight
        for k, seconds in parts:
            self._expected[k] += rate * weight * seconds
            self._seen[k] += changes * self.profile[k] * seconds / total

    def _doubt(self) -> float:
        """Changes that an hour has to show before it is half believed: many, if hours differ only by chance.

        Counts that differ by a relative variance of s, and scatter c times as widely as by pure chance,
        have square errors of c x expected + s x expected^2; the best prior is worth c / s changes.
        """
        ratio = sum(self._seen) / max(sum(self._expected), 1e-9)
        expected = [ratio * e for e in self._expected]
        error = sum((n - e) ** 2 for n, e in zip(self._seen, expected, strict=True))
        chance = CLUSTERED * self._noise
        if error <= chance:
            return 1e9
        return max(chance / sum(expected) * sum(e * e for e in expected) / (error - chance), DOUBT)

    def refresh(self, now: float) -> bool:
        """Work what was learnt into the profile, every few hours. True if it did."""
        if now - self._refreshed < REFRESH:
            return False
        self._refreshed = now
        doubt = self._doubt()
        raw = [(n + doubt) / (e + doubt) for n, e in zip(self._seen, self._expected, strict=True)]
        smooth = [
            0.5 * raw[k] + 0.25 * (raw[day + (k - 1) % 24] + raw[day + (k + 1) % 24])
            for day in (0, 24)
            for k in range(day, day + 24)
        ]
        mean = (5 * sum(smooth[:24]) + 2 * sum(smooth[24:])) / HOURS
        self.profile = [min(max(x / mean, 0.1), 10.0) for x in smooth]
        self._seen = [x * FORGET for x in self._seen]
        self._expected = [x * FORGET for x in self._expected]
        self._noise *= FORGET
        self._lay()
        return True
