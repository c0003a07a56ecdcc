"""Clock of the machine, and how one notices that it was set."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from watcher.ports.clock import Clock

if TYPE_CHECKING:
    import asyncio


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        import asyncio

        await asyncio.sleep(seconds)

    async def wait(self, event: asyncio.Event, timeout: float | None) -> bool:  # noqa: ASYNC109
        import asyncio

        try:
            async with asyncio.timeout(timeout):
                await event.wait()
        except TimeoutError:
            return False
        return True


SET = 30.0
"""Seconds by which the time of day and monotonic time part before somebody must have set the clock."""


class Setting:
    """Notices that the time of day was set, or that the machine slept."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._apart = self._now_apart()

    def __call__(self) -> float:
        """Seconds by which the clock was set since this was last asked; 0 for less than `SET`."""
        apart = self._now_apart()
        by, self._apart = apart - self._apart, apart
        return by if abs(by) >= SET else 0.0

    def _now_apart(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()
