"""Gate: when requests to one source may start. One gate for all who ask with the same key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple, Protocol

from watcher.domain.alerts.source_health import Streak
from watcher.domain.records import Record


class Sleep(Record, frozen=True):
    """Until when requests of `cost` or more are not worth trying, and why."""

    until: datetime
    because: str
    cost: int = 0


class StreakChange(NamedTuple):
    """A streak before and after a request."""

    before: Streak | None
    after: Streak | None


class Gate(Protocol):
    """Spacing, pauses and sleep of one source. What others of the same key do is seen with each `turn`.

    StoreError where the gate is kept in a store that does not answer.
    """

    @property
    def next_start(self) -> float:
        """When the next request may start, in monotonic seconds, as far as known here."""
        ...

    @property
    def asleep(self) -> Sleep | None:
        """Until when the source sleeps, as far as known here."""
        ...

    async def turn(self, spacing: float) -> None:
        """Wait for a start of one's own: `spacing` seconds after the last one, and after any pause."""
        ...

    async def look(self) -> None:
        """See what others did meanwhile, if that was not seen a moment ago."""
        ...

    async def pause(self, seconds: float) -> None:
        """Let no request start for so long."""
        ...

    async def failed(self) -> int:
        """Note one more failure in a row; how many there are now."""
        ...

    async def succeeded(self) -> None:
        """Forget the failures."""
        ...

    async def streak(self, grow: Callable[[Streak | None], Streak | None]) -> StreakChange:
        """Change what is known of the failures in a row that say something of the source; `grow` is pure."""
        ...

    async def sleep(self, sleep: Sleep) -> None:
        """Let the source sleep."""
        ...

    async def wake(self) -> None:
        """End the sleep."""
        ...
