"""Plot: what a chart shows, and where all of it lies. The page, messages and the terminal paint the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal

from watcher.charts.axes import Scale, scale, time_ticks
from watcher.domain.history.timeline import Gap, Point, Segment, known_values, thinned
from watcher.domain.records import Record
from watcher.domain.values.decimals import minus
from watcher.domain.values.local_time import zone_name

Corner = tuple[float, float]
"""Shares of the width, from the left, and of the height, from below."""

MOST_MARKS = 150
MOMENT = "moment"
"""The kind of the mark that a message is about."""
CLEARS = "clears"
"""The kind of the level beyond which a rule resolves."""


class ChartMark(Record, frozen=True):
    """An event in a chart. `kind`: its class in the style sheet."""

    at: datetime
    kind: str
    text: str


class Ruler(Record, frozen=True):
    """A level across the picture. `kind`: its class in the style sheet; `name` is written at its end."""

    value: Decimal
    kind: str
    name: str
    text: str


class Plot(Record, frozen=True):
    """What a line chart shows. `sign` stands before the figures of the axis. `others`: more lines,
    straight from point to point, each in a colour of its own. `zone`: whose times are written."""

    since: datetime
    until: datetime
    segments: Sequence[Segment]
    title: str
    text: str
    """What it shows, in words, for those who do not see it."""
    gaps: Sequence[Gap] = ()
    changes: Sequence[Point] = ()
    marks: Sequence[ChartMark] = ()
    others: Sequence[Sequence[Segment]] = ()
    sign: str = ""
    format_value: Callable[[Decimal], str] = str
    rulers: Sequence[Ruler] = ()
    zone: tzinfo = UTC


class Frame:
    """A plot laid out for a picture: its scales and their labels, and a line as fine as is seen there."""

    def __init__(self, plot: Plot, places: int, times: int = 1, *, tight: bool = False) -> None:
        """`places`: stretches of time that the picture can tell apart. `times`: labels that have room below
        it. `tight`: from the lowest to the highest value, where no label stands beside."""
        self.plot = plot
        self.pieces, self.gaps = fitted(plot.segments, plot.gaps, plot.since, plot.until, places)
        lines = [plot.segments, *plot.others]
        values = [value for line in lines for value in known_values(line)]
        values += [ruler.value for ruler in plot.rulers]
        low, high = (min(values), max(values)) if values else (Decimal(0), Decimal(1))
        self.scale = _tight(low, high) if tight else scale(low, high)
        count = self.scale.count
        self.values = [(n / count, label) for n, label in enumerate(self.scale.labels(plot.sign))]
        """The labels beside it, from below, each with its height."""
        ticks = time_ticks(plot.since, plot.until, times, plot.zone)
        self.times = [(self.x(at), label) for at, label in ticks]
        """Those below it, each with its place."""

    def x(self, at: datetime) -> float:
        return min(max((at - self.plot.since) / (self.plot.until - self.plot.since), 0.0), 1.0)

    def y(self, value: Decimal | None) -> float:
        return self.scale.position(value or Decimal(0)) / self.scale.count

    def corners(self, piece: Segment) -> list[Corner]:
        """A piece as it is drawn: each value holds until the next point, where the line goes up or down."""
        found: list[Corner] = []
        for point in piece:
            here = self.x(point.at), self.y(point.value)
            if found and found[-1][1] != here[1]:
                found.append((here[0], found[-1][1]))
            found.append(here)
        return found

    def dots(self) -> Iterator[Point]:
        """Each change, unless they are many, and what was read but once."""
        few = self.plot.changes if len(self.plot.changes) <= MOST_MARKS else ()
        single = [piece[0] for piece in self.pieces if len(piece) == 1]
        return (point for point in (*few, *single) if point.value is not None)

    def held(self, at: datetime) -> Decimal | None:
        """The value at a time, or the last before it that is known."""
        before = [point.value for piece in self.pieces for point in piece if point.at <= at]
        return before[-1] if before else None

    def ends(self) -> tuple[str, str]:
        """What stands at both ends of the line of time; the zone, once if it has the same name at both."""
        since, until = (at.astimezone(self.plot.zone) for at in (self.plot.since, self.plot.until))
        first = f"{since:%d %b %H:%M}" if until - since > timedelta(days=1) else f"{since:%H:%M:%S}"
        name, last = zone_name(since), zone_name(until)
        return f"{first} {name}" if name != last else first, f"{until:%Y-%m-%d %H:%M:%S} {last}"


def _tight(low: Decimal, high: Decimal) -> Scale:
    """All of the height for what moves; what does not is a line in the middle."""
    return Scale(low, minus(high, low), 1) if high > low else Scale(minus(low, Decimal(1)), Decimal(1), 2)


def fitted(
    pieces: Sequence[Segment], gaps: Sequence[Gap], since: datetime, until: datetime, places: int
) -> tuple[list[Segment], list[Gap]]:
    """The same line in a picture that tells so many stretches of time apart: no extreme is lost, and nothing
    is there where nothing was known.

    A piece within one stretch is left out if others there are higher and lower; the gaps around it are one.
    """
    kept = thinned(pieces, since, until, 3 * places)
    if len(kept) > places:
        kept = _extremes(kept, since, (until - since) / places)
    if len(gaps) <= places:
        return kept, list(gaps)
    return kept, _between(kept, gaps)


def _extremes(pieces: Sequence[Segment], since: datetime, stretch: timedelta) -> list[Segment]:
    """Pieces that reach into more than one stretch; of those in one, that with the lowest and the highest."""
    small: dict[int, list[int]] = {}
    kept: set[int] = set()
    for number, piece in enumerate(pieces):
        first, last = ((point.at - since) // stretch for point in (piece[0], piece[-1]))
        if first == last:
            small.setdefault(first, []).append(number)
        else:
            kept.add(number)
    for numbers in small.values():
        kept.add(min(numbers, key=lambda number: min(known_values([pieces[number]]))))
        kept.add(max(numbers, key=lambda number: max(known_values([pieces[number]]))))
    return [pieces[number] for number in sorted(kept)]


def _between(pieces: Sequence[Segment], gaps: Sequence[Gap]) -> list[Gap]:
    """The gaps, those as one between which no piece is left."""
    found: list[Gap] = []
    number = 0
    for gap in gaps:
        before = number
        while number < len(pieces) and pieces[number][-1].at <= gap.since:
            number += 1
        if found and number == before:
            found[-1] = Gap(found[-1].since, gap.until)
        else:
            found.append(gap)
    return found
