"""SVG of a line chart, without a style or a script: the page's style sheet colours it, light or dark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from markupsafe import Markup

from watcher.charts.plot import MOST_MARKS, Corner, Frame, Plot
from watcher.domain.history.timeline import Segment

WIDE, NARROW = (1040, 260), (360, 210)
"""One for a desk, one for a telephone: text in a picture that shrinks would be too small to read."""

TOP, RIGHT, FOOT = 10, 20, 22
"""What the plot leaves free: half a label above, half a label beside, and the row of times below."""

LETTER, DIGIT = 12, 7
"""Height of the text, and what a sign of an axis takes of the width."""
ROW = LETTER + 4
"""What a name takes of the height."""
LABEL = 6
"""Signs that the axis has room for at least, so that charts below each other have one line of time."""
FINEST = 3
"""Units of the width that a line is told apart by."""
SHORTEST = 4.0
"""Units of a picture that a line has at least, however short the time that it stands for."""


_SVG = Markup(
    '<div class="chart {}">'
    '<svg class="plotted" viewBox="0 0 {} {}" role="img" aria-labelledby="{id}-t {id}-d">'
    '<title id="{id}-t">{}</title><desc id="{id}-d">{}</desc>'
    '<g transform="translate({} {})" data-width="{}" data-height="{}">{}</g></svg></div>'
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
    if not line:
        return Markup('<span class="soft">no line</span>')
    frame = Frame(Plot(since, until, line, "", text), SPARK[0], tight=True)
    width, height = SPARK
    path = "".join(_path(frame.corners(piece), width, height - 6, 3) for piece in frame.pieces)
    return _SPARK.format(width, height, text, path)


class _Drawing:
    """A plot in one size. Places are counted from the upper left corner of what the axes enclose."""

    def __init__(self, plot: Plot, size: tuple[int, int]) -> None:
        self._plot, self._size = plot, size
        self._frame = Frame(plot, size[0] // FINEST, size[0] // 90)
        self._left = DIGIT * max(LABEL, *(len(label) for _, label in self._frame.values)) + 8
        self._width, self._height = size[0] - self._left - RIGHT, size[1] - TOP - FOOT

    def svg(self, kind: str, name: str) -> Markup:
        parts = (self._gaps(), self._axes(), self._lines(), self._rulers(), self._marks(), self._steps())
        drawn = Markup("").join(each for part in parts for each in part)
        plot, place = self._plot, (self._left, TOP, self._width, self._height)
        return _SVG.format(kind, *self._size, plot.title, plot.text, *place, drawn, id=name)

    def _x(self, at: datetime) -> float:
        return self._frame.x(at) * self._width

    def _y(self, value: Decimal | None) -> float:
        return self._height * (1 - self._frame.y(value))

    def _gaps(self) -> Iterator[Markup]:
        for gap in self._frame.gaps:
            left, right = self._x(gap.since), self._x(gap.until)
            words = f"not read from {self._short(gap.since)} to {self._short(gap.until)}"
            yield _GAP.format(_figure(left), _figure(max(right - left, 1.0)), self._height, words)

    def _axes(self) -> Iterator[Markup]:
        for height, label in self._frame.values:
            y = self._height * (1 - height)
            yield _VALUE.format(_figure(y), self._width, _figure(y + 4), label)
        for place, label in self._frame.times:
            x = min(place * self._width, self._width + RIGHT - len(label) * DIGIT / 2)
            yield _TIME.format(_figure(x), self._height + ROW, label)

    def _lines(self) -> Iterator[Markup]:
        corners = map(self._frame.corners, self._frame.pieces)
        pieces = (_LINE.format(_path(each, self._width, self._height)) for each in corners)
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
        for point in self._frame.dots():
            words = self._short(point.at), self._plot.format_value(point.value or Decimal(0))
            yield _STEP.format(_figure(self._x(point.at)), _figure(self._y(point.value)), *words)

    def _short(self, at: datetime) -> str:
        return f"{at.astimezone(self._plot.zone):%Y-%m-%d %H:%M}"


def _path(corners: Sequence[Corner], width: int, height: int, top: int = 0) -> str:
    """The path of a piece; what began a moment ago is seen too."""

    def lies(share: float) -> str:
        return _figure(top + height * (1 - share))

    end, level = corners[-1][0] * width, lies(corners[0][1])
    path = f"M{_figure(max(min(corners[0][0] * width, end - SHORTEST), 0.0))} {level}"
    for share, value in corners[1:]:
        if (here := lies(value)) != level:
            path, level = f"{path}H{_figure(share * width)}V{here}", here
    return f"{path}H{_figure(end)}"


def _figure(value: float) -> str:
    """A tenth of a unit is enough, and half the size."""
    return f"{value:z.1f}".removesuffix(".0")
