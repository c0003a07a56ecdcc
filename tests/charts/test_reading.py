"""What the pointer and the keys read of a chart: exact texts, gaps, local clocks, and its block is whole."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from watcher.charts.plot import ChartMark, Plot
from watcher.charts.reading import offsets, readable_chart, readings
from watcher.domain.history.timeline import Gap, Point
from watcher.domain.values.formatting import full

T0 = datetime(2026, 10, 24, 12, tzinfo=UTC)
ZURICH = ZoneInfo("Europe/Zurich")


def at(hours: float) -> datetime:
    return T0 + timedelta(hours=hours)


LINE = (
    Point(at(0), Decimal("1.000000000000000000000001")),
    Point(at(5), Decimal(2)),
    Point(at(10), Decimal(2)),
)
PLOT = Plot(T0, at(48), [LINE], "t", "w", [Gap(at(10), at(48))], marks=[ChartMark(at(5), "critical", "low")])


def test_a_value_is_told_with_all_its_digits_and_once() -> None:
    found: dict[str, Any] = readings(PLOT, full)
    (points,) = found["pieces"]
    assert [point[2:] for point in points] == [["1.000000000000000000000001"], ["2"], []]
    assert [point[0] for point in points] == [0, 5 * 3600, 10 * 3600]
    assert found["gaps"] == [[10 * 3600, 48 * 3600]]
    assert found["marks"] == [[5 * 3600, "low"]]


def test_the_night_in_which_clocks_change_has_two_offsets() -> None:
    found = list(offsets(T0, at(48), ZURICH))
    assert found == [(T0, 7200, "CEST"), (datetime(2026, 10, 25, 1, tzinfo=UTC), 3600, "CET")]


ZONES = ["Europe/Zurich", "America/Sao_Paulo", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"]


@given(st.integers(0, 10_000), st.integers(0, 900), st.sampled_from(ZONES))
def test_clocks_are_right_at_every_hour(day: int, days: int, name: str) -> None:
    start, zone = datetime(2000, 1, 1, 5, tzinfo=UTC) + timedelta(days=day), ZoneInfo(name)
    found = list(offsets(start, start + timedelta(days=days), zone))
    for number in range(20):
        when = start + timedelta(days=days) * number / 20
        offset = [each[1] for each in found if each[0] <= when][-1]
        assert timedelta(seconds=offset) == when.astimezone(zone).utcoffset()


def test_a_name_cannot_end_the_block_of_data() -> None:
    nasty = "</script><script>alert(1)</script><!--"
    text = str(readable_chart(PLOT, "value", lambda value: f"{value} {nasty}"))
    (block,) = re.findall(r'<script type="application/json" id="value-data">(.*?)</script>', text, re.DOTALL)
    assert "<" not in block
    assert json.loads(block)["pieces"][0][0][2].endswith(nasty)
