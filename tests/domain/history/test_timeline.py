"""A holding over time: what is known, and the gaps where nobody looked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from watcher.domain.history.reconstruction import DaemonRun
from watcher.domain.history.timeline import (
    Gap,
    Point,
    gaps,
    idle,
    longest_wait,
    merged,
    segments,
    silences,
    summed,
    thinned,
    valued,
)

T0 = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def at(hours: float) -> datetime:
    return T0 + HOUR * hours


def steps(*found: tuple[float, str | None]) -> list[Point]:
    return [Point(at(hours), None if value is None else Decimal(value)) for hours, value in found]


def shown(pieces: list[tuple[Point, ...]]) -> list[list[tuple[float, str]]]:
    return [[((point.at - T0) / HOUR, str(point.value)) for point in piece] for piece in pieces]


def hourly(*spans: tuple[int, int]) -> list[datetime]:
    return [at(hour) for first, last in spans for hour in range(first, last + 1)]


def test_readings_as_expected_leave_no_gap() -> None:
    assert gaps(hourly((-1, 10)), T0, at(10), HOUR * 1.5) == []
    assert gaps(hourly((-1, 10)), T0, at(11.4), HOUR * 1.5) == []


def test_an_outage_in_the_middle_is_a_gap_between_the_readings_around_it() -> None:
    assert gaps(hourly((-1, 3), (7, 10)), T0, at(10), HOUR * 1.5) == [Gap(at(3), at(7))]


def test_an_outage_at_the_start_is_cut_to_the_range() -> None:
    assert gaps(hourly((-5, -4), (2, 10)), T0, at(10), HOUR * 1.5) == [Gap(T0, at(2))]
    assert gaps(hourly((1, 10)), T0, at(10), HOUR * 1.5) == [Gap(T0, at(1))]


def test_an_outage_that_goes_on_reaches_to_the_end() -> None:
    assert gaps(hourly((-1, 4)), T0, at(10), HOUR * 1.5) == [Gap(at(4), at(10))]


def test_without_any_reading_all_of_it_is_a_gap() -> None:
    assert gaps([], T0, at(10), HOUR) == [Gap(T0, at(10))]
    assert segments(steps((-5, "1")), [Gap(T0, at(10))], T0, at(10)) == []


def test_a_reading_after_the_range_ends_its_gap_at_the_range() -> None:
    assert gaps([at(-1), at(20)], T0, at(10), HOUR * 2) == [Gap(T0, at(10))]


def test_the_line_ends_at_the_last_reading_and_begins_anew_with_what_was_read_then() -> None:
    """The change lies somewhere in the outage: no line joins its two sides."""
    history = steps((-2, "5"), (7, "3"))
    pieces = segments(history, [Gap(at(3), at(7))], T0, at(10))
    assert shown(pieces) == [[(0, "5"), (3, "5")], [(7, "3"), (10, "3")]]


def test_an_amount_that_did_not_change_has_its_gap_too() -> None:
    pieces = segments(steps((-2, "5")), [Gap(at(3), at(7))], T0, at(10))
    assert shown(pieces) == [[(0, "5"), (3, "5")], [(7, "5"), (10, "5")]]


def test_the_last_reading_before_an_outage_may_bring_a_change() -> None:
    pieces = segments(steps((-2, "5"), (3, "4")), [Gap(at(3), at(7))], T0, at(10))
    assert shown(pieces)[0] == [(0, "5"), (3, "4")]


def test_a_single_reading_between_two_outages_is_a_point() -> None:
    found = gaps([at(-1), at(4), at(10)], T0, at(10), HOUR)
    assert found == [Gap(T0, at(4)), Gap(at(4), at(10))]
    pieces = segments(steps((-2, "5"), (4, "6")), found, T0, at(10))
    assert shown(pieces) == [[(4, "6")]]


def test_before_the_first_reading_there_is_no_value_and_no_zero() -> None:
    assert shown(segments(steps((4, "5")), [], T0, at(10))) == [[(4, "5"), (10, "5")]]
    assert segments(steps((20, "5")), [], T0, at(10)) == []


def test_what_is_unknown_ends_a_piece() -> None:
    pieces = segments(steps((-1, "5"), (2, None), (6, "7")), [], T0, at(10))
    assert shown(pieces) == [[(0, "5"), (2, "5")], [(6, "7"), (10, "7")]]


def test_where_the_poll_log_does_not_reach_times_without_a_daemon_are_gaps() -> None:
    runs = [DaemonRun(at(-50), at(-30)), DaemonRun(at(-20), at(4)), DaemonRun(at(4.1), at(10))]
    assert idle(runs, at(10)) == [Gap(at(-30), at(-20)), Gap(at(4), at(4.1))]
    found = silences(hourly((1, 10)), idle(runs, at(10)), T0, at(-40), at(10), HOUR * 1.5)
    assert found == [Gap(at(-30), at(-20))]


def test_where_the_poll_log_reaches_only_readings_count() -> None:
    """A poll by hand while no daemon runs is a reading; a daemon that runs and misses is none."""
    runs = [DaemonRun(at(-50), at(2)), DaemonRun(at(6), at(10))]
    found = silences(hourly((1, 10)), idle(runs, at(10)), T0, T0, at(10), HOUR * 1.5)
    assert found == []
    found = silences(hourly((1, 2)), [], at(-30), T0, at(10), HOUR * 1.5)
    assert found == [Gap(T0, at(1)), Gap(at(2), at(10))]


def test_the_beginning_of_the_poll_log_is_no_outage() -> None:
    assert silences(hourly((1, 10)), [], at(0.5), T0, at(10), HOUR * 1.5) == []


def test_a_store_without_a_poll_log_has_the_gaps_of_its_changes() -> None:
    assert silences([], [Gap(at(2), at(5)), Gap(at(6), at(7))], None, T0, at(10), HOUR * 2) == [
        Gap(at(2), at(5))
    ]


def test_while_no_daemon_runs_now_time_goes_on() -> None:
    assert idle([DaemonRun(at(0), at(3))], at(10)) == [Gap(at(3), at(10))]
    assert idle([], at(10)) == []
    assert idle([DaemonRun(at(0), at(9)), DaemonRun(at(1), at(2))], at(9)) == []


def test_gaps_that_overlap_are_one_and_those_that_touch_are_two() -> None:
    assert merged([Gap(at(2), at(5)), Gap(at(1), at(3)), Gap(at(5), at(6))]) == [
        Gap(at(1), at(5)),
        Gap(at(5), at(6)),
    ]


def test_a_wait_that_is_usual_is_no_gap_whatever_the_cadence_is_now() -> None:
    fast = timedelta(minutes=1)
    assert longest_wait(fast, []) == timedelta(seconds=100)
    assert longest_wait(fast, hourly((0, 8))) == HOUR * 3 + timedelta(seconds=10)
    assert longest_wait(fast, [at(0), at(40)]) == timedelta(seconds=100)
    assert longest_wait(None, [at(0), at(1)]) == HOUR * 3 + timedelta(seconds=10)
    assert longest_wait(fast, [*hourly((0, 8)), at(40)]) == HOUR * 3 + timedelta(seconds=10)


def test_value_steps_with_amount_and_price_and_is_unknown_without_one() -> None:
    worth = valued(steps((0, "2"), (4, "3")), steps((1, "10"), (4, "20"), (6, None)))
    assert [((p.at - T0) / HOUR, p.value) for p in worth] == [(0, None), (1, 20), (4, 60), (6, None)]


def test_a_sum_begins_with_the_first_part_that_is_known() -> None:
    found = summed([steps((1, "1"), (3, "2")), steps((2, "0.1"), (3, "0.2"), (5, None)), steps((0, None))])
    assert [((p.at - T0) / HOUR, str(p.value)) for p in found] == [
        (0, "None"), (1, "1"), (2, "1.1"), (3, "2.2"), (5, "2.0"),
    ]  # fmt: skip


values = st.lists(st.integers(0, 10**30), min_size=1, max_size=400)


@given(values, st.integers(3, 60))
def test_thinning_keeps_the_lowest_the_highest_the_first_and_the_last(numbers: list[int], most: int) -> None:
    piece = tuple(Point(at(hour), Decimal(number)) for hour, number in enumerate(numbers))
    (thin,) = thinned([piece], T0, at(len(numbers)), most)
    assert thin[0] == piece[0]
    assert thin[-1] == piece[-1]
    assert min(p.value for p in thin if p.value is not None) == min(numbers)
    assert max(p.value for p in thin if p.value is not None) == max(numbers)
    assert set(thin) <= set(piece)
    assert len(thin) <= max(most + 5, 5) or len(thin) <= len(piece) <= most
    assert [p.at for p in thin] == sorted(p.at for p in thin)


moments = st.lists(st.integers(-30, 130).map(lambda m: T0 + timedelta(minutes=m)), max_size=40).map(sorted)


@given(moments, st.integers(1, 60))
def test_every_moment_is_either_in_a_gap_or_shortly_after_a_reading(
    readings: list[datetime], minutes: int
) -> None:
    longest, until = timedelta(minutes=minutes), T0 + timedelta(minutes=100)
    found = gaps(readings, T0, until, longest)
    for minute in range(101):
        moment = T0 + timedelta(minutes=minute, seconds=0.5)
        inside = any(gap.since < moment < gap.until for gap in found)
        before = max((r for r in readings if r <= moment), default=None)
        following = min((r for r in readings if r > moment), default=until)
        if moment < until:
            assert inside == (before is None or following - before > longest), minute
