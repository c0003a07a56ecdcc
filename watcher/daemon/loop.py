"""Event loop of the daemon: it knows for how long it was held, and never wakes to find that out."""

from __future__ import annotations

import asyncio
import selectors
from collections import deque
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any, TypeVar

T = TypeVar("T")

LAST = 60.0
LEAST = 0.001
"""Seconds by which a loop that does its work is late at any time."""


class LagMeter(selectors.DefaultSelector):
    """What the loop sleeps in: all that it does between two sleeps, something else had to wait for."""

    def __init__(self) -> None:
        super().__init__()
        self._woke = monotonic()
        self._late: deque[tuple[float, float]] = deque()
        """When, and by how much: of the last minute, and none that a later and longer one makes needless."""

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
        if late < LEAST:
            return
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


def run_loop(work: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run` does, on such a loop."""
    with asyncio.Runner(loop_factory=DaemonLoop) as runner:
        return runner.run(work)


def lag_here() -> Callable[[], float] | None:
    """Tells by how many seconds the loop that runs here was late; None of another loop: nobody knows."""
    loop = asyncio.get_running_loop()
    return loop.lag.worst if isinstance(loop, DaemonLoop) else None
