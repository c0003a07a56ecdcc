"""A chart as a PNG: what was held over a time, where nothing was read, a level, and the moment."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from PIL import Image, ImageDraw, ImageFont

from watcher.domain.exact import minus, plus, times
from watcher.domain.timeline import Gap, Segment

WIDTH, HEIGHT = 800, 400
"""Pixels of the picture; it is drawn twice as large and made smaller, so that lines are smooth."""
_TWICE = 2
_TOP, _BOTTOM, _SIDE = 60, 40, 20
_AIR = Decimal("0.08")
"""Share of the height that is left free above and below."""
_PAPER, _INK, _FAINT, _HOLE = "#ffffff", "#1f2937", "#6b7280", "#eef0f3"
_LINE, _LEVEL, _MARK = "#2563eb", "#dc2626", "#b45309"
_COLOURS = 64
_LONGEST = 90
"""Characters of a title that have room."""

_SIGNS = {0x2212: "-", 0x202F: " ", 0xA0: " ", 0x2192: "to"}

Dot = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Picture:
    """What to draw. `level`: a threshold, None if there is none; `shown` writes a value on the axis."""

    title: str
    below: str
    pieces: Sequence[Segment]
    gaps: Sequence[Gap]
    since: datetime
    until: datetime
    moment: datetime
    level: Decimal | None
    shown: Callable[[Decimal], str]


def png(picture: Picture) -> bytes:
    """Draw it. ValueError if nothing is known of that time."""
    values = [point.value for piece in picture.pieces for point in piece if point.value is not None]
    if not values:
        raise ValueError("nothing is known of that time")
    sheet = _Sheet(picture, values)
    sheet.draw()
    small = sheet.image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.quantize(_COLOURS).save(out, "PNG", optimize=True)
    return out.getvalue()


class _Sheet:
    """One picture being drawn, and its scales."""

    def __init__(self, picture: Picture, values: Sequence[Decimal]) -> None:
        self._of = picture
        self.image = Image.new("RGB", (WIDTH * _TWICE, HEIGHT * _TWICE), _PAPER)
        self._pen = ImageDraw.Draw(self.image)
        self._font = ImageFont.load_default(14 * _TWICE)
        self._large = ImageFont.load_default(17 * _TWICE)
        levels = [picture.level] if picture.level is not None else []
        self._lowest, self._highest = min(values), max(values)
        low, high = min(*values, *levels), max(*values, *levels)
        spread = minus(high, low) or abs(high) or Decimal(1)
        air = times(spread, _AIR)
        self._low, self._spread = minus(low, air), plus(spread, plus(air, air))
        texts = [picture.shown(each) for each in (self._lowest, self._highest, *levels)]
        self._left = max(self._pen.textlength(text, self._font) for text in texts) + 2 * _SIDE * _TWICE
        self._right = (WIDTH - _SIDE) * _TWICE
        self._top, self._bottom = _TOP * _TWICE, (HEIGHT - _BOTTOM) * _TWICE

    def draw(self) -> None:
        self._gaps()
        self._frame()
        if self._of.level is not None:
            self._level(self._of.level)
        for piece in self._of.pieces:
            self._piece(piece)
        self._moment()

    def _x(self, at: datetime) -> float:
        share = (at - self._of.since) / (self._of.until - self._of.since)
        return self._left + min(max(share, 0.0), 1.0) * (self._right - self._left)

    def _y(self, value: Decimal) -> float:
        share = float((value - self._low) / self._spread)  # only where to draw it
        return self._bottom - share * (self._bottom - self._top)

    def _gaps(self) -> None:
        for gap in self._of.gaps:
            first, last = self._x(gap.since), self._x(gap.until)
            self._pen.rectangle((first, self._top, max(last, first + _TWICE), self._bottom), fill=_HOLE)
            words = "not read"
            if last - first > self._pen.textlength(words, self._font) + 8 * _TWICE:
                self._text(((first + last) / 2, self._bottom - 14 * _TWICE), words, "mm", _FAINT)

    def _frame(self) -> None:
        of = self._of
        self._pen.text((_SIDE * _TWICE, 10 * _TWICE), _cut(of.title), _INK, self._large)
        self._text((_SIDE * _TWICE, 34 * _TWICE), _cut(of.below), "la", _FAINT)
        self._pen.line((self._left, self._bottom, self._right, self._bottom), _FAINT, _TWICE)
        foot = self._bottom + 12 * _TWICE
        form = "%d %b %H:%M" if of.until - of.since > timedelta(days=1) else "%H:%M:%S"
        self._text((self._left, foot), f"{of.since.astimezone(UTC):{form}}", "la", _FAINT)
        self._text((self._right, foot), f"{of.until.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC", "ra", _FAINT)
        for value in {self._lowest, self._highest}:
            crowded = of.level is not None and abs(self._y(value) - self._y(of.level)) < 16 * _TWICE
            if not crowded:
                self._label(value, _FAINT)

    def _level(self, level: Decimal) -> None:
        y, step = self._y(level), 12 * _TWICE
        for x in range(int(self._left), int(self._right), step):
            self._pen.line((x, y, min(x + step * 0.6, self._right), y), _LEVEL, 2 * _TWICE)
        self._label(level, _LEVEL)

    def _piece(self, piece: Segment) -> None:
        """Each value holds until the next point, where the line goes straight up or down."""
        dots: list[Dot] = []
        for point in piece:
            if point.value is None:
                continue
            here = (self._x(point.at), self._y(point.value))
            if dots:
                dots.append((here[0], dots[-1][1]))
            dots.append(here)
        if len(dots) > 1:
            self._pen.line(dots, _LINE, 3 * _TWICE, joint="curve")
        for x, y in dots[:1]:
            self._pen.circle((x, y), 1.5 * _TWICE, fill=_LINE)

    def _moment(self) -> None:
        x, step = self._x(self._of.moment), 8 * _TWICE
        for y in range(self._top, self._bottom, step):
            self._pen.line((x, y, x, min(y + step // 2, self._bottom)), _MARK, _TWICE)
        held = [point for piece in self._of.pieces for point in piece if point.at <= self._of.moment]
        if held and held[-1].value is not None:
            self._pen.circle(
                (x, self._y(held[-1].value)), 5 * _TWICE, fill=_MARK, outline=_PAPER, width=_TWICE
            )

    def _label(self, value: Decimal, colour: str) -> None:
        self._text((self._left - 8 * _TWICE, self._y(value)), self._of.shown(value), "rm", colour)

    def _text(self, at: Dot, text: str, anchor: str, colour: str) -> None:
        self._pen.text(at, _drawable(text), colour, self._font, anchor)


def _drawable(text: str) -> str:
    """Without the signs that the font of the library lacks: the minus and the narrow spaces of messages."""
    return text.translate(_SIGNS)


def _cut(text: str) -> str:
    text = _drawable(text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
