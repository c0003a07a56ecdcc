"""A plot laid out for a picture: as fine as is seen, no extreme lost, nothing where nothing was known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from watcher.charts.plot import Frame, Plot, fitted
from watcher.domain.history.timeline import Gap, Point, Segment, known_values

T0 = datetime(2026, 3, 1, tzinfo=UTC)
LENGTH = 100_000


def at(second: float) -> datetime:
    return T0 + timedelta(seconds=second)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Segment], list[Gap]]:
    """Pieces with gaps between them, some of one reading."""
    edges = sorted(draw(st.sets(st.integers(0, LENGTH), min_size=2, max_size=120)))
    pieces: list[Segment] = []
    for first, last in zip(edges[::2], edges[1::2], strict=False):
        inside = draw(st.lists(st.integers(first, last), max_size=6))
        seconds = sorted({first, *inside, *([] if draw(st.booleans()) else [last])})
        values = draw(st.lists(st.integers(0, 10**30), min_size=len(seconds), max_size=len(seconds)))
        pieces.append(tuple(Point(at(s), Decimal(v)) for s, v in zip(seconds, values, strict=True)))
    ends = [*(each for piece in pieces for each in (piece[0].at, piece[-1].at))]
    gaps = [Gap(a, b) for a, b in zip(ends[1::2], ends[2::2], strict=False)]
    return pieces, gaps


@given(histories(), st.integers(2, 60))
def test_no_extreme_is_lost_and_no_value_is_made_up(
    history: tuple[list[Segment], list[Gap]], places: int
) -> None:
    pieces, gaps = history
    kept, _ = fitted(pieces, gaps, T0, at(LENGTH), places)
    before, after = known_values(pieces), known_values(kept)
    assert (min(after), max(after)) == (min(before), max(before))
    assert {point for piece in kept for point in piece} <= {point for piece in pieces for point in piece}


@given(histories(), st.integers(2, 60))
def test_nothing_is_drawn_where_nothing_was_known(
    history: tuple[list[Segment], list[Gap]], places: int
) -> None:
    pieces, gaps = history
    kept, left = fitted(pieces, gaps, T0, at(LENGTH), places)
    for piece in kept:
        assert not any(piece[0].at < gap.until and gap.since < piece[-1].at for gap in gaps)
        assert not any(piece[0].at < gap.until and gap.since < piece[-1].at for gap in left)
    for gap in gaps:
        assert any(each.since <= gap.since and gap.until <= each.until for each in left), "a gap was lost"


@given(st.integers(1, 4000), st.integers(10, 300))
def test_what_is_drawn_does_not_grow_with_the_history(count: int, places: int) -> None:
    step = LENGTH / count
    pieces = [
        (Point(at(n * step), Decimal(n * 7919 % 311)), Point(at(n * step + step / 3), Decimal(n % 97)))
        for n in range(count)
    ]
    gaps = [Gap(one[-1].at, two[0].at) for one, two in pairwise(pieces)]
    kept, left = fitted(pieces, gaps, T0, at(LENGTH), places)
    assert sum(map(len, kept)) <= 8 * places
    assert len(left) <= 4 * places


def test_a_line_lies_between_its_scale_s_ends_and_steps() -> None:
    piece = (Point(at(0), Decimal(5)), Point(at(50_000), Decimal(6)), Point(at(LENGTH), Decimal(6)))
    frame = Frame(Plot(T0, at(LENGTH), [piece], "t", "w"), 100, 4)
    assert frame.corners(piece) == [(0.0, frame.y(Decimal(5))), (0.5, frame.y(Decimal(5))),
                                    (0.5, frame.y(Decimal(6))), (1.0, frame.y(Decimal(6)))]  # fmt: skip
    assert frame.held(at(49_999)) == 5
    assert frame.held(at(-1)) is None
