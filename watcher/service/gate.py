"""Gate of a source that one process alone asks."""

from __future__ import annotations

from collections.abc import Callable

from watcher.domain.alerts.source_health import Streak
from watcher.ports.clock import Clock
from watcher.ports.gate import Sleep, StreakChange


class LocalGate:
    """Spacing, pauses and sleep in memory, as `ports.gate.Gate`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.next_start = 0.0
        self.asleep: Sleep | None = None
        self._failures = 0
        self._streak: Streak | None = None

    async def turn(self, spacing: float) -> None:
        while (wait := self.next_start - self._clock.monotonic()) > 0:
            await self._clock.sleep(wait)
        self.next_start = self._clock.monotonic() + spacing

    async def look(self) -> None:
        """Nobody else asks."""

    async def pause(self, seconds: float) -> None:
        self.next_start = max(self.next_start, self._clock.monotonic() + seconds)

    async def failed(self) -> int:
        self._failures += 1
        return self._failures

    async def succeeded(self) -> None:
        self._failures = 0

    async def streak(self, grow: Callable[[Streak | None], Streak | None]) -> StreakChange:
        before, self._streak = self._streak, grow(self._streak)
        return StreakChange(before, self._streak)

    async def sleep(self, sleep: Sleep) -> None:
        self.asleep = sleep

    async def wake(self) -> None:
        self.asleep = None
