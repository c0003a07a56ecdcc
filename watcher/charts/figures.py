"""Figures of the page: a chart as SVG, with its caption, its levels, and the same in words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from markupsafe import Markup

from watcher.charts.chart import Chart, ChartLine
from watcher.charts.levels import Level, fitting
from watcher.charts.svg import ChartMark, Plot, Ruler, line_chart
from watcher.domain.history.timeline import known_values
from watcher.domain.messages.presentation import UTC_AND_DOLLARS, Display
from watcher.domain.values.decimals import minus
from watcher.domain.values.durations import span
from watcher.domain.values.formatting import amount, counted, moment, money, signed
from watcher.domain.values.text import clean
from watcher.reports.credits import CreditBurn

LONG_NAME = 24

MOST_LEVELS = 12
"""Rules whose levels are drawn and told beside one picture."""


class Figure(NamedTuple):
    """A chart with its caption. `levels`: each rule beside the chart, and its level in words."""

    caption: str
    picture: Markup
    levels: list[tuple[str, str]]


def wallet_figures(
    name: str, found: Chart, levels: Sequence[Level] = (), display: Display = UTC_AND_DOLLARS
) -> list[Figure]:
    """The figures of a wallet's chart: the amount, if it is of one asset, and the value."""
    symbol = clean(found.symbol)[:LONG_NAME]
    said = [clean(f"{told.rule}: {told.text}")[:200] for told in found.alert_marks]
    marks = [
        ChartMark(told.at, told.severity, display.localised(text))
        for told, text in zip(found.alert_marks, said, strict=True)
    ]
    result = []
    if found.amount is not None:

        def say(value: Decimal) -> str:
            return f"{amount(value)} {symbol}".rstrip()

        what = f"Amount of {symbol or 'the asset'}"
        amounts = [each for each in levels if each.metric == "amount"]
        result.append(
            _picture(found, found.amount, "amount", f"{what} in {name}", what, marks, say, amounts, display)
        )
    title = f"Value of {symbol or 'the asset'}" if found.amount is not None else "Value of all assets"
    valued = [each for each in levels if each.metric == "value_usd"]
    result.append(
        _picture(
            found,
            found.value,
            "value",
            f"{title} in {name}",
            f"{title} in USD",
            marks,
            money,
            valued,
            display,
        )
    )
    return result


def burn_down(found: CreditBurn, display: Display = UTC_AND_DOLLARS) -> Markup:
    """The burn-down chart of a period's credits: what was left, the forecast, and an even pace beside it."""
    words = [
        f"{found.remaining:,} of {found.limit:,} credits are left",
        f"the period ends on {moment(found.end)}",
        f"none are left on {moment(found.gone)} at the pace of late"
        if found.gone
        else f"at the pace of late {found.at_end:,} will be left then",
    ]
    plot = Plot(
        found.start,
        found.end,
        [found.left],
        f"Credits of {found.source}",
        display.localised("; ".join(words) + "."),
        others=[[found.forecast], [found.even]],
        marks=[ChartMark(found.forecast[0].at, "now", "now")],
        zone=display.zone,
    )
    return line_chart(plot, f"burn-{found.source}")


def _picture(
    found: Chart,
    line: ChartLine,
    name: str,
    title: str,
    caption: str,
    marks: Sequence[ChartMark],
    format_value: Callable[[Decimal], str],
    levels: Sequence[Level],
    display: Display,
) -> Figure:
    values = known_values(line.segments)
    chosen = levels[:MOST_LEVELS]
    fits = fitting(values, [value for level in chosen for value in level.values])
    told = [(level.rule, _told(level, fits)) for level in chosen]
    words = [f"{rule} {text}." for rule, text in told]
    plot = Plot(
        found.since,
        found.until,
        line.segments,
        title,
        display.localised(" ".join([_in_words(line, format_value, len(marks)), *words])),
        line.gaps,
        line.changes if name == "amount" else (),
        marks,
        sign="$" if name == "value" else "",
        format_value=format_value,
        rulers=[ruler for level in chosen for ruler in _rulers(level, fits)],
        zone=display.zone,
    )
    return Figure(f"{caption}{_moved(line, format_value)}", line_chart(plot, name), told)


def _told(level: Level, fits: Collection[Decimal]) -> str:
    """The level in words, and whether it has no place in the picture."""
    missing = [value for value in level.values if value not in fits]
    if not missing:
        return level.text
    if len(missing) == len(level.values):
        return f"{level.text}: too far from the line to be drawn"
    which = "the level" if missing[0] == level.level else "where it clears"
    return f"{level.text}; {which} is too far from the line to be drawn"


def _rulers(level: Level, fits: Collection[Decimal]) -> Iterator[Ruler]:
    name = level.rule if len(level.rule) <= LONG_NAME else f"{level.rule[:LONG_NAME]}…"
    for value in level.values:
        if value in fits:
            kind, words = (level.severity, "") if value == level.level else ("clears", " clears")
            yield Ruler(value, kind, name + words, f"{level.rule} {level.text}")


def _moved(line: ChartLine, format_value: Callable[[Decimal], str]) -> str:
    ends = _ends(line)
    if ends is None:
        return ": not known in this time"
    first, last = ends
    delta = minus(last, first)
    moved = signed(format_value(delta), delta) if delta else "as at the beginning"
    return f": {format_value(last)}, {moved}"


def _ends(line: ChartLine) -> tuple[Decimal, Decimal] | None:
    if not line.segments:
        return None
    first, last = line.segments[0][0].value, line.segments[-1][-1].value
    return None if first is None or last is None else (first, last)


def _in_words(line: ChartLine, format_value: Callable[[Decimal], str], marks: int) -> str:
    values = known_values(line.segments)
    if not values:
        return "Nothing is known of this time."
    parts = [
        f"{format_value(values[0])} on {moment(line.segments[0][0].at)}",
        f"{format_value(values[-1])} on {moment(line.segments[-1][-1].at)}",
        f"lowest {format_value(min(values))}",
        f"highest {format_value(max(values))}",
    ]
    if line.gaps:
        longest = max((gap.until - gap.since for gap in line.gaps), default=timedelta(0))
        parts.append(f"{counted(len(line.gaps), 'gap')}, the longest of {span(longest.total_seconds())}")
    if marks:
        parts.append(counted(marks, "alert or event", "alerts and events"))
    return "; ".join(parts) + "."
