"""Ticks: when they come, and how many of them are made up for."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from watcher.schedule import Cadence

NOW = datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)
CADENCES = [Cadence(every=timedelta(seconds=1)), Cadence(every=timedelta(hours=7)), Cadence(cron="* * * * *")]


@pytest.mark.parametrize("cadence", CADENCES)
def test_a_clock_set_a_year_ahead_costs_one_tick_and_not_one_for_each_that_was_missed(
    cadence: Cadence,
) -> None:
    trigger = cadence.trigger(0.0, NOW)
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
    trigger = cadence.trigger(0.0, NOW)
    ticks = [trigger.get_next_fire_time(None, NOW)]
    for _ in range(5):
        ticks.append(trigger.get_next_fire_time(ticks[-1], ticks[-1] + timedelta(milliseconds=3)))

    expected = cadence.every or timedelta(minutes=1)
    assert {after - before for before, after in itertools.pairwise(ticks)} == {expected}
