"""Series of readings in short."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from watcher.analysis.ruletest.series import parse_series
from watcher.domain.values.formatting import plain

STEP = timedelta(minutes=5)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("1.5", [(0, "1.5")]),
        ("1.5 0.4x3", [(0, "1.5"), (5, "0.4"), (10, "0.4"), (15, "0.4")]),
        ("10-0.5x3 1", [(0, "10"), (5, "9.5"), (10, "9"), (15, "1")]),
        ("1+1x2", [(0, "1"), (5, "2")]),
        ("1 @1m 2 3 @2h 4", [(0, "1"), (1, "2"), (2, "3"), (122, "4")]),
        ("@20s 1 2", [(0, "1"), (1 / 3, "2")]),
        ("_x2 - ? ! .", [(0, "_"), (5, "_"), (10, "-"), (15, "?"), (20, "!"), (25, ".")]),
        ("10_000 1e3", [(0, "10000"), (5, "1000")]),
    ],
)  # fmt: skip
def test_each_word_is_a_step(text: str, meant: list[tuple[float, str]]) -> None:
    items = parse_series(text, STEP)

    shown = [plain(item.value) if isinstance(item.value, Decimal) else str(item.value) for item in items]
    assert [item.after.total_seconds() / 60 for item in items] == [after for after, _ in meant]
    assert shown == [value for _, value in meant]


def test_no_digit_is_lost_on_the_way_down() -> None:
    items = parse_series("1000000000000000000000000000000-0.000000000000000000000000000001x2", STEP)

    assert items[1].value == Decimal("999999999999999999999999999999.999999999999999999999999999999")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 0,5", "'0,5' is no reading"),
        ("-1", "'-1' is no reading"),
        ("NaN", "'NaN' is no reading"),
        ("1x0", "'1x0' has a count"),
        ("1x9999999", "is no reading"),
        ("10-1", "does not say how often"),
        ("1-0.5x4", "falls below zero"),
        ("1 @5 2", "is not a duration"),
        ("@0s 1", "is no step"),
        ("", "is empty"),
        ("@5m", "is empty"),
        ("1x100000 1x100000", "more than 100,000"),
    ],
)
def test_a_word_that_means_nothing_is_named(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_series(text, STEP)
