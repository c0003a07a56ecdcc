"""Pictures of lines over time: what is drawn, what is not, and that nothing in them is styled or scripted."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from watcher.charts.axes import scale, time_ticks
from watcher.charts.plot import ChartMark, Plot, Ruler
from watcher.charts.svg import line_chart, sparkline
from watcher.domain.history.timeline import Gap, Point
from watcher.domain.records import replace

T0 = datetime(2026, 3, 1, 5, 30, tzinfo=UTC)
NASTY = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'


def at(hours: float) -> datetime:
    return T0 + timedelta(hours=hours)


def piece(*points: tuple[float, str]) -> tuple[Point, ...]:
    return tuple(Point(at(hours), Decimal(value)) for hours, value in points)


PLOT = Plot(
    T0, at(48), [piece((0, "5"), (10, "6"), (20, "6")), piece((30, "3"), (48, "3"))], "ETH in hot", "words",
    gaps=[Gap(at(20), at(30))], changes=piece((10, "6")), marks=[ChartMark(at(10), "critical", NASTY)],
)  # fmt: skip


def drawn(plot: Plot, size: int = 0) -> ElementTree.Element:
    root = ElementTree.fromstring(f"<div>{line_chart(plot, 'a')}</div>")  # noqa: S314 - it is our own
    return root[size][0]


def classed(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [each for each in root.iter() if name in (each.get("class") or "").split()]


def lines(root: ElementTree.Element) -> list[list[tuple[float, float]]]:
    """The points of each line. Its path: M moves, L goes to a point, H goes across, V up or down."""
    return [_points(each.get("d") or "") for each in classed(root, "line")]


def _points(path: str) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for letter, numbers in re.findall(r"([MLHV])([-0-9. ]+)", path):
        first, *rest = (float(each) for each in numbers.split())
        x, y = found[-1] if found else (0.0, 0.0)
        found.append({"H": (first, y), "V": (x, first)}.get(letter) or (first, rest[0]))
    return found


def test_a_gap_breaks_the_line_and_is_shaded() -> None:
    root = drawn(PLOT)
    first, second = lines(root)
    ends = first[-1][0], second[0][0]
    (shade,) = classed(root, "gap")
    assert ends[0] < ends[1]
    assert abs(float(shade.get("x") or 0) - ends[0]) < 0.2
    assert abs(float(shade.get("x") or 0) + float(shade.get("width") or 0) - ends[1]) < 0.2


def test_an_amount_is_drawn_as_steps() -> None:
    """No slope between two readings: nobody knows when in between it moved."""
    for line in lines(drawn(PLOT)):
        assert all(a[0] == b[0] or a[1] == b[1] for a, b in pairwise(line))


def test_nothing_is_styled_or_scripted_in_place_and_hostile_text_is_text() -> None:
    text = str(line_chart(replace(PLOT, title=NASTY, text=NASTY), "a"))
    assert "<style" not in text
    assert "style=" not in text
    assert "<script" not in text
    assert "<img" not in text
    assert "<!--" not in text
    root = drawn(replace(PLOT, title=NASTY))
    assert next(each.text for each in root.iter() if each.tag.endswith("title")) == NASTY


def test_the_picture_says_in_words_what_it_shows() -> None:
    root = drawn(PLOT)
    named = {each.get("id"): each.text for each in root if each.get("id")}
    assert root.get("role") == "img"
    assert [named[name] for name in (root.get("aria-labelledby") or "").split()] == ["ETH in hot", "words"]
    other = drawn(PLOT, 1)
    assert {each.get("id") for each in other if each.get("id")}.isdisjoint(named)


def test_a_time_of_which_nothing_is_known_has_axes_and_no_line() -> None:
    root = drawn(replace(PLOT, segments=[], gaps=[Gap(T0, at(48))]))
    assert lines(root) == []
    assert len(classed(root, "gap")) == 1


def test_a_level_lies_where_its_value_is_and_says_what_it_is() -> None:
    level = Ruler(Decimal(5), "critical", NASTY, "fires below 5")
    close = [replace(level, value=Decimal(each), kind="clears") for each in ("5.01", "5.02")]
    root = drawn(replace(PLOT, rulers=[level, *close]))
    first, second, _ = classed(root, "ruler")
    parts = {each.tag.rpartition("}")[2]: each for each in first}
    (curve, _) = lines(root)
    assert abs(float(parts["line"].get("y1") or 0) - curve[0][1]) < 0.2  # the curve begins at 5
    assert parts["text"].text == NASTY
    assert parts["title"].text == "fires below 5"
    assert "text" not in {each.tag.rpartition("}")[2] for each in second}, "two names over each other"


def test_one_reading_between_two_gaps_is_a_dot() -> None:
    root = drawn(replace(PLOT, segments=[piece((10, "5"))], changes=[], gaps=[]))
    assert len(classed(root, "step")) == 1


amounts = st.decimals(0, 10**30, places=9, allow_nan=False)


@given(amounts, amounts)
def test_a_scale_holds_what_is_drawn_with_round_and_different_labels(one: Decimal, other: Decimal) -> None:
    low, high = sorted((one, other))
    found = scale(low, high)
    assert 0 <= found.position(low) <= found.position(high) <= found.count
    assert 1 <= found.count <= 7
    assert found.bottom >= 0
    if high >= 2 * low:
        assert found.bottom == 0


def test_labels_are_short_and_tell_ticks_apart() -> None:
    assert scale(Decimal(0), Decimal(240_000)).labels("$") == ["$0", "$100k", "$200k", "$300k"]
    assert scale(Decimal("0.9997"), Decimal("1.0003")).labels() == [
        "0.9996", "0.9998", "1.0000", "1.0002", "1.0004",
    ]  # fmt: skip
    assert scale(Decimal(5), Decimal(5)).labels()[0] != scale(Decimal(5), Decimal(5)).labels()[-1]


def test_times_are_those_of_the_calendar() -> None:
    day = [label for _, label in time_ticks(T0, at(24), 7)]
    assert day == ["08:00", "12:00", "16:00", "20:00", "2 Mar", "04:00"]
    assert [label for _, label in time_ticks(T0, at(24 * 7), 11)] == [f"{day} Mar" for day in range(2, 9)]
    assert [label for _, label in time_ticks(T0, at(24 * 365), 11)][-3:] == ["Nov", "Jan 2027", "Mar"]
    for days in (1, 7, 30, 90, 365):
        for most in (4, 11):
            found = time_ticks(T0, at(24 * days), most)
            assert 2 <= len(found) <= most + 1


def test_what_began_a_moment_ago_is_seen() -> None:
    young = [piece((48, "5"))]
    assert sparkline(young, T0, at(48), "words").count("M116 14H120") == 1
    (line,) = lines(drawn(replace(PLOT, segments=young, gaps=[], changes=(), marks=[])))
    assert 2 <= line[-1][0] - line[0][0] <= 10
