"""Ticks: when they come, and how many of them are made up for."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from watcher.schedule import Cadence, Trigger

NOW = datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)
CADENCES = [Cadence(every=timedelta(seconds=1)), Cadence(every=timedelta(hours=7)), Cadence(cron="* * * * *")]


@pytest.mark.parametrize("cadence", CADENCES)
def test_a_clock_set_a_year_ahead_costs_one_tick_and_not_one_for_each_that_was_missed(
    cadence: Cadence,
) -> None:
    trigger = Trigger(cadence)
    first = due = trigger.get_next_fire_time(None, NOW)
    later, ticks = NOW + timedelta(days=365), 0

    while due <= later:  # as APScheduler lists what is due
        ticks += 1
        due = trigger.get_next_fire_time(due, later)

    assert ticks <= 2
    assert due == trigger.get_next_fire_time(None, later)
    assert first >= NOW


@pytest.mark.parametrize("cadence", CADENCES)
def test_ticks_in_time_follow_one_another_at_the_cadence(cadence: Cadence) -> None:
    trigger = Trigger(cadence)
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
    per_second = Cadence(cron=line, timezone=zone).per_second(NOW + timedelta(days=day))

    assert per_second * timedelta(days=28).total_seconds() == pytest.approx(ticks, abs=2, rel=0.1)


@pytest.mark.parametrize("start", [datetime(2026, 3, 27, tzinfo=UTC), datetime(2026, 10, 23, tzinfo=UTC)])
@pytest.mark.parametrize("line", ["30 2 * * *", "*/30 * * * *", "0 1-4 * * *"])
def test_the_daemon_ticks_when_the_plan_says_so(line: str, start: datetime) -> None:
    cadence = Cadence(cron=line, timezone="Europe/Zurich")
    trigger, until = Trigger(cadence), start + timedelta(days=5)
    planned = list(itertools.takewhile(lambda tick: tick < until, cadence.ticks(start)))

    ticks = [trigger.get_next_fire_time(None, start)]
    while ticks[-1] < until:  # as the scheduler asks: a moment after each tick
        ticks.append(trigger.get_next_fire_time(ticks[-1], ticks[-1] + timedelta(milliseconds=3)))

    assert ticks[:-1] == planned
