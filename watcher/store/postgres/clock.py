"""Clock of the database: one time for all members, whatever their machines' clocks say."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watcher.store.postgres.pool import Connection


def since_boot() -> float:
    """Seconds that count while the machine sleeps, too."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def time_of_day() -> float:
    """Of the machine, as it may be set at any time."""
    return time.time()


class Timer:
    """Waits, by seconds since the boot."""

    def monotonic(self) -> float:
        return since_boot()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def wait(self, event: asyncio.Event, timeout: float | None) -> bool:  # noqa: ASYNC109
        try:
            async with asyncio.timeout(timeout):
                await event.wait()
        except TimeoutError:
            return False
        return True


class DatabaseClock(Timer):
    """The server's time of day, as far off from this machine's ticks as it was when it was last asked."""

    def __init__(
        self, ticks: Callable[[], float] = since_boot, of_machine: Callable[[], float] | None = None
    ) -> None:
        self._ticks, self._of_machine = ticks, of_machine or time_of_day
        self._offset: float | None = None
        self._last = 0.0
        self.ahead = 0.0
        """Seconds by which the machine's time of day is ahead of the server's."""

    def told(self, epoch: float, asked: float, heard: float) -> None:
        """The server said that it is `epoch`, between two ticks of this machine."""
        offset, doubt = epoch - (asked + heard) / 2, (heard - asked) / 2
        if self._offset is None or abs(offset - self._offset) > doubt:
            self._offset = offset
        self.ahead = round(self._of_machine() - (self._ticks() + self._offset), 3) + 0.0  # not -0.0

    def now(self) -> datetime:
        """UTC, cut to the millisecond. A small correction waits until time has caught up."""
        if self._offset is None:
            return datetime.fromtimestamp(self._of_machine(), UTC)
        epoch = self._ticks() + self._offset
        if 0 < self._last - epoch < 1:
            epoch = self._last
        self._last = epoch
        return datetime.fromtimestamp(int(epoch), UTC) + timedelta(milliseconds=int(epoch % 1 * 1000))

    def monotonic(self) -> float:
        return time.monotonic()


def ask_time(conn: Connection, clock: DatabaseClock) -> None:
    """Set a clock by the server's."""
    asked = since_boot()
    row = conn.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
    clock.told(row[0] if row else 0.0, asked, since_boot())
