"""PNG of a chart: what was held over a time, where nothing was read, a level, and the moment."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import cache

from PIL import Image, ImageColor, ImageDraw, ImageFont

from watcher.domain.history.timeline import Gap, Segment, known_values
from watcher.domain.values.decimals import minus, plus, times
from watcher.domain.values.local_time import zone_name

WIDTH, HEIGHT = 800, 400
"""Pixels of the picture; it is drawn twice as large and made smaller, so that lines are smooth."""
_TWICE = 2
_TOP, _BOTTOM, _SIDE = 60, 40, 20
_AIR = Decimal("0.08")
"""Share of the height that is left free above and below."""
_PAPER, _INK, _FAINT, _HOLE = "#ffffff", "#1f2937", "#6b7280", "#eef0f3"
_LINE, _LEVEL, _CLEAR, _MARK = "#2563eb", "#dc2626", "#15803d", "#b45309"
_SHADES = 8
"""Steps from a colour to what is behind it: the picture has these and no others."""
_LONGEST = 90
"""Characters of a title that have room."""

_SIGNS = {0x2212: "-", 0x202F: " ", 0xA0: " ", 0x2192: "to"}

Dot = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Picture:
    """What a PNG shows. `level`: a threshold, `clear`: beyond which it resolves; None if there is none, or no
    place for it. `format_value` writes a value on the axis; `zone`: whose times stand there."""

    title: str
    below: str
    pieces: Sequence[Segment]
    gaps: Sequence[Gap]
    since: datetime
    until: datetime
    moment: datetime
    level: Decimal | None
    format_value: Callable[[Decimal], str]
    clear: Decimal | None = None
    zone: tzinfo = UTC

    def ends(self) -> tuple[str, str]:
        """What stands at both ends of the axis of time; the zone, once if it has the same name at both."""
        since, until = self.since.astimezone(self.zone), self.until.astimezone(self.zone)
        first = f"{since:%d %b %H:%M}" if self.until - self.since > timedelta(days=1) else f"{since:%H:%M:%S}"
        name, last = zone_name(since), zone_name(until)
        return f"{first} {name}" if name != last else first, f"{until:%Y-%m-%d %H:%M:%S} {last}"


def png(picture: Picture) -> bytes:
    """The bytes of the PNG. ValueError if nothing is known of that time."""
    values = known_values(picture.pieces)
    if not values:
        raise ValueError("nothing is known of that time")
    sheet = _Sheet(picture, values)
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
        for colour in map(ImageColor.getrgb, (_INK, _FAINT, _LINE, _LEVEL, _CLEAR, _MARK)):
            for step in range(_SHADES + 1):
                mixed = (b + (c - b) * step // _SHADES for b, c in zip(behind, colour, strict=True))
                found.setdefault(tuple(mixed))
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for each in found for part in each])
    return palette


class _Sheet:
    """One picture being drawn, and its scales."""

    def __init__(self, picture: Picture, values: Sequence[Decimal]) -> None:
        self._of = picture
        self.image = Image.new("RGB", (WIDTH * _TWICE, HEIGHT * _TWICE), _PAPER)
        self._pen = ImageDraw.Draw(self.image)
        self._font = ImageFont.load_default(14 * _TWICE)
        self._large = ImageFont.load_default(17 * _TWICE)
        self._levels = [
            (level, colour)
            for level, colour in ((picture.level, _LEVEL), (picture.clear, _CLEAR))
            if level is not None
        ]
        levels = [level for level, _ in self._levels]
        self._lowest, self._highest = min(values), max(values)
        low, high = min([*values, *levels]), max([*values, *levels])
        spread = minus(high, low) or abs(high) or Decimal(1)
        air = times(spread, _AIR)
        self._low, self._spread = minus(low, air), plus(spread, plus(air, air))
        texts = [picture.format_value(each) for each in (self._lowest, self._highest, *levels)]
        self._left = max(self._pen.textlength(text, self._font) for text in texts) + 2 * _SIDE * _TWICE
        self._right = (WIDTH - _SIDE) * _TWICE
        self._top, self._bottom = _TOP * _TWICE, (HEIGHT - _BOTTOM) * _TWICE

    def draw(self) -> None:
        self._gaps()
        self._frame()
        for level, colour in self._levels:
            self._level(level, colour)
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
        first, last = of.ends()
        self._text((self._left, foot), first, "la", _FAINT)
        self._text((self._right, foot), last, "ra", _FAINT)
        for value in {self._lowest, self._highest}:
            if not any(self._crowds(value, level) for level, _ in self._levels):
                self._label(value, _FAINT)

    def _crowds(self, value: Decimal, level: Decimal) -> bool:
        return abs(self._y(value) - self._y(level)) < 16 * _TWICE

    def _level(self, level: Decimal, colour: str) -> None:
        y, step = self._y(level), 12 * _TWICE
        for x in range(int(self._left), int(self._right), step):
            self._pen.line((x, y, min(x + step * 0.6, self._right), y), colour, 2 * _TWICE)
        if level == self._levels[0][0] or not self._crowds(level, self._levels[0][0]):
            self._label(level, colour)

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
        self._text((self._left - 8 * _TWICE, self._y(value)), self._of.format_value(value), "rm", colour)

    def _text(self, at: Dot, text: str, anchor: str, colour: str) -> None:
        self._pen.text(at, _drawable(text), colour, self._font, anchor)


def _drawable(text: str) -> str:
    """Without the signs that the font of the library lacks: the minus and the narrow spaces of messages."""
    return text.translate(_SIGNS)


def _cut(text: str) -> str:
    text = _drawable(text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
