"""Figures of the page: a chart as SVG, with its caption, its levels, and the same in words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from markupsafe import Markup

from watcher.charts import words
from watcher.charts.chart import Chart, ChartLine
from watcher.charts.levels import Level, fitting
from watcher.charts.plot import CLEARS, ChartMark, Plot, Ruler
from watcher.charts.reading import readable_chart
from watcher.charts.svg import line_chart
from watcher.domain.history.timeline import known_values
from watcher.domain.messages.presentation import UTC_AND_DOLLARS, Display
from watcher.domain.values.formatting import amount, counted, full, moment, money
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

        def exactly(value: Decimal) -> str:
            return f"{full(value)} {symbol}".rstrip()

        what, own = f"Amount of {symbol or 'the asset'}", [each for each in levels if each.metric == "amount"]
        names = ("amount", f"{what} in {name}", what)
        result.append(_picture(found, found.amount, *names, marks, say, exactly, own, display))
    what = f"Value of {symbol or 'the asset'}" if found.amount is not None else "Value of all assets"
    names = ("value", f"{what} in {name}", f"{what} in USD")
    own = [each for each in levels if each.metric == "value_usd"]
    if found.amount is not None and not own and not known_values(found.value.segments):
        unknown = f"{names[2]}: {words.moved(found.value, money)}"
        return [*result, Figure(unknown, Markup(""), [])]  # an empty picture says less than the words
    result.append(_picture(found, found.value, *names, marks, money, money, own, display))
    return result


def burn_down(found: CreditBurn, display: Display = UTC_AND_DOLLARS) -> Markup:
    """The burn-down chart of a period's credits: what was left, the forecast, and an even pace beside it."""
    said = [
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
        display.localised("; ".join(said) + "."),
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
    exactly: Callable[[Decimal], str],
    levels: Sequence[Level],
    display: Display,
) -> Figure:
    values = known_values(line.segments)
    chosen = levels[:MOST_LEVELS]
    fits = fitting(values, [value for level in chosen for value in level.values])
    told = [(level.rule, _told(level, fits)) for level in chosen]
    said = [f"{rule} {text}." for rule, text in told]
    plot = Plot(
        found.since,
        found.until,
        line.segments,
        title,
        display.localised(" ".join([_in_words(line, format_value, len(marks)), *said])),
        line.gaps,
        line.changes if name == "amount" else (),
        marks,
        sign="$" if name == "value" else "",
        format_value=format_value,
        rulers=[ruler for level in chosen for ruler in _rulers(level, fits)],
        zone=display.zone,
    )
    picture = readable_chart(plot, name, exactly)
    return Figure(f"{caption}: {words.moved(line, format_value)}", picture, told)


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
            kind, also = (level.severity, "") if value == level.level else (CLEARS, f" {CLEARS}")
            yield Ruler(value, kind, name + also, f"{level.rule} {level.text}")


def _in_words(line: ChartLine, format_value: Callable[[Decimal], str], marks: int) -> str:
    parts = [*words.shown(line, format_value), words.unread(line.gaps)]
    parts += [counted(marks, "alert or event", "alerts and events")] if marks else []
    return "; ".join(filter(None, parts)) + "."
