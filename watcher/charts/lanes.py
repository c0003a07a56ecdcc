"""Alert lanes as SVG: one for each rule, with a bar from firing to resolved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from markupsafe import Markup

from watcher.charts.axes import time_ticks
from watcher.charts.svg import NARROW, WIDE
from watcher.domain.alerts.lifecycle import Alert
from watcher.domain.messages.presentation import UTC_AND_DOLLARS, Display
from watcher.domain.values.formatting import counted, moment
from watcher.domain.values.text import clean

RANGES = {"1d": 1, "7d": 7, "30d": 30, "90d": 90, "1y": 365}
"""Ranges that people choose from, in days."""

LANES = 15
"""Rules that a picture has room for."""

LANE, NAME, FOOT = 22, 170, 22
MOST_BARS = 60
"""Bars of one lane."""

_LANE = Markup('<g><text x="0" y="{}">{}</text>{}</g>')
_BAR = Markup('<rect class="bar {}" x="{:.1f}" y="{}" width="{:.1f}" height="{}"><title>{}</title></rect>')
_TICK = Markup(
    '<line class="tick" x1="{0:.1f}" x2="{0:.1f}" y1="0" y2="{1}"/>'
    '<text class="tick" x="{0:.1f}" y="{2}">{3}</text>'
)
_SVG = Markup(
    '<div class="chart {}"><svg class="lanes" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}</svg></div>'
)


def alerts_by_rule(found: Sequence[Alert], since: datetime, now: datetime) -> dict[str, list[Alert]]:
    """The alerts of each rule that fired between `since` and `now`; the rule that fired last comes first."""
    lines: dict[str, list[Alert]] = {}
    for alert in sorted(found, key=lambda each: each.fired_at or each.since, reverse=True):
        if alert.fired_at is not None and alert.fired_at <= now and _end(alert, now) >= since:
            lines.setdefault(alert.rule, []).append(alert)
    return lines


def lane_chart(
    lines: Mapping[str, Sequence[Alert]], days: int, now: datetime, display: Display = UTC_AND_DOLLARS
) -> Markup | None:
    """The picture of the first lanes, for a desk and for a telephone; None if nothing fired."""
    if not lines:
        return None
    chosen = dict(list(lines.items())[:LANES])
    count = sum(map(len, chosen.values()))
    of_rules = f"{counted(len(chosen), 'rule')} in {counted(days, 'day')}"
    text = f"{counted(count, 'firing')} of {of_rules}; the table below lists them"
    sizes = (("wide-chart", WIDE[0], NAME), ("narrow-chart", NARROW[0], 110))
    drawn = (_picture(chosen, timedelta(days=days), now, text, *size, display) for size in sizes)
    return Markup("").join(drawn)


def _picture(
    lines: Mapping[str, Sequence[Alert]],
    span: timedelta,
    now: datetime,
    text: str,
    kind: str,
    width: int,
    left: int,
    display: Display,
) -> Markup:
    since, bottom = now - span, LANE * len(lines)
    scale = (width - left - 20) / span.total_seconds()

    def place(at: datetime) -> float:
        return left + max((at - since).total_seconds(), 0.0) * scale

    lanes = Markup("").join(
        _LANE.format(y + 15, _short(rule, left // 8), _bars(alerts, y + 4, place, now, display))
        for y, (rule, alerts) in zip(range(0, bottom, LANE), lines.items(), strict=True)
    )
    ticks = Markup("").join(
        _TICK.format(place(at), bottom, bottom + 16, label)
        for at, label in time_ticks(since, now, (width - left) // 90, display.zone)
    )
    return _SVG.format(kind, width, bottom + FOOT, text, ticks, lanes)


def _bars(
    alerts: Sequence[Alert], top: int, place: Callable[[datetime], float], now: datetime, display: Display
) -> Markup:
    drawn = []
    for alert in alerts[:MOST_BARS]:
        start, end = place(alert.fired_at or alert.since), place(_end(alert, now))
        until = f"to {moment(alert.resolved_at)}" if alert.resolved_at else "and still fires"
        words = clean(f"{alert.label}: {alert.because}, from {moment(alert.fired_at)} {until}")
        drawn.append(
            _BAR.format(alert.severity, start, top, max(end - start, 3.0), LANE - 8, display.localised(words))
        )
    return Markup("").join(drawn)


def _end(alert: Alert, now: datetime) -> datetime:
    return alert.resolved_at or now


def _short(name: str, most: int) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"
