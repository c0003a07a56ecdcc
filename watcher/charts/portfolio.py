"""Charts of the portfolio: what everything, or all of one asset, came to over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal

from watcher.charts import words
from watcher.charts.chart import ChartLine
from watcher.charts.figures import LONG_NAME, Figure
from watcher.charts.plot import Plot
from watcher.charts.reading import readable_chart
from watcher.domain.history.timeline import Gap, Point, segments
from watcher.domain.messages.presentation import Display
from watcher.domain.values.formatting import amount, full, money
from watcher.domain.values.text import clean
from watcher.reports.portfolio.portfolio import AssetCourse, Portfolio

Course = Sequence[Point]
Period = tuple[datetime, datetime]


def portfolio_figure(found: Portfolio, display: Display) -> Figure:
    """The value of everything that has a price."""
    period = found.since, found.until
    return _figure("worth", "Value of everything", found.course, found.gaps, period, display)


def asset_figures(found: AssetCourse, symbol: str, display: Display) -> list[Figure]:
    """The amount of one asset in all wallets, and its value if it has one."""
    name, period = clean(symbol)[:LONG_NAME] or "the asset", (found.since, found.until)

    def say(value: Decimal) -> str:
        return f"{amount(value)} {clean(symbol)[:LONG_NAME]}".rstrip()

    def exactly(value: Decimal) -> str:
        return f"{full(value)} {clean(symbol)[:LONG_NAME]}".rstrip()

    figures = [
        _figure(
            "held", f"Amount of {name}", found.amount_course, found.gaps, period, display, "", say, exactly
        )
    ]
    if found.worth is not None:
        figures.append(_figure("worth", f"Value of {name}", found.value_course, found.gaps, period, display))
    return figures


def _figure(
    name: str,
    title: str,
    course: Course,
    gaps: Sequence[Gap],
    period: Period,
    display: Display,
    sign: str = "$",
    say: Callable[[Decimal], str] = money,
    exactly: Callable[[Decimal], str] = money,
) -> Figure:
    line = ChartLine(tuple(segments(course, gaps, *period)), tuple(gaps))
    told = "; ".join(filter(None, [*words.shown(line, say), words.unread(line.gaps)]))
    plot = Plot(
        *period,
        line.segments,
        f"{title} in all wallets",
        display.localised(f"{told}."),
        line.gaps,
        sign=sign,
        format_value=say,
        zone=display.zone,
    )
    caption = f"{title}{' in USD' if sign else ''}"
    return Figure(caption, readable_chart(plot, name, exactly), [])
