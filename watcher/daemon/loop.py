"""Event loop of the daemon: it knows by how much it was late, and never wakes to find that out."""

from __future__ import annotations

import asyncio
import selectors
from collections import deque
from time import monotonic

LAST = 60.0


class LagMeter(selectors.DefaultSelector):
    """What the loop sleeps in: for all that it does between two sleeps, something else has to wait."""

    def __init__(self) -> None:
        super().__init__()
        self._woke = monotonic()
        self._late: deque[tuple[float, float]] = deque()
        """When, and by how much, in the last minute; none that a later and longer one makes needless."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        began = monotonic()
        self._note(began, began - self._woke)
        found = super().select(timeout)
        self._woke = monotonic()
        if not found and timeout:  # the machine was too busy to wake it in time
            self._note(self._woke, self._woke - began - timeout)
        return found

    def worst(self) -> float:
        """Seconds by which the loop was late at most, in the last minute; from any thread."""
        since = monotonic() - LAST
        return max((late for at, late in list(self._late) if at >= since), default=0.0)

    def _note(self, at: float, late: float) -> None:
        known = self._late
        while known and known[-1][1] <= late:
            known.pop()
        while known and known[0][0] < at - LAST:
            known.popleft()
        known.append((at, late))


class DaemonLoop(asyncio.SelectorEventLoop):
    """The usual loop, over a `LagMeter`."""

    def __init__(self) -> None:
        self.lag = LagMeter()
        super().__init__(self.lag)
