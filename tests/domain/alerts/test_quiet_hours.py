"""Quiet hours by the clock on the wall, also in the nights in which it is put forward or back."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.domain.values.zones import changes
from watcher.domain.alerts.quiet_hours import QuietPeriod

ZURICH, NEW_YORK = ZoneInfo("Europe/Zurich"), ZoneInfo("America/New_York")


def night(
    zone: ZoneInfo = ZURICH, start: int = 22, end: int = 7, days: frozenset[int] | None = None
) -> QuietPeriod:
    quiet = QuietPeriod(time(start), time(end), zone)
    return quiet if days is None else QuietPeriod(time(start), time(end), zone, days)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("quiet", "now", "until"),
    [
        # an ordinary winter night in Zurich (UTC+1)
        (night(), "2026-01-10T20:59:59", None),
        (night(), "2026-01-10T21:00:00", "2026-01-11T06:00:00"),
        (night(), "2026-01-11T05:59:59", "2026-01-11T06:00:00"),
        (night(), "2026-01-11T06:00:00", None),
        # clocks forward on 2026-03-29, back on 2026-10-25: the window keeps to the wall
        (night(), "2026-03-28T21:00:00", "2026-03-29T05:00:00"),
        (night(), "2026-03-29T05:00:00", None),
        (night(), "2026-10-24T20:00:00", "2026-10-25T06:00:00"),
        (night(), "2026-10-25T05:30:00", "2026-10-25T06:00:00"),
        # New York: forward on 2026-03-08, back on 2026-11-01
        (night(NEW_YORK), "2026-03-08T03:00:00", "2026-03-08T11:00:00"),
        (night(NEW_YORK), "2026-11-01T02:00:00", "2026-11-01T12:00:00"),
        # an end that the wall never shows, and one that it shows twice
        (night(end=2), "2026-03-29T00:59:00", "2026-03-29T01:00:00"),
        (night(end=2), "2026-10-24T23:59:00", "2026-10-25T00:00:00"),
        (night(end=2), "2026-10-25T00:30:00", None),
        # a beginning that the wall never shows
        (QuietPeriod(time(2, 30), time(3, 15), ZURICH), "2026-03-29T00:59:00", None),
        (QuietPeriod(time(2, 30), time(3, 15), ZURICH), "2026-03-29T01:10:00", "2026-03-29T01:15:00"),
        (QuietPeriod(time(2, 30), time(3, 15), ZURICH), "2026-03-29T01:15:00", None),
        # within one day, and on some days only: Friday 2026-01-09, Saturday 2026-01-10
        (night(start=12, end=13), "2026-01-10T11:30:00", "2026-01-10T12:00:00"),
        (night(start=12, end=13), "2026-01-10T12:30:00", None),
        (night(days=frozenset({4})), "2026-01-09T23:00:00", "2026-01-10T06:00:00"),
        (night(days=frozenset({4})), "2026-01-10T05:00:00", "2026-01-10T06:00:00"),
        (night(days=frozenset({4})), "2026-01-10T23:00:00", None),
    ],
)
def test_a_window_is_by_the_clock_of_its_zone(quiet: QuietPeriod, now: str, until: str | None) -> None:
    assert quiet.until(utc(now)) == (utc(until) if until else None)


def test_the_last_end_is_the_one_before_now() -> None:
    assert night().last_end(utc("2026-01-10T12:00:00")) == utc("2026-01-10T06:00:00")
    assert night().last_end(utc("2026-01-10T03:00:00")) == utc("2026-01-09T06:00:00")
    friday = night(days=frozenset({4}))
    assert friday.last_end(utc("2026-01-16T20:00:00")) == utc("2026-01-10T06:00:00")
    assert QuietPeriod(time(1), time(2), ZURICH, frozenset()).last_end(utc("2026-01-10T12:00:00")) is None


def test_every_moment_of_a_year_is_quiet_or_not_and_every_window_ends() -> None:
    quiet, now = night(), utc("2026-01-01T00:00:00")
    muted = 0
    for _ in range(365 * 24):
        end = quiet.until(now)
        local = now.astimezone(ZURICH)
        assert (end is not None) == (local.hour >= 22 or local.hour < 7)
        if end is not None:
            muted += 1
            assert end.astimezone(ZURICH).hour == 7
            assert quiet.until(end) is None
        now += timedelta(hours=1)
    assert muted == 365 * 9  # one night is an hour shorter, another an hour longer


def test_around_every_change_of_a_clock_it_is_quiet_from_the_first_start_to_the_first_end() -> None:
    step, hour = timedelta(minutes=15), timedelta(hours=1)
    for change in changes():
        moments = [change.at + n * step for n in range(-8, 9)]
        shown = [at.astimezone(change.zone).replace(tzinfo=None) for at in moments]
        middle = (change.at + (change.before + change.after) / 2).replace(tzinfo=None)
        for start, end in ((middle - hour, middle), (middle, middle + hour), (middle - hour, middle + hour)):
            if not shown[0] <= start <= end <= shown[-1]:
                continue  # a whole day that is left out
            quiet = QuietPeriod(start.time(), end.time(), change.zone)
            begins = next(at for at, wall in zip(moments, shown, strict=True) if wall >= start)
            ends = next(at for at, wall in zip(moments, shown, strict=True) if wall >= end)
            for at in moments:
                assert (quiet.until(at) is not None) == (begins <= at < ends), f"{start} {change}"
