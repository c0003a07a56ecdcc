"""Clock: the time of day, and waiting by a monotonic clock."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio


class Clock(Protocol):
    """Time of day in UTC for what is written down, monotonic time for what is waited for."""

    def now(self) -> datetime:
        """The time of day: aware, UTC, cut to the millisecond."""
        ...

    def monotonic(self) -> float:
        """Seconds that only ever grow; good for differences."""
        ...

    async def sleep(self, seconds: float) -> None: ...

    async def wait(self, event: asyncio.Event, timeout: float | None) -> bool:  # noqa: ASYNC109
        """Wait for the event, at most `timeout` seconds (None: for ever); whether it came."""
        ...
