"""SVG of a line chart, without a style or a script: the page's style sheet colours it, light or dark."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal

from markupsafe import Markup

from watcher.charts.axes import scale, time_ticks
from watcher.domain.history.timeline import Gap, Point, Segment, known_values

WIDE, NARROW = (1040, 260), (360, 210)
"""One for a desk, one for a telephone: text in a picture that shrinks would be too small to read."""

TOP, RIGHT, FOOT = 10, 20, 22
"""What the plot leaves free: half a label above, half a label beside, and the row of times below."""

LETTER, DIGIT = 12, 7
"""Height of the text, and what a sign of an axis takes of the width."""
ROW = LETTER + 4
"""What a name takes of the height."""
LABEL = 5
"""Signs that the axis has room for at least, so that charts below each other have one line of time."""
MOST_MARKS = 150
SHORTEST = 4.0
"""Units of a picture that a line has at least, however short the time that it stands for."""


@dataclass(frozen=True, slots=True)
class ChartMark:
    """An event in a chart. `kind`: its class in the style sheet."""

    at: datetime
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Ruler:
    """A level across the picture. `kind`: its class in the style sheet; `name` is written at its end."""

    value: Decimal
    kind: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Plot:
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


_SVG = Markup(
    '<div class="chart {}">'
    '<svg class="plotted" viewBox="0 0 {} {}" role="img" aria-labelledby="{id}-t {id}-d">'
    '<title id="{id}-t">{}</title><desc id="{id}-d">{}</desc>'
    '<g transform="translate({} {})">{}</g></svg></div>'
)
_GAP = Markup('<rect class="gap" x="{}" y="0" width="{}" height="{}"><title>{}</title></rect>')
_VALUE = Markup('<g class="axis y"><path d="M0 {}H{}"/><text x="-6" y="{}">{}</text></g>')
_TIME = Markup('<g class="axis x"><text x="{}" y="{}">{}</text></g>')
_SERIES = Markup('<g class="series serie-{}">{}</g>')
_LINE = Markup('<path class="line" d="{}"/>')
_RULER = Markup('<g class="ruler {}"><title>{}</title><line x1="0" x2="{}" y1="{y}" y2="{y}"/>{}</g>')
_NAME = Markup('<text x="{}" y="{}">{}</text>')
_MARK = Markup(
    '<g class="mark {}"><title>{}</title><line x1="{x}" x2="{x}" y1="0" y2="{}"/>'
    '<path d="M{} 0h10l-5 8z"/></g>'
)
_STEP = Markup('<circle class="step" cx="{}" cy="{}" r="3"><title>{}: {}</title></circle>')
_SPARK = Markup(
    '<svg class="spark" viewBox="0 0 {} {}" role="img" aria-label="{}" preserveAspectRatio="none">'
    '<path d="{}"/></svg>'
)
SPARK = (120, 28)


def line_chart(plot: Plot, name: str) -> Markup:
    """The chart in both sizes; the style sheet shows one. `name` makes their ids unique on the page."""
    sizes = (("wide-chart", WIDE), ("narrow-chart", NARROW))
    return Markup("").join(_Drawing(plot, size).svg(kind, f"{name}-{size[0]}") for kind, size in sizes)


def sparkline(line: Sequence[Segment], since: datetime, until: datetime, text: str) -> Markup:
    """A line without axes, the size of a word, between its lowest and its highest value."""
    values = known_values(line)
    if not values:
        return Markup('<span class="soft">no line</span>')
    low, high = min(values), max(values)
    (width, height), span = SPARK, until - since

    def x(at: datetime) -> float:
        return (at - since) / span * width

    def y(value: Decimal | None) -> float:
        share = float((value or low) - low) / float(high - low) if high > low else 0.5
        return height - 3 - share * (height - 6)

    return _SPARK.format(width, height, text, "".join(_steps(piece, x, y) for piece in line))


class _Drawing:
    """A plot in one size. Places are counted from the upper left corner of what the axes enclose."""

    def __init__(self, plot: Plot, size: tuple[int, int]) -> None:
        self._plot, self._size = plot, size
        lines = [plot.segments, *plot.others]
        values = [value for line in lines for value in known_values(line)]
        values += [ruler.value for ruler in plot.rulers]
        self._scale = scale(min(values), max(values)) if values else scale(Decimal(0), Decimal(1))
        self._labels = self._scale.labels(plot.sign)
        self._left = DIGIT * max(LABEL, *map(len, self._labels)) + 8
        self._width, self._height = size[0] - self._left - RIGHT, size[1] - TOP - FOOT

    def svg(self, kind: str, name: str) -> Markup:
        parts = (self._gaps(), self._axes(), self._lines(), self._rulers(), self._marks(), self._steps())
        drawn = Markup("").join(each for part in parts for each in part)
        plot = self._plot
        return _SVG.format(kind, *self._size, plot.title, plot.text, self._left, TOP, drawn, id=name)

    def _x(self, at: datetime) -> float:
        return (at - self._plot.since) / (self._plot.until - self._plot.since) * self._width

    def _y(self, value: Decimal | None) -> float:
        return self._height * (1 - self._scale.position(value or Decimal(0)) / self._scale.count)

    def _gaps(self) -> Iterator[Markup]:
        for gap in self._plot.gaps:
            left, right = self._x(gap.since), self._x(gap.until)
            words = f"not read from {self._short(gap.since)} to {self._short(gap.until)}"
            yield _GAP.format(_figure(left), _figure(max(right - left, 1.0)), self._height, words)

    def _axes(self) -> Iterator[Markup]:
        plot = self._plot
        for number, label in enumerate(self._labels):
            y = self._height * (1 - number / self._scale.count)
            yield _VALUE.format(_figure(y), self._width, _figure(y + 4), label)
        for at, label in time_ticks(plot.since, plot.until, self._size[0] // 90, plot.zone):
            x = min(self._x(at), self._width + RIGHT - len(label) * DIGIT / 2)
            yield _TIME.format(_figure(x), self._height + ROW, label)

    def _lines(self) -> Iterator[Markup]:
        pieces = (_LINE.format(_steps(piece, self._x, self._y)) for piece in self._plot.segments)
        yield _SERIES.format(1, Markup("").join(pieces))
        for number, line in enumerate(self._plot.others, 2):
            dots = (f"{_figure(self._x(p.at))} {_figure(self._y(p.value))}" for piece in line for p in piece)
            yield _SERIES.format(number, _LINE.format("M" + "L".join(dots)))

    def _rulers(self) -> Iterator[Markup]:
        """Levels, each with a name at its right end, above it or below, where there is room."""
        lies = [self._y(ruler.value) for ruler in self._plot.rulers]
        written: list[float] = []
        for ruler, y in zip(self._plot.rulers, lies, strict=True):
            name = Markup("")
            crowded = y < ROW or any(0 < y - other < ROW for other in lies)
            foot = y + LETTER + 1 if crowded else y - 4
            if all(abs(foot - other) >= ROW for other in written):
                written.append(foot)
                name = _NAME.format(self._width - 2, _figure(foot), ruler.name)
            yield _RULER.format(ruler.kind, ruler.text, self._width, name, y=_figure(y))

    def _marks(self) -> Iterator[Markup]:
        for mark in self._plot.marks[:MOST_MARKS]:
            x = self._x(mark.at)
            yield _MARK.format(mark.kind, mark.text, self._height, _figure(x - 5), x=_figure(x))

    def _steps(self) -> Iterator[Markup]:
        """A dot for each change, unless they are many, and for what was read but once."""
        few = self._plot.changes if len(self._plot.changes) <= MOST_MARKS else ()
        single = [piece[0] for piece in self._plot.segments if len(piece) == 1]
        for point in (*few, *single):
            if point.value is not None:
                words = self._short(point.at), self._plot.format_value(point.value)
                yield _STEP.format(_figure(self._x(point.at)), _figure(self._y(point.value)), *words)

    def _short(self, at: datetime) -> str:
        return f"{at.astimezone(self._plot.zone):%Y-%m-%d %H:%M}"


def _steps(piece: Segment, x: Callable[[datetime], float], y: Callable[[Decimal | None], float]) -> str:
    """The path of a piece: a value holds until the next one, and what began a moment ago is seen too."""
    end, level = x(piece[-1].at), _figure(y(piece[0].value))
    path = f"M{_figure(max(min(x(piece[0].at), end - SHORTEST), 0.0))} {level}"
    for point in piece[1:]:
        if (here := _figure(y(point.value))) != level:
            path, level = f"{path}H{_figure(x(point.at))}V{here}", here
    return f"{path}H{_figure(end)}"


def _figure(value: float) -> str:
    """A tenth of a unit is enough, and half the size."""
    return f"{value:z.1f}".removesuffix(".0")
