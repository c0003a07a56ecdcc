"""Ranges: only those are offered that leave something out, and none begins before the data."""

from __future__ import annotations

from datetime import timedelta

import pytest

from watcher.charts.ranges import chosen, offered


@pytest.mark.parametrize(
    ("days", "names"),
    [
        (0.01, ["all"]),
        (1, ["all"]),
        (3, ["24h", "all"]),
        (10, ["24h", "7d", "all"]),
        (100, ["24h", "7d", "30d", "90d", "all"]),
        (1000, ["24h", "7d", "30d", "90d", "1y", "all"]),
    ],
)
def test_a_range_is_offered_where_it_leaves_something_out(days: float, names: list[str]) -> None:
    assert offered(timedelta(days=days)) == names


@pytest.mark.parametrize(
    ("asked", "days", "shown"),
    [
        (None, 1, "all"),
        (None, 8, "7d"),
        ("30d", 8, "all"),
        ("30d", 31, "30d"),
        ("all", 999, "all"),
        ("1d", 3, "24h"),
    ],
)
def test_a_range_longer_than_the_data_is_all_of_it(asked: str | None, days: int, shown: str) -> None:
    assert chosen(asked, timedelta(days=days)) == shown
