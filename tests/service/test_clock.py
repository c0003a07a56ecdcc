"""The clock of the service floor."""

from __future__ import annotations

import asyncio
from datetime import UTC, timedelta

import pytest

from tests.fakes import FakeClock
from watcher.service.clock import Setting, SystemClock


def test_the_time_of_day_is_utc_cut_to_the_millisecond() -> None:
    now = SystemClock().now()

    assert now.tzinfo is UTC
    assert now.microsecond % 1000 == 0


async def test_a_wait_says_whether_the_event_came() -> None:
    clock, event = SystemClock(), asyncio.Event()

    assert not await clock.wait(event, 0.001)
    event.set()
    assert await clock.wait(event, None)


@pytest.mark.parametrize("days", [1, -1, 365, -365])
async def test_a_clock_that_is_set_is_noticed_once(days: int) -> None:
    clock = FakeClock()
    clock_was_set = Setting(clock)
    await clock.advance(3600)
    assert not clock_was_set()

    clock.set_back(timedelta(days=-days))

    assert clock_was_set() == pytest.approx(days * 86_400)
    assert not clock_was_set()


def test_a_correction_by_seconds_is_no_setting() -> None:
    clock = FakeClock()
    clock_was_set = Setting(clock)

    clock.set_back(timedelta(seconds=20))

    assert not clock_was_set()
