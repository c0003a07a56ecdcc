"""The ticks of a cron line around every change of every clock, held against a clock that is watched."""

from __future__ import annotations

import itertools
import time as stopwatch
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from tests.domain.values.zones import Change, changes
from watcher.domain.values.cron import read_cron

AROUND = timedelta(hours=30)
STEP = timedelta(minutes=5)
STEPS = ("*/30 * * * *", "*/15 0-3 * * *", "20 */2 * * *", "*/5 23 * * *")


@cache
def watched(change: Change) -> list[tuple[datetime, datetime]]:
    """What the clock shows every five minutes around its change, by looking at it."""
    count = 2 * AROUND // STEP
    start = change.at - AROUND
    start -= timedelta(minutes=start.minute % 5, seconds=start.second)
    moments = (start + n * STEP for n in range(count))
    return [(at, at.astimezone(change.zone).replace(tzinfo=None)) for at in moments]


def ticks(line: str, zone: ZoneInfo, since: datetime, until: datetime) -> list[datetime]:
    return list(itertools.takewhile(lambda at: at < until, read_cron(line).ticks(zone, since)))


def named(change: Change) -> Iterator[time]:
    """Times of day before, at, within and after the change, to five minutes."""
    shown = {
        change.at + change.before,
        change.at + change.after,
        change.at + change.before / 2 + change.after / 2,
    }
    for wall in shown:
        for off in (-5, 0, 5):
            at = wall.replace(tzinfo=None) + timedelta(minutes=off)
            yield at.replace(minute=at.minute // 5 * 5, second=0).time()


def test_steps_tick_whenever_the_clock_shows_them() -> None:
    for change in changes():
        seen = watched(change)
        for line in STEPS:
            chosen = set(read_cron(line).times)
            expected = [at for at, wall in seen if wall.time() in chosen]
            found = ticks(line, change.zone, seen[0][0], seen[-1][0] + STEP)
            assert found == expected, f"{line} {change}"


def test_a_time_of_day_ticks_once_on_every_day() -> None:
    for change in changes():
        seen = watched(change)
        first: dict[datetime, datetime] = {}
        for at, wall in seen:
            first.setdefault(wall, at)
        days = sorted({wall.date() for _, wall in seen})[1:-1]
        for chosen in named(change):
            # Right after the gap where it never shows: that is when the clock has changed.
            expected = {first.get(datetime.combine(day, chosen), change.at) for day in days}
            since = min(expected)
            found = ticks(f"{chosen.minute} {chosen.hour} * * *", change.zone, since, max(expected) + STEP)
            assert found == sorted(expected), f"{chosen} {change}"
            assert len(found) == len(days)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("0 12 * * *", ["2011-12-29T22:00", "2011-12-30T22:00"]),
        ("0 */12 * * *", ["2011-12-29T10:00", "2011-12-29T22:00", "2011-12-30T10:00", "2011-12-30T22:00"]),
        ("0 12 30 12 *", ["2012-12-29T22:00"]),
    ],
)
def test_a_day_that_a_zone_leaves_out_has_no_tick(line: str, expected: list[str]) -> None:
    apia = ZoneInfo("Pacific/Apia")  # from the 29th straight to the 31st of December 2011
    found = itertools.islice(
        read_cron(line).ticks(apia, datetime(2011, 12, 29, 10, tzinfo=UTC)), len(expected)
    )

    assert [f"{at:%Y-%m-%dT%H:%M}" for at in found] == expected


def test_times_that_fall_into_one_gap_are_one_tick() -> None:
    zurich = ZoneInfo("Europe/Zurich")
    found = ticks(
        "0,30 2,3 * * *", zurich, datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 3, 30, tzinfo=UTC)
    )

    assert [at.time() for at in found] == [time(1), time(1, 30)]


def test_a_rare_line_is_found_soon() -> None:
    began = stopwatch.perf_counter()
    found = next(read_cron("0 0 29 2 *").ticks(ZoneInfo("Europe/Zurich"), datetime(2097, 1, 1, tzinfo=UTC)))

    assert found.astimezone(ZoneInfo("Europe/Zurich")).date() == date(2104, 2, 29)
    assert stopwatch.perf_counter() - began < 2
