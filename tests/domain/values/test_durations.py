"""Durations as people write them: read exactly, written as they are read, and the rest corrected."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.domain.values.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("5m", 300), ("2h", 7200), ("7d", 604_800), ("0s", 0), (" 1m ", 60)]
)
def test_a_duration_is_a_number_and_its_unit(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        *((text, "as in 30s or 5m") for text in ("", "5", "m", "-5m", "٣s", "5m\n5m")),
        ("5 m", "write 5m"),
        ("1.5h", "write 90m"),
        ("1h30m", "write 90m"),
        ("5w", "write 35d"),
        ("999999999d", "longer than 100 years"),
    ],
)
def test_what_is_no_duration_is_answered_with_an_example_or_what_was_meant(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_duration(text)


@given(st.integers(0, 10**9))
def test_a_duration_that_is_written_is_read_as_the_same(seconds: int) -> None:
    duration = timedelta(seconds=seconds)

    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(seconds=90), "90s"),
        (timedelta(minutes=90), "90m"),
        (timedelta(days=2), "2d"),
        (timedelta(milliseconds=1500), "1.5s"),
        (timedelta(microseconds=900), "0s"),
        (timedelta(minutes=-5), "-5m"),
    ],
)
def test_a_duration_is_written_in_its_largest_exact_unit(duration: timedelta, text: str) -> None:
    assert format_duration(duration) == text
