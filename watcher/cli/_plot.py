"""A chart in characters: a step line in Braille dots, blank where nothing is known.

Drawn here: what libraries draw for terminals are lines from point to point, across what nobody saw.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from watcher.cli._tables import Screen, fold
from watcher.domain.history.timeline import Gap, Segment, known_values

WIDTH, HEIGHT = 80, 10
"""Columns where there is no terminal, and rows of dots."""
NARROWEST = 10
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

    def rows(self) -> list[str]:
        return ["".join(chr(_BLANK + sign) if sign else " " for sign in row) for row in self._signs]


def plot(
    pieces: Sequence[Segment],
    gaps: Sequence[Gap],
    since: datetime,
    until: datetime,
    on: Screen,
    shown: Callable[[Decimal], str],
) -> list[str]:
    """The chart of one holding. `shown` writes a value on the axis: the lowest and the highest one."""
    values = known_values(pieces)
    if not values:
        return fold("nothing is known of that time", on.width)
    low, high = min(values), max(values)
    labels = [shown(high), shown(low)]
    margin = max(map(len, labels))
    width = on.width or WIDTH
    if width - margin - 2 < NARROWEST:
        return fold(f"{labels[0]} at most, {labels[1]} at least; no room for a chart", on.width)
    columns = width - margin - 2
    canvas = _Canvas(columns, HEIGHT)
    for piece in pieces:
        _draw(canvas, piece, _Scale(since, until, low, high, canvas))
    sides = [labels[0], *[""] * (HEIGHT - 2), labels[1]] if low != high else _middle(labels[0])
    rows = [
        f"{side.rjust(margin)} ┤{on.paint(row, '36')}".rstrip()
        for side, row in zip(sides, canvas.rows(), strict=True)
    ]
    return [*rows, *_axis(gaps, since, until, columns, margin, on)]


def _middle(label: str) -> list[str]:
    return [label if row == HEIGHT // 2 else "" for row in range(HEIGHT)]


class _Scale:
    """Times and values → dots."""

    def __init__(self, since: datetime, until: datetime, low: Decimal, high: Decimal, on: _Canvas) -> None:
        self._since, self._length = since, until - since
        self._low, self._height, self._on = low, high - low, on

    def dot(self, at: datetime, value: Decimal) -> tuple[int, int]:
        share = min(max((at - self._since) / self._length, 0.0), 1.0)
        top = self._on.up - 1
        up = int((value - self._low) * top / self._height) if self._height else top // 2
        return int(share * (self._on.across - 1)), up


def _draw(canvas: _Canvas, piece: Segment, scale: _Scale) -> None:
    """Each value holds until the next point, where the line goes straight up or down."""
    before: tuple[int, int] | None = None
    for point in piece:
        if point.value is None:
            continue
        here = scale.dot(point.at, point.value)
        if before is not None:
            canvas.line(before, (here[0], before[1]))
        canvas.line((here[0], before[1] if before else here[1]), here)
        before = here


def _axis(
    gaps: Sequence[Gap], since: datetime, until: datetime, columns: int, margin: int, on: Screen
) -> list[str]:
    """The line of time, marked where nothing was read, its ends, and the longest gaps in words."""
    length = until - since
    signs = [KNOWN] * columns
    for gap in gaps:
        first = int((gap.since - since) / length * columns)
        last = int((gap.until - since) / length * columns)
        for column in range(max(first, 0), min(max(last, first + 1), columns)):
            signs[column] = UNKNOWN
    form = "%H:%M" if length <= timedelta(days=2) else "%d %b"
    left, right = since.astimezone(UTC), until.astimezone(UTC)
    clock = "%H:%M" if length > timedelta(hours=1) else "%H:%M:%S"
    ends = f"{left:%Y-%m-%d {clock}}" if columns > 42 else f"{left:{form}}"
    tail = f"{right:%Y-%m-%d {clock} UTC}" if columns > 42 else f"{right:{form}}"
    lines = [
        " " * margin + " └" + "".join(signs),
        " " * (margin + 2) + ends + tail.rjust(columns - len(ends)),
    ]
    if gaps:
        longest = max(gaps, key=lambda gap: gap.until - gap.since)
        one = f"from {_minute(longest.since)} to {_minute(longest.until)}"
        words = f"not read {one}" if len(gaps) == 1 else f"not read {len(gaps)} times, longest {one}"
        lines += fold(f"{UNKNOWN} {words}", on.width)
    return lines


def _minute(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"
