"""Reading of a chart: its values for the pointer, the finger and the keys, in a block that a script reads.

The script writes nothing that is not here, so it rounds nothing: each value is a text already.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal

from markupsafe import Markup

from watcher.charts.plot import Frame, Plot
from watcher.charts.svg import FINEST, WIDE, line_chart
from watcher.domain.history.timeline import Segment
from watcher.domain.values.local_time import zone_name

HEIGHT = 1000
"""Heights are told in such parts."""

_READER = Markup(
    '<div class="reader" id="{name}-chart" tabindex="0" role="group"'
    ' aria-label="{}: read it with the arrow keys, Home and End">{}</div>\n'
    '<p class="reading" id="{name}-reading" role="status"></p>\n'
    '<script type="application/json" id="{name}-data">{}</script>'
)


def readable_chart(plot: Plot, name: str, exactly: Callable[[Decimal], str]) -> Markup:
    """The chart in both sizes with what it is made of. `exactly` writes a value with all its digits.
    `name`: unique on the page."""
    return _READER.format(plot.title, line_chart(plot, name), _block(plot, exactly), name=name)


def _block(plot: Plot, exactly: Callable[[Decimal], str]) -> Markup:
    """JSON that cannot end the element that it stands in."""
    text = json.dumps(readings(plot, exactly), ensure_ascii=False, separators=(",", ":"))
    safe = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return Markup(safe)  # noqa: S704  # nosec B704


def readings(plot: Plot, exactly: Callable[[Decimal], str]) -> dict[str, object]:
    """The line, its gaps and what was told: seconds since the beginning, heights, and texts."""
    frame = Frame(plot, WIDE[0] // FINEST)

    def second(at: datetime) -> int:
        return int((at - plot.since).total_seconds())

    def points(piece: Segment) -> Iterator[list[object]]:
        before: Decimal | None = None
        for number, point in enumerate(piece):
            value = point.value or Decimal(0)
            if number in (0, len(piece) - 1) or value != before:
                same = [] if number and value == before else [exactly(value)]
                yield [second(point.at), round(frame.y(value) * HEIGHT), *same]
            before = value

    return {
        "since": int(plot.since.timestamp()),
        "length": max(second(plot.until), 1),
        "zone": [
            [second(at), offset, name] for at, offset, name in offsets(plot.since, plot.until, plot.zone)
        ],
        "pieces": [list(points(piece)) for piece in frame.pieces],
        "gaps": [[second(gap.since), second(gap.until)] for gap in frame.gaps],
        "marks": [[second(mark.at), mark.text] for mark in plot.marks[:MOST_READ]],
    }


MOST_READ = 100
"""Marks that are read out, the newest."""


def offsets(since: datetime, until: datetime, zone: tzinfo) -> Iterator[tuple[datetime, int, str]]:
    """From when on a zone differs from UTC by so many seconds, and what people call its time."""
    yield since, *_clock(since, zone)
    at = since
    while at < until:
        later = min(at + timedelta(days=1), until)
        if _clock(later, zone) != _clock(at, zone):
            yield _turn(at, later, zone), *_clock(later, zone)
        at = later


def _turn(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        if _clock(middle, zone) == _clock(before, zone):
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def _clock(at: datetime, zone: tzinfo) -> tuple[int, str]:
    local = at.astimezone(UTC).astimezone(zone)
    offset = local.utcoffset() or timedelta(0)
    return int(offset.total_seconds()), zone_name(local)
