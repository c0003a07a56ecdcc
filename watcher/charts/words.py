"""Words of a chart: what a line shows, for those who do not see it, in all three pictures the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from watcher.charts.chart import ChartLine
from watcher.domain.history.timeline import Gap, known_values
from watcher.domain.values.decimals import minus
from watcher.domain.values.durations import span
from watcher.domain.values.formatting import counted, moment, signed

NOTHING = "nothing is known of this time"


def moved(line: ChartLine, format_value: Callable[[Decimal], str]) -> str:
    """The last value, and what has changed since the first."""
    values = known_values(line.segments)
    if not values:
        return "not known in this time"
    delta = minus(values[-1], values[0])
    change = f"{signed(format_value(delta), delta)} in this time" if delta else "as at the beginning"
    return f"{format_value(values[-1])}, {change}"


def shown(line: ChartLine, format_value: Callable[[Decimal], str]) -> list[str]:
    """What is known: the values at both ends, the lowest and the highest."""
    values = known_values(line.segments)
    if not values:
        return [NOTHING]
    return [
        f"{format_value(values[0])} on {moment(line.segments[0][0].at)}",
        f"{format_value(values[-1])} on {moment(line.segments[-1][-1].at)}",
        f"lowest {format_value(min(values))}",
        f"highest {format_value(max(values))}",
    ]


def unread(gaps: Sequence[Gap]) -> str:
    """When nothing was read; empty if there is no such time."""
    if not gaps:
        return ""
    longest = max(gaps, key=lambda gap: gap.until - gap.since)
    one = f"from {moment(longest.since)} to {moment(longest.until)}"
    if len(gaps) == 1:
        return f"not read {one}"
    return f"not read {counted(len(gaps), 'time')}, the longest {one}, {span(_seconds(longest))}"


def _seconds(gap: Gap) -> float:
    return (gap.until - gap.since).total_seconds()
