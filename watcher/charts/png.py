"""PNG of a chart: what was held over a time, where nothing was read, a level, and the moment."""

from __future__ import annotations

import io
from datetime import datetime
from decimal import Decimal
from functools import cache

from PIL import Image, ImageColor, ImageDraw, ImageFont

from watcher.charts.plot import CLEARS, MOMENT, Frame, Plot, Ruler
from watcher.domain.history.timeline import Segment

WIDTH, HEIGHT = 800, 400
"""Pixels of the picture; it is drawn twice as large and made smaller, so that lines are smooth."""
_TWICE = 2
_TOP, _BOTTOM, _SIDE = 66, 54, 20
FINEST = 2
"""Pixels that a line is told apart by."""
_PAPER, _INK, _FAINT, _HOLE, _GRID = "#ffffff", "#1f2937", "#6b7280", "#eef0f3", "#e2e5ea"
_LINE, _LEVEL, _CLEAR, _MARK = "#2563eb", "#dc2626", "#15803d", "#b45309"
_SHADES = 8
"""Steps from a colour to what is behind it: the picture has these and no others."""
_LONGEST = 90
"""Characters of a title that have room."""

_SIGNS = {0x2212: "-", 0x202F: " ", 0xA0: " ", 0x2192: "to"}

Dot = tuple[float, float]


def png(plot: Plot) -> bytes:
    """The bytes of the PNG: the plot under its title and its text, and its moment, if it has one. ValueError
    if nothing is known of that time."""
    if not plot.segments:
        raise ValueError("nothing is known of that time")
    sheet = _Sheet(plot)
    sheet.draw()
    small = sheet.image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    few = small.quantize(palette=_palette(), dither=Image.Dither.NONE)
    few.save(out, "PNG", optimize=True)
    return out.getvalue()


@cache
def _palette() -> Image.Image:
    """The colours of every picture, so that none takes on that of another."""
    found: dict[tuple[int, ...], None] = {}
    for behind in map(ImageColor.getrgb, (_PAPER, _HOLE)):
        for colour in map(ImageColor.getrgb, (_INK, _FAINT, _GRID, _LINE, _LEVEL, _CLEAR, _MARK)):
            for step in range(_SHADES + 1):
                mixed = (b + (c - b) * step // _SHADES for b, c in zip(behind, colour, strict=True))
                found.setdefault(tuple(mixed))
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for each in found for part in each])
    return palette


class _Sheet:
    """One picture being drawn."""

    def __init__(self, plot: Plot) -> None:
        self._of = plot
        self._frame = Frame(plot, WIDTH // FINEST, WIDTH // 100)
        self.image = Image.new("RGB", (WIDTH * _TWICE, HEIGHT * _TWICE), _PAPER)
        self._pen = ImageDraw.Draw(self.image)
        self._font = ImageFont.load_default(14 * _TWICE)
        self._large = ImageFont.load_default(17 * _TWICE)
        levels = [plot.format_value(ruler.value) for ruler in plot.rulers]
        texts = [*(label for _, label in self._frame.values), *levels]
        self._left = max(self._pen.textlength(_drawable(text), self._font) for text in texts)
        self._left += 2 * _SIDE * _TWICE
        self._right = (WIDTH - _SIDE) * _TWICE
        self._top, self._bottom = _TOP * _TWICE, (HEIGHT - _BOTTOM) * _TWICE

    def draw(self) -> None:
        self._gaps()
        self._words()
        self._axes()
        for ruler in self._of.rulers:
            self._ruler(ruler)
        for piece in self._frame.pieces:
            self._piece(piece)
        for mark in self._of.marks:
            if mark.kind == MOMENT:
                self._moment(mark.at)

    def _x(self, at: datetime) -> float:
        return self._across(self._frame.x(at))

    def _across(self, share: float) -> float:
        return self._left + share * (self._right - self._left)

    def _y(self, value: Decimal | None) -> float:
        return self._up(self._frame.y(value))

    def _up(self, share: float) -> float:
        return self._bottom - share * (self._bottom - self._top)

    def _gaps(self) -> None:
        for gap in self._frame.gaps:
            first, last = self._x(gap.since), self._x(gap.until)
            self._pen.rectangle((first, self._top, max(last, first + _TWICE), self._bottom), fill=_HOLE)
            words = "not read"
            if last - first > self._pen.textlength(words, self._font) + 8 * _TWICE:
                self._text(((first + last) / 2, self._bottom - 14 * _TWICE), words, "mm", _FAINT)

    def _words(self) -> None:
        self._pen.text((_SIDE * _TWICE, 10 * _TWICE), _cut(self._of.title), _INK, self._large)
        self._text((_SIDE * _TWICE, 34 * _TWICE), _cut(self._of.text), "la", _FAINT)

    def _axes(self) -> None:
        for height, label in self._frame.values:
            y = self._up(height)
            self._pen.line((self._left, y, self._right, y), _FAINT if height == 0 else _GRID, _TWICE)
            if not any(abs(self._y(ruler.value) - y) < 16 * _TWICE for ruler in self._of.rulers):
                self._text((self._left - 8 * _TWICE, y), label, "rm", _FAINT)
        for place, label in self._frame.times:
            x = self._across(place)
            self._pen.line((x, self._bottom, x, self._bottom + 4 * _TWICE), _FAINT, _TWICE)
            half = self._pen.textlength(label, self._font) / 2
            self._text((min(x, self._right - half), self._bottom + 6 * _TWICE), label, "ma", _FAINT)
        foot = self._bottom + 28 * _TWICE
        first, last = self._frame.ends()
        self._text((self._left, foot), first, "la", _FAINT)
        self._text((self._right, foot), last, "ra", _FAINT)

    def _ruler(self, ruler: Ruler) -> None:
        colour = _CLEAR if ruler.kind == CLEARS else _LEVEL
        y, step = self._y(ruler.value), 12 * _TWICE
        for x in range(int(self._left), int(self._right), step):
            self._pen.line((x, y, min(x + step * 0.6, self._right), y), colour, 2 * _TWICE)
        first = self._of.rulers[0]
        if ruler is first or abs(y - self._y(first.value)) >= 16 * _TWICE:
            self._text((self._left - 8 * _TWICE, y), self._of.format_value(ruler.value), "rm", colour)

    def _piece(self, piece: Segment) -> None:
        dots = [(self._across(x), self._up(y)) for x, y in self._frame.corners(piece)]
        if len(dots) > 1:
            self._pen.line(dots, _LINE, 3 * _TWICE, joint="curve")
        self._pen.circle(dots[0], 1.5 * _TWICE, fill=_LINE)

    def _moment(self, at: datetime) -> None:
        x, step = self._x(at), 8 * _TWICE
        for y in range(self._top, self._bottom, step):
            self._pen.line((x, y, x, min(y + step // 2, self._bottom)), _MARK, _TWICE)
        held = self._frame.held(at)
        if held is not None:
            self._pen.circle((x, self._y(held)), 5 * _TWICE, fill=_MARK, outline=_PAPER, width=_TWICE)

    def _text(self, at: Dot, text: str, anchor: str, colour: str) -> None:
        self._pen.text(at, _drawable(text), colour, self._font, anchor)


def _drawable(text: str) -> str:
    """Without the signs that the font of the library lacks: the minus and the narrow spaces of messages."""
    return text.translate(_SIGNS)


def _cut(text: str) -> str:
    text = _drawable(text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
