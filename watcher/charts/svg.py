"""Lines over time as SVG, by pygal: no style and no script of its own, so that the page's style sheet
colours it, light or dark, and the content policy has nothing to refuse."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from watcher.charts.axes import Scale, moments, scale
from watcher.domain.history.timeline import Gap, Point, Segment

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

WIDE, NARROW = (1040, 260), (360, 210)
"""One for a desk, one for a telephone: text in a picture that shrinks would be too small to read."""

LETTER = 12
ROW = LETTER + 4
"""What a name takes of the height."""
MOST_MARKS = 150

_FINE = re.compile(r"(\.[0-9])[0-9]+")
_DROPPED = {"text-overlay", "tooltip-overlay", "titles", "overlay", "background"}


@dataclass(frozen=True, slots=True)
class ChartMark:
    """Something that happened at a time. `kind`: its class in the style sheet."""

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
    """What is drawn. `sign` stands before the figures of the axis. `others`: more lines,
    straight from point to point, each in a colour of its own."""

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
    say: Callable[[Decimal], str] = str
    rulers: Sequence[Ruler] = ()


def chart(plot: Plot, name: str) -> Markup:
    """Both sizes; the style sheet shows one. `name` makes their ids unique on the page."""
    sizes = (("wide-chart", WIDE), ("narrow-chart", NARROW))
    drawn = [(kind, _Drawing(plot, size, f"{name}-{size[0]}").svg()) for kind, size in sizes]
    # The library has escaped what is in it.
    return Markup("").join(Markup(f'<div class="chart {kind}">{svg}</div>') for kind, svg in drawn)  # noqa: S704 # nosec B704


SPARK = (120, 28)


def spark(line: Sequence[Segment], since: datetime, until: datetime, text: str) -> Markup:
    """A line without axes, the size of a word, between its lowest and its highest value."""
    values = [point.value for piece in line for point in piece if point.value is not None]
    if not values:
        return Markup('<span class="soft">no line</span>')
    low, high = min(values), max(values)
    (width, height), seconds = SPARK, (until - since).total_seconds()
    drawn = []
    for piece in line:
        before = ""
        for point in _seen(piece):
            x = (point.at - since).total_seconds() / seconds * width
            if not before:  # one that began a moment ago is seen too
                end = (piece[-1].at - since).total_seconds() / seconds * width
                x = max(min(x, end - SEEN), 0.0)
            share = float((point.value or low) - low) / float(high - low) if high > low else 0.5
            y = f"{height - 3 - share * (height - 6):.1f}"
            drawn.append(f"{'H' if before else 'M'}{x:.0f}{'V' if before else ' '}{y}")
            before = y
    return Markup(
        '<svg class="spark" viewBox="0 0 {} {}" role="img" aria-label="{}" preserveAspectRatio="none">'
        '<path d="{}"/></svg>'
    ).format(width, height, text, "".join(drawn))


def _seen(piece: Segment) -> Sequence[Point]:
    """A line has an end, though it begins there as well."""
    return (*piece, piece[-1]) if len(piece) == 1 else piece


SEEN = 4.0
"""Units of a picture that a line has at least, however short the time that it stands for."""


class _Drawing:
    """One picture, from the plot to its XML."""

    def __init__(self, plot: Plot, size: tuple[int, int], name: str) -> None:
        self._plot, self._size, self._name = plot, size, name
        self._span = (plot.until - plot.since).total_seconds() or 1.0
        lines = [plot.segments, *plot.others]
        values = [p.value for line in lines for piece in line for p in piece if p.value is not None]
        values += [ruler.value for ruler in plot.rulers]
        self._scale: Scale = scale(min(values), max(values)) if values else scale(Decimal(0), Decimal(1))

    def svg(self) -> str:
        pygal, width, height = load(), *self._size
        graph = pygal.XY(
            width=width, height=height, css=[], js=[], show_legend=False, show_dots=False, margin=4,
            allow_interruptions=True, disable_xml_declaration=True, spacing=6, show_x_guides=True,
            range=(0, self._scale.count), xrange=(0, self._span), classes=["plotted"],
            style=pygal.style.Style(label_font_size=LETTER, major_label_font_size=LETTER),
        )  # fmt: skip
        labels = moments(self._plot.since, self._plot.until, width // 90)
        graph.x_labels = [{"value": self._x(at), "label": label} for at, label in labels]
        ticks = self._scale.labels(self._plot.sign)
        graph.y_labels = [{"value": number, "label": label} for number, label in enumerate(ticks)]
        graph.add("", [(0, 0), (self._span, self._scale.count)], stroke=False)
        graph.add("", self._path(self._plot.segments))
        for line in self._plot.others:
            graph.add("", [(self._x(point.at), self._y(point.value)) for piece in line for point in piece])
        graph.add_xml_filter(lambda root: self._finish(root, graph))
        return str(graph.render())

    def _x(self, at: datetime) -> float:
        return (at - self._plot.since).total_seconds()

    def _y(self, value: Decimal | None) -> float:
        return self._scale.place(value or Decimal(0))

    def _path(self, line: Sequence[Segment]) -> list[tuple[float, float] | None]:
        """Steps: a value holds until the next one. None breaks the line."""
        found: list[tuple[float, float] | None] = []
        least = SEEN / self._size[0] * self._span
        for piece in line:
            before: float | None = None
            for point in _seen(piece):
                x, y = self._x(point.at), self._y(point.value)
                if before is None:
                    x = max(min(x, self._x(piece[-1].at) - least), 0.0)
                if before is not None and before != y:
                    found.append((x, before))
                found.append((x, y))
                before = y
            found.append(None)
        return found

    def _finish(self, root: Element, graph: Any) -> Element:
        """Take out what is styled or scripted in place, and put in what is marked."""
        from xml.etree.ElementTree import SubElement

        _prune(root)
        for key, value in (("role", "img"), ("aria-labelledby", f"{self._name}-t {self._name}-d")):
            root.set(key, value)
        for tag, text in (("desc", self._plot.text), ("title", self._plot.title)):
            found = SubElement(root, tag, {"id": f"{self._name}-{tag[0]}"})
            found.text = text
            root.remove(found)
            root.insert(0, found)
        root.attrib.pop("id", None)
        for path in root.iter("path"):  # a tenth of a pixel is enough, and half the size
            path.set("d", _FINE.sub(r"\1", path.get("d", "")))
        plot = next(each for each in root.iter("g") if each.get("class") == "plot")
        self._shade(plot, graph.view)
        self._rule(plot, graph.view)
        self._mark(plot, graph.view)
        return root

    def _shade(self, plot: Element, view: Any) -> None:
        from xml.etree.ElementTree import Element, SubElement

        top, bottom = view((0, self._scale.count))[1], view((0, 0))[1]
        for number, gap in enumerate(self._plot.gaps):
            left, right = view((self._x(gap.since), 0))[0], view((self._x(gap.until), 0))[0]
            shape = Element("rect", _numbers(x=left, y=top, width=max(right - left, 1), height=bottom - top))
            shape.set("class", "gap")
            SubElement(shape, "title").text = f"not read from {_short(gap.since)} to {_short(gap.until)}"
            plot.insert(number, shape)

    def _rule(self, plot: Element, view: Any) -> None:
        """Levels, each with a name at its right end, above it or below, where there is room."""
        from xml.etree.ElementTree import SubElement

        top = view((0, self._scale.count))[1]
        left, right = view((0, 0))[0], view((self._span, 0))[0]
        lies = [view((0, self._scale.place(ruler.value)))[1] for ruler in self._plot.rulers]
        written: list[float] = []
        for ruler, y in zip(self._plot.rulers, lies, strict=True):
            group = SubElement(plot, "g", {"class": f"ruler {ruler.kind}"})
            SubElement(group, "title").text = ruler.text
            SubElement(group, "line", _numbers(x1=left, x2=right, y1=y, y2=y))
            crowded = y - top < ROW or any(0 < y - other < ROW for other in lies)
            foot = y + LETTER + 1 if crowded else y - 4
            if all(abs(foot - other) >= ROW for other in written):
                written.append(foot)
                SubElement(group, "text", _numbers(x=right - 2, y=foot)).text = ruler.name

    def _mark(self, plot: Element, view: Any) -> None:
        from xml.etree.ElementTree import SubElement

        top, bottom = view((0, self._scale.count))[1], view((0, 0))[1]
        for mark in self._plot.marks[:MOST_MARKS]:
            x = view((self._x(mark.at), 0))[0]
            group = SubElement(plot, "g", {"class": f"mark {mark.kind}"})
            SubElement(group, "title").text = mark.text
            SubElement(group, "line", _numbers(x1=x, x2=x, y1=top, y2=bottom))
            SubElement(group, "path", {"d": f"M{x - 5:.1f} {top:.1f} h10 l-5 8 z"})
        single = [piece[0] for piece in self._plot.segments if len(piece) == 1]
        few = self._plot.changes if len(self._plot.changes) <= MOST_MARKS else ()
        for point in (*few, *single):
            if point.value is None:
                continue
            x, y = view((self._x(point.at), self._y(point.value)))
            dot = SubElement(plot, "circle", {**_numbers(cx=x, cy=y, r=3), "class": "step"})
            SubElement(dot, "title").text = f"{_short(point.at)}: {self._plot.say(point.value)}"


@cache
def load() -> Any:
    """The library, loaded late: it takes a while, and most processes draw nothing."""
    pygal = import_module("pygal")
    # It hooks itself into every import of the process, for the sake of maps that are not used here.
    # What importlib_metadata puts there stays: without it no library's version is found any more.
    sys.meta_path[:] = [each for each in sys.meta_path if type(each).__module__.partition(".")[0] != "pygal"]
    return pygal


def _prune(root: Element) -> None:
    for parent in list(root.iter()):
        for child in list(parent):
            style = (child.get("class") or "").split()
            if (
                not isinstance(child.tag, str)  # a comment
                or child.tag in ("defs", "title", "desc")
                or _DROPPED & set(style)
                or (child.tag == "g" and not len(child) and not child.text)
            ):
                parent.remove(child)


def _numbers(**values: float) -> dict[str, str]:
    return {key: f"{value:.1f}" for key, value in values.items()}


def _short(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
