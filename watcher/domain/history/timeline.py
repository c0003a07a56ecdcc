"""Timeline: what was known of a holding over time, pieces with a value, and gaps where nobody looked.

History holds steps (a value holds until the next one), the poll log says when an account was read.
Where it was not read for longer than expected nothing is known: a gap, never a zero and never a line
from one side to the other.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from heapq import merge
from itertools import pairwise
from typing import NamedTuple

from watcher.domain.history.reconstruction import DaemonRun
from watcher.domain.values.decimals import ZERO, minus, plus, times

GRACE, SLACK = 1.5, timedelta(seconds=10)
"""A reading is overdue once it takes so many times what was expected, and a little: a poll takes its time."""

USUAL = 3
"""So many times the upper quartile of the distances between readings is still no gap: a cadence that
learns is slower at night than by day, and was another one last month."""

ENOUGH = 3
"""Distances between readings that say what was usual, where it is known what is expected."""


class Point(NamedTuple):
    """From here on the value is this, until the next point. None: from here on it is not known."""

    at: datetime
    value: Decimal | None


class Gap(NamedTuple):
    """Nothing was read after `since` and before `until`."""

    since: datetime
    until: datetime


Segment = tuple[Point, ...]
"""A piece without a gap; the last point says how far it reaches. Of one point if it was read but once."""


def known_values(line: Iterable[Segment]) -> list[Decimal]:
    """The values of a line, in the order of time."""
    return [point.value for piece in line for point in piece if point.value is not None]


def longest_wait(expected: timedelta | None, readings: Sequence[datetime]) -> timedelta:
    """After how long without a reading there is a gap.

    `expected`: the interval that is set or intended now; None if nobody knows. `readings` show what
    was usual.
    """
    found = (expected or timedelta(0)) * GRACE
    waits = sorted(later - at for at, later in pairwise(readings))
    if len(waits) >= ENOUGH or (waits and expected is None):
        found = max(found, waits[(len(waits) - 1) * 3 // 4] * USUAL)
    return found + SLACK


def gaps(readings: Sequence[datetime], since: datetime, until: datetime, longest: timedelta) -> list[Gap]:
    """Where nothing was read for more than `longest`, cut to `since` and `until`.

    `readings` are in the order of time; one shortly before `since` counts too. Without any the whole
    time is one gap.
    """
    found, last = [], None
    for at in readings:
        if last is None:
            if at > since:
                found.append(Gap(since, min(at, until)))
        elif at - last > longest:
            found.append(Gap(max(last, since), min(at, until)))
        last = at
    if last is None:
        found.append(Gap(since, until))
    elif until - last > longest:
        found.append(Gap(max(last, since), until))
    return [gap for gap in found if gap.since < gap.until]


def idle(runs: Sequence[DaemonRun], until: datetime) -> list[Gap]:
    """When no daemon ran, from the first run that is known; `runs` are in the order of their beginnings."""
    found: list[Gap] = []
    seen = runs[0].seen if runs else until
    for run in runs[1:]:
        if run.began > seen:
            found.append(Gap(seen, run.began))
        seen = max(seen, run.seen)
    return [*found, Gap(seen, until)] if seen < until else found


def silences(
    readings: Sequence[datetime],
    older: Iterable[Gap],
    known_from: datetime | None,
    since: datetime,
    until: datetime,
    longest: timedelta,
) -> list[Gap]:
    """The gaps of one account.

    From `known_from` on `readings` are all that there were (None: of no time is it known). Before
    that only `older` tells: times without a daemon, those in which it is kept that nothing could be read,
    and changes that lie between two readings far apart.
    """
    logged = until if known_from is None else min(max(known_from, since), until)
    before = [_cut(gap, since, logged) for gap in older if gap.until - gap.since > longest]
    found = [gap for gap in before if gap.since < gap.until]
    if known_from is not None and logged < until:
        known = [known_from, *readings] if known_from >= since else readings
        found += gaps(known, logged, until, longest)
    return merged(found)


def merged(found: Iterable[Gap]) -> list[Gap]:
    """The same time as gaps that do not overlap. Two that touch stay two: between them lies a reading."""
    result: list[Gap] = []
    for gap in sorted(found):
        if result and gap.since < result[-1].until:
            result[-1] = Gap(result[-1].since, max(result[-1].until, gap.until))
        else:
            result.append(gap)
    return result


def _cut(gap: Gap, since: datetime, until: datetime) -> Gap:
    return Gap(max(gap.since, since), min(gap.until, until))


def segments(steps: Sequence[Point], found: Sequence[Gap], since: datetime, until: datetime) -> list[Segment]:
    """The steps between `since` and `until`, cut into pieces by the gaps.

    `steps` are in the order of time; the last one before `since` says what was held then. `found` are
    in the order of time and do not overlap.
    """
    pieces: list[Segment] = []
    times_of, start = [step.at for step in steps], since
    for gap in [*found, Gap(until, until)]:
        # Of no length is what lies between two gaps: one reading. At the edges it is none.
        if gap.since > start or (gap.since == start and since < start < until):
            pieces += _pieces(steps, times_of, start, gap.since)
        start = gap.until
    return pieces


def _pieces(
    steps: Sequence[Point], times_of: Sequence[datetime], start: datetime, end: datetime
) -> list[Segment]:
    """What is known from `start` to `end`, between which there is no gap."""
    pieces: list[Segment] = []
    index = bisect_right(times_of, start)
    now = steps[index - 1].value if index else None
    piece = [Point(start, now)] if now is not None else []
    for step in steps[index : bisect_right(times_of, end)]:
        if piece and step.value is None:
            pieces.append((*piece, Point(step.at, piece[-1].value)))
            piece = []
        elif step.value is not None:
            piece.append(step)
    if piece and piece[-1].at < end:
        piece.append(Point(end, piece[-1].value))
    return [*pieces, tuple(piece)] if piece else pieces


def valued(amounts: Sequence[Point], prices: Sequence[Point]) -> list[Point]:
    """Amount times price at each step of either; not known while one of them is not."""
    amount: Decimal | None = None
    price: Decimal | None = None
    result: list[Point] = []
    marked = merge(((p.at, 0, p.value) for p in amounts), ((p.at, 1, p.value) for p in prices), key=_order)
    for at, which, value in marked:
        amount, price = (value, price) if which == 0 else (amount, value)
        worth = None if amount is None or price is None else times(amount, price)
        _put(result, Point(at, worth))
    return result


def summed(parts: Sequence[Sequence[Point]]) -> list[Point]:
    """The sum of the parts that have a value; not known before the first one has."""
    values: list[Decimal | None] = [None] * len(parts)
    result: list[Point] = []
    count, total = 0, ZERO
    streams = [[(point.at, number, point.value) for point in part] for number, part in enumerate(parts)]
    for at, number, value in merge(*streams, key=_order):
        before = values[number]
        count += (value is not None) - (before is not None)
        total = plus(minus(total, before or ZERO), value or ZERO)
        values[number] = value
        _put(result, Point(at, total if count else None))
    return result


def _order(marked: tuple[datetime, int, Decimal | None]) -> tuple[datetime, int]:
    return marked[:2]


def _put(result: list[Point], point: Point) -> None:
    """Add a point; one of the same moment replaces the one before."""
    if result and result[-1].at == point.at:
        result.pop()
    if not result or result[-1].value != point.value:
        result.append(point)


def thinned(pieces: Sequence[Segment], since: datetime, until: datetime, most: int) -> list[Segment]:
    """The same shape in about `most` points: of each stretch of time the lowest, the highest and the last.

    The first and the last point of every piece stay.
    """
    if sum(map(len, pieces)) <= most:
        return list(pieces)
    stretch = (until - since) / max(most // 3, 1)
    return [_thin(piece, since, stretch) for piece in pieces]


def _thin(piece: Segment, since: datetime, stretch: timedelta) -> Segment:
    buckets: dict[int, list[Point]] = {}
    for point in piece[1:-1]:
        buckets.setdefault((point.at - since) // stretch, []).append(point)
    kept = {piece[0], piece[-1]}
    for bucket in buckets.values():
        kept |= {min(bucket, key=_value), max(bucket, key=_value), bucket[-1]}
    return tuple(sorted(kept, key=lambda point: point.at))


def _value(point: Point) -> Decimal:
    return point.value or ZERO  # a piece has no unknown values
