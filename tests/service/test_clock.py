"""The clock of the service floor."""

from __future__ import annotations

import asyncio
from datetime import UTC

from watcher.service.clock import SystemClock


def test_the_time_of_day_is_utc_cut_to_the_millisecond() -> None:
    now = SystemClock().now()

    assert now.tzinfo is UTC
    assert now.microsecond % 1000 == 0


async def test_a_wait_says_whether_the_event_came() -> None:
    clock, event = SystemClock(), asyncio.Event()

    assert not await clock.wait(event, 0.001)
    event.set()
    assert await clock.wait(event, None)
