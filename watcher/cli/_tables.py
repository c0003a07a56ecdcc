"""Tables and lines that fit where they are shown: nothing is cut without a sign, in a pipe nothing at all."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Collection, Sequence
from typing import TextIO

from watcher.domain.records import Record
from watcher.domain.values.text import clean

RIGHT = frozenset(
    ["amount", "value", "price", "before", "after", "moved", "cost", "credits", "age", "attempts"]
)
"""Columns of numbers: to the right, and never folded."""
GAP = 2
NARROW = 12
"""Cells that a column of words keeps at least, before rows become blocks."""
_HEX = re.compile(r"\b(0x[0-9A-Fa-f]{6})[0-9A-Fa-f]{10,}([0-9A-Fa-f]{4})\b")
_ADDRESSES = {"address", "asset"}
_LOUD = {
    "critical": "1;31", "warning": "1;33", "info": "36", "firing": "1;31", "pending": "33", "ok": "1;32",
    "given_up": "1;31", "unknown": "1;35", "quarantined": "33", "FAILED": "1;31",
}  # fmt: skip
_COLOURED = {"severity", "state"}


class Screen(Record, frozen=True):
    """Where lines go. `width` and `height` in cells: None where it is no terminal, so nothing is folded."""

    width: int | None = None
    height: int | None = None
    colours: bool = False

    def paint(self, text: str, style: str) -> str:
        """The text in an ANSI style, if colours are wanted here; `style` may be a word like `critical`."""
        style = _LOUD.get(style, style)
        return f"\x1b[{style}m{text}\x1b[0m" if self.colours and style[:1].isdigit() else text


def screen(stream: TextIO | None = None) -> Screen:
    """What standard output is. NO_COLOR and TERM=dumb turn colours off, COLUMNS and LINES set the size."""
    stream = stream or sys.stdout
    if not stream.isatty():
        return Screen()
    size = shutil.get_terminal_size()
    plain = bool(os.environ.get("NO_COLOR")) or not redraws(stream)
    return Screen(max(size.columns, 10), max(size.lines, 4), colours=not plain)


def redraws(stream: TextIO) -> bool:
    """Whether what was written can be written over: a terminal, and one that knows how."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str) -> None:
    """A table that fits the terminal; whole and without colours where standard output is none."""
    for line in table(columns, rows, screen(), empty=empty):
        print(line)


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    on: Screen,
    *,
    empty: str,
    right: Collection[str] = RIGHT,
) -> list[str]:
    """The lines of a table; `right`: its columns of numbers.

    What does not fit: long addresses are shortened in the middle, then words are folded, then each row
    becomes a block of lines.
    """
    if not rows:
        return fold(empty, on.width)
    cells = [[clean(cell) for cell in row] for row in rows]
    widths = _natural(columns, cells)
    if on.width is not None and _total(widths) > on.width:
        columns, cells = _filled(columns, cells)
        cells = [[_short(column, cell) for column, cell in zip(columns, row, strict=True)] for row in cells]
        widths = _natural(columns, cells)
        if _total(widths) > on.width:
            fitted = _folded(columns, cells, widths, on.width, right)
            if fitted is None:
                return _blocks(columns, cells, on)
            widths = fitted
    names = [fold(each, width) for each, width in zip(columns, widths, strict=True)]
    head = _line(names, columns, widths, right)
    lines = [*(on.paint(line, "1") for line in head), "─" * _total(widths)]
    for row in cells:
        parts = [fold(cell, width) for cell, width in zip(row, widths, strict=True)]
        lines += _line(parts, columns, widths, right, on)
    return lines


def fold(text: str, width: int | None) -> list[str]:
    """Break a line between words; a word that is longer than a line is broken too, so nothing is lost."""
    if width is None or _cells(text) <= width:
        return [text]
    from rich.cells import chop_cells

    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if _cells(longer) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        *whole, line = chop_cells(word, width) or [""]
        lines += whole
    return [*lines, line]


def _cells(text: str) -> int:
    """Cells that a text takes on a terminal: Chinese signs take two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _natural(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(_cells(column), *map(_cells, cells)) for column, cells in _by_column(columns, rows)]


def _by_column(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[tuple[str, tuple[str, ...]]]:
    return list(zip(columns, zip(*rows, strict=True), strict=True))


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _filled(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[Sequence[str], list[list[str]]]:
    """Without the columns in which nothing stands."""
    keep = [number for number in range(len(columns)) if any(row[number] for row in rows)] or [0]
    return [columns[each] for each in keep], [[row[each] for each in keep] for row in rows]


def _short(column: str, cell: str) -> str:
    """A long address with its middle left out."""
    if column in _ADDRESSES and " " not in cell and len(cell) > 20 and not _HEX.search(cell):
        return f"{cell[:8]}…{cell[-6:]}"
    return _HEX.sub(r"\1…\2", cell)


def _folded(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    widths: Sequence[int],
    room: int,
    right: Collection[str],
) -> list[int] | None:
    """Widths with which the columns of words are folded into `room`; None if they would be too narrow."""
    least = [
        width
        if column in right
        else min(width, max(NARROW, *map(_cells, column.split())))
        if any(" " in cell for cell in cells)
        else max(*map(_cells, column.split()), *map(_cells, cells))
        for (column, cells), width in zip(_by_column(columns, rows), widths, strict=True)
    ]
    spare = room - _total(least)
    if spare < 0:
        return None
    wants = [width - low for width, low in zip(widths, least, strict=True)]
    return [low + spare * want // sum(wants) for low, want in zip(least, wants, strict=True)]


def _line(
    parts: Sequence[Sequence[str]],
    columns: Sequence[str],
    widths: Sequence[int],
    right: Collection[str],
    on: Screen | None = None,
) -> list[str]:
    """One row: as many lines as its tallest cell has."""
    lines = []
    for number in range(max(map(len, parts))):
        texts = []
        for column, width, cell in zip(columns, widths, parts, strict=True):
            text = cell[number] if number < len(cell) else ""
            space = " " * (width - _cells(text))
            shown = on.paint(text, text) if on and column in _COLOURED and text in _LOUD else text
            texts.append(space + shown if column in right else shown + space)
        lines.append((" " * GAP).join(texts).rstrip())
    return lines


def _blocks(columns: Sequence[str], rows: Sequence[Sequence[str]], on: Screen) -> list[str]:
    """Each row as lines of `name  value`, for screens too narrow for a table."""
    assert on.width is not None  # noqa: S101 (where nothing limits the width nothing is too narrow)
    label = max(map(_cells, columns))
    lines: list[str] = []
    for row in rows:
        for column, cell in zip(columns, row, strict=True):
            if not cell:
                continue
            first, *more = fold(cell, max(on.width - label - GAP, 8))
            painted = on.paint(first, first) if column in _COLOURED and first in _LOUD else first
            lines.append(on.paint(column.ljust(label), "1") + " " * GAP + painted)
            lines += [" " * (label + GAP) + each for each in more]
        lines.append("")
    return lines[:-1]
