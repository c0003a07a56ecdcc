"""Periods are whole days of a zone: the last one before a report is due, whatever clocks do meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.domain.values.periods import Period, days_of, month_before, next_due, period_due, times_a_day

DAILY, WEEKLY, MONTHLY = "0 7 * * *", "0 7 * * mon", "0 7 1 * *"
ZURICH = "Europe/Zurich"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def shown(period: Period, zone: str) -> str:
    first, last = days_of(period.since, period.until, zone) or ("", "")
    return f"{first} {last}"


@pytest.mark.parametrize(
    ("line", "zone", "now", "since", "until", "due", "days"),
    [
        (MONTHLY, "UTC", "2026-12-01T07:00", "2026-11-01", "2026-12-01", "2026-12-01T07:00",
         "2026-11-01 2026-11-30"),
        (MONTHLY, "UTC", "2026-12-01T06:59", "2026-10-01", "2026-11-01", "2026-11-01T07:00",
         "2026-10-01 2026-10-31"),
        (MONTHLY, ZURICH, "2026-12-24T00:00", "2026-10-31T23:00", "2026-11-30T23:00", "2026-12-01T06:00",
         "2026-11-01 2026-11-30"),
        (MONTHLY, ZURICH, "2026-04-01T05:00", "2026-02-28T23:00", "2026-03-31T22:00", "2026-04-01T05:00",
         "2026-03-01 2026-03-31"),
        (WEEKLY, ZURICH, "2026-04-01T05:00", "2026-03-22T23:00", "2026-03-29T22:00", "2026-03-30T05:00",
         "2026-03-23 2026-03-29"),
        (DAILY, ZURICH, "2026-03-30T05:00", "2026-03-28T23:00", "2026-03-29T22:00", "2026-03-30T05:00",
         "2026-03-29 2026-03-29"),
        (DAILY, ZURICH, "2026-10-26T06:00", "2026-10-24T22:00", "2026-10-25T23:00", "2026-10-26T06:00",
         "2026-10-25 2026-10-25"),
        ("30 6 15 * *", "UTC", "2026-12-01T00:00", "2026-10-15", "2026-11-15", "2026-11-15T06:30",
         "2026-10-15 2026-11-14"),
        ("0 7 29 feb *", "UTC", "2026-12-01T00:00", "2020-02-29", "2024-02-29", "2024-02-29T07:00",
         "2020-02-29 2024-02-28"),
    ],
)  # fmt: skip
def test_the_period_is_of_the_days_before_the_one_on_which_its_report_is_due(
    line: str, zone: str, now: str, since: str, until: str, due: str, days: str
) -> None:
    found = period_due(line, zone, utc(now))
    assert found == (utc(since), utc(until), utc(due))
    assert shown(found, zone) == days


def test_a_day_on_which_clocks_are_put_back_has_twenty_five_hours() -> None:
    found = period_due(DAILY, ZURICH, utc("2026-10-26T06:00"))
    assert found.until - found.since == timedelta(hours=25)


def test_a_day_that_a_zone_leaves_out_is_no_period() -> None:
    found = period_due(DAILY, "Pacific/Apia", utc("2011-12-30T20:00"))  # there it is the 31st, after the 29th
    assert shown(found, "Pacific/Apia") == "2011-12-29 2011-12-30"
    assert found.until - found.since == timedelta(days=1)


@given(
    st.sampled_from([DAILY, WEEKLY, MONTHLY, "30 23 15 * *", "0 0 1 jan,jul *"]),
    st.sampled_from(["UTC", ZURICH, "America/New_York", "Asia/Kolkata", "Pacific/Chatham"]),
    st.integers(0, 10 * 366 * 24 * 60),
)
def test_periods_follow_each_other_without_a_gap(line: str, zone: str, minutes: int) -> None:
    now = utc("2020-01-01T00:00") + timedelta(minutes=minutes)
    first = period_due(line, zone, now)
    second = period_due(line, zone, next_due(line, zone, first.due))
    assert first.due <= now < second.due
    assert first.until == second.since < second.until <= second.due
    assert days_of(first.since, first.until, zone) is not None


def test_the_month_before_is_whole_in_its_zone() -> None:
    found = month_before(utc("2026-11-30T23:30"), ZURICH)  # there it is December
    assert found == (utc("2026-10-31T23:00"), utc("2026-11-30T23:00"))


def test_what_is_not_of_whole_days_has_none() -> None:
    assert days_of(utc("2026-11-01T00:00"), utc("2026-11-02T10:30"), ZURICH) is None


def test_it_is_known_how_often_a_line_comes_in_a_day() -> None:
    assert [times_a_day(each) for each in (DAILY, "0,30 7 1 * *", "*/30 * * * *")] == [1, 2, 48]
