"""Limits on calls in a rolling window (TEOS docs)."""

from __future__ import annotations

from collections import deque


class Bucket:
    """A rolling window of calls. Calls made while blocked count too and lengthen the block (TEOS docs)."""

    def __init__(self, limit: int, period: int) -> None:
        self.limit = limit
        self.period = period
        self.name = "1m" if period == 60 else "1d"
        self._calls: deque[float] = deque(maxlen=limit)

    def take(self, now: float) -> bool:
        blocked = self.blocked_for(now) > 0
        self._calls.append(now)
        return not blocked

    def blocked_for(self, now: float) -> float:
        """Seconds until a call would pass."""
        if len(self._calls) < self.limit:
            return 0
        return max(0.0, self._calls[0] + self.period - now)

    def state(self, now: float) -> tuple[int, float]:
        """Calls left, and when the window is next relieved."""
        while self._calls and self._calls[0] <= now - self.period:
            self._calls.popleft()
        first = self._calls[0] if self._calls else now
        return self.limit - len(self._calls), first + self.period
