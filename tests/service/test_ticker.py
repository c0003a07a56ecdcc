"""Ticks: when they come, and how many of them are made up for."""

from __future__ import annotations

import asyncio
import itertools
import time
from datetime import UTC, datetime, timedelta

import pytest

from watcher.domain.model import Account
from watcher.service.ticker import PollTimes, PollTrigger, Ticker

NOW = datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)
CADENCES = [
    PollTimes(every=timedelta(seconds=1)),
    PollTimes(every=timedelta(hours=7)),
    PollTimes(cron="* * * * *"),
]


@pytest.mark.parametrize("cadence", CADENCES)
def test_a_clock_set_a_year_ahead_costs_one_tick_and_not_one_for_each_that_was_missed(
    cadence: PollTimes,
) -> None:
    trigger = PollTrigger(cadence)
    first = due = trigger.get_next_fire_time(None, NOW)
    later, ticks = NOW + timedelta(days=365), 0

    while due <= later:  # as APScheduler lists what is due
        ticks += 1
        due = trigger.get_next_fire_time(due, later)

    assert ticks <= 2
    assert due == trigger.get_next_fire_time(None, later)
    assert first >= NOW


@pytest.mark.parametrize("cadence", CADENCES)
def test_ticks_in_time_follow_one_another_at_the_cadence(cadence: PollTimes) -> None:
    trigger = PollTrigger(cadence)
    ticks = [trigger.get_next_fire_time(None, NOW)]
    for _ in range(5):
        ticks.append(trigger.get_next_fire_time(ticks[-1], ticks[-1] + timedelta(milliseconds=3)))

    expected = cadence.every or timedelta(minutes=1)
    assert {after - before for before, after in itertools.pairwise(ticks)} == {expected}


@pytest.mark.parametrize(
    ("line", "zone", "ticks"),
    [
        ("30 2 * * *", "Europe/Zurich", 28),
        ("*/30 * * * *", "Europe/Zurich", 28 * 48),
        ("0 * * * *", "America/New_York", 28 * 24),
        ("15 1 * * *", "Australia/Lord_Howe", 28),
        ("0 8 1 * *", "Europe/Zurich", 1),
    ],
)
@pytest.mark.parametrize("day", range(0, 366, 7))
def test_the_plan_of_a_cron_line_ends_on_every_day_of_a_year(
    line: str, zone: str, ticks: int, day: int
) -> None:
    per_second = PollTimes(cron=line, timezone=zone).per_second(NOW + timedelta(days=day))

    assert per_second * timedelta(days=28).total_seconds() == pytest.approx(ticks, abs=2, rel=0.1)


@pytest.mark.parametrize("start", [datetime(2026, 3, 27, tzinfo=UTC), datetime(2026, 10, 23, tzinfo=UTC)])
@pytest.mark.parametrize("line", ["30 2 * * *", "*/30 * * * *", "0 1-4 * * *"])
def test_the_daemon_ticks_when_the_plan_says_so(line: str, start: datetime) -> None:
    cadence = PollTimes(cron=line, timezone="Europe/Zurich")
    trigger, until = PollTrigger(cadence), start + timedelta(days=5)
    planned = list(itertools.takewhile(lambda tick: tick < until, cadence.ticks(start)))

    ticks = [trigger.get_next_fire_time(None, start)]
    while ticks[-1] < until:  # as the scheduler asks: a moment after each tick
        ticks.append(trigger.get_next_fire_time(ticks[-1], ticks[-1] + timedelta(milliseconds=3)))

    assert ticks[:-1] == planned


@pytest.mark.parametrize(
    ("asked", "due"),
    [
        (None, True),
        ("2026-02-28T07:00:02", True),  # the tick of the 1st of March at 08:00 in Zurich fell into the gap
        ("2026-03-01T06:59:59", True),
        ("2026-03-01T07:00:00", False),
        ("2026-03-01T07:00:02", False),
        ("2026-03-02T00:00:00", True),  # the clock was set back since
    ],
)
def test_a_tick_of_a_cron_line_that_nobody_heard_is_made_up_for(asked: str | None, due: bool) -> None:
    account = Account("s", "c", "0x1")
    at = {account: datetime.fromisoformat(asked).replace(tzinfo=UTC)} if asked else {}
    cadence = PollTimes(cron="0 8 * * *", timezone="Europe/Zurich")

    assert Ticker(lambda: NOW).overdue(cadence, [account], at) == ([account] if due else [])


def test_the_latest_tick_of_a_rare_line_is_found() -> None:
    assert PollTimes(cron="0 0 29 2 *").latest(NOW) == datetime(2024, 2, 29, tzinfo=UTC)
    assert PollTimes(cron="* * * * *").latest(NOW) == NOW.replace(second=0, microsecond=0)
    assert PollTimes(cron="0 12 * * *").latest(NOW) == NOW.replace(second=0, microsecond=0)


async def test_a_tick_that_has_come_is_not_lost_with_the_ticker(caplog: pytest.LogCaptureFixture) -> None:
    ticker, heard = Ticker(lambda: datetime.now(UTC)), list[object]()
    ticker.add(PollTimes(every=timedelta(seconds=1)), [Account("s", "c", "0x1")], heard.extend)
    ticker.start()
    await asyncio.sleep(0)
    time.sleep(1)  # noqa: ASYNC251 (a busy loop: the tick is due once it turns again)
    ticker.stop()  # which takes effect when the loop turns, as the tick does
    ticker._scheduler._process_jobs()
    await asyncio.sleep(0.01)

    assert heard == [Account("s", "c", "0x1")]
    assert caplog.text == ""
