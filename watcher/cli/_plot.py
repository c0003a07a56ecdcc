"""A chart in characters: a step line in Braille dots, blank where nothing is known.

Drawn here: what libraries draw for terminals are lines from point to point, across what nobody saw.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from watcher.cli._tables import Screen, fold

if TYPE_CHECKING:
    from watcher.charts.chart import ChartLine
    from watcher.charts.plot import Corner, Frame, Plot

WIDTH, HEIGHT = 80, 10
"""Columns where there is no terminal, and rows of dots."""
NARROWEST = 10
LABEL = 14
"""Columns that a time takes with what is free beside it."""
_BLANK = 0x2800
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""The eight dots of a Braille sign: column, then row from above."""
KNOWN, UNKNOWN = "─", "░"


class _Canvas:
    """Dots on a grid of signs, two a column and four a row; (0, 0) is below on the left."""

    def __init__(self, columns: int, rows: int) -> None:
        self.across, self.up = columns * 2, rows * 4
        self._signs = [[0] * columns for _ in range(rows)]

    def line(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """A horizontal or a vertical one, both ends included."""
        for x in range(min(start[0], end[0]), max(start[0], end[0]) + 1):
            for y in range(min(start[1], end[1]), max(start[1], end[1]) + 1):
                down = self.up - 1 - y
                self._signs[down // 4][x // 2] |= _DOTS[x % 2][down % 4]

    def path(self, corners: Sequence[Corner]) -> None:
        """A line through the corners of a piece."""
        dots = [(int(x * (self.across - 1)), round(y * (self.up - 1))) for x, y in corners]
        for start, end in pairwise([dots[0], *dots]):
            self.line(start, end)

    def rows(self) -> list[str]:
        return ["".join(chr(_BLANK + sign) if sign else " " for sign in row) for row in self._signs]


def plot(found: Plot, line: ChartLine, on: Screen) -> list[str]:
    """The chart of one holding, and the same in words."""
    from watcher.charts import words
    from watcher.charts.plot import Frame

    width = on.width or WIDTH
    columns = width - NARROWEST - 2
    frame = Frame(found, 2 * max(columns, 1), max(columns // LABEL, 1))
    margin = max(len(label) for _, label in frame.values)
    columns = width - margin - 2
    said = fold("; ".join(words.shown(line, found.format_value)), on.width)
    if not line.segments or columns < NARROWEST:
        return said
    canvas = _Canvas(columns, HEIGHT)
    for piece in frame.pieces:
        canvas.path(frame.corners(piece))
    rows = [
        f"{side.rjust(margin)} ┤{on.paint(row, '36')}".rstrip()
        for side, row in zip(_sides(frame), canvas.rows(), strict=True)
    ]
    return [*rows, *_axis(frame, columns, margin), *said, *_unread(line, on)]


def _sides(frame: Frame) -> list[str]:
    """The labels of the values, each beside the row that it belongs to."""
    sides = [""] * HEIGHT
    for height, label in frame.values:
        sides[HEIGHT - 1 - min(int(height * HEIGHT), HEIGHT - 1)] = label
    return sides


def _axis(frame: Frame, columns: int, margin: int) -> list[str]:
    """The line of time, marked where nothing was read, the times below it, and both ends."""
    signs = [KNOWN] * columns
    for gap in frame.gaps:
        first, last = int(frame.x(gap.since) * columns), int(frame.x(gap.until) * columns)
        for column in range(first, min(max(last, first + 1), columns)):
            signs[column] = UNKNOWN
    ticks = ""
    for place, label in frame.times:
        column = min(int(place * columns), columns - len(label))
        if column > len(ticks) or not ticks:
            ticks = ticks.ljust(column) + label
    left, right = frame.ends()
    ends = left + right.rjust(columns - len(left)) if len(left) + len(right) < columns else ""
    lines = ["".join(signs), ticks, ends]
    return [
        " " * margin + " └" + lines[0],
        *(" " * (margin + 2) + each for each in lines[1:] if each.strip()),
    ]


def _unread(line: ChartLine, on: Screen) -> list[str]:
    from watcher.charts import words

    return fold(f"{UNKNOWN} {words.unread(line.gaps)}", on.width) if line.gaps else []
