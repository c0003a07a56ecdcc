"""Hint sources in words, for `status` and `plan`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from watcher.domain.values.durations import span
from watcher.domain.values.formatting import counted, moment
from watcher.domain.values.text import clean

if TYPE_CHECKING:
    from watcher.reports.rows import HintedSourceRow, HintSourceRow


def hint_lines(name: str, row: HintSourceRow, now: datetime) -> Iterator[str]:
    """One hint source: how it fares, what it told today, and what came of that."""
    since = f" since {moment(row['since'])}" if row["since"] else ""
    why = f" ({clean(row['why'])})" if row["why"] else ""
    last = row["last_hint"]
    heard = f"last hint {span(max(round((now - last).total_seconds()), 0))} ago" if last else "no hint yet"
    yield f"hints {name}: {row['state']}{since}{why}; {heard}; for {counted(row['accounts'], 'account')}"
    today, gaps = row["today"], row["today"]["gaps"]
    counts = {
        "taken": today["taken"],
        "gathered": today["gathered"],
        "late": today["late"],
        "told before": today["duplicate"],
        "of unknown addresses": today["unknown"],
    }
    words = [f"{count:,} {what}" for what, count in counts.items() if count]
    missing = f"; {counted(gaps, 'time')} for which some may be missing" if gaps else ""
    yield f"  today: {', '.join(words) or 'none'}{missing}"
    for source, each in row["sources"].items():
        yield f"  {source}: {_polls(each)}; {_earned(each)}"


def _polls(row: HintedSourceRow) -> str:
    if not row["polls"]:
        return "no poll upon them today"
    paid = f", {row['credits']:,} credits ({row['wasted']:,} wasted)" if row["credits"] else ""
    polls = f"{counted(row['polls'], 'poll')} upon them today"
    return f"{polls}, {row['confirmed']:,} confirmed, {row['barren']:,} barren{paid}"


def _earned(row: HintedSourceRow) -> str:
    if row["recall"] is None:
        return "what they are worth is not known yet"
    return expectation(row["recall"], row["precision"], row["lag_seconds"], row["longest_lag_seconds"])


def expectation(told: float, true: float | None, lag: float | None, longest: float | None = None) -> str:
    """What hints are worth: `told` and `true` are shares, lags seconds; None: not known yet."""
    within = f" (97 % within {span(max(longest, 0.0))})" if longest is not None else ""
    shown = f"shown after {span(max(lag, 0.0))}{within}" if lag is not None else "shown after: not known yet"
    truth = f", {true * 100:.0f} % true" if true is not None else ""
    return f"{told * 100:.0f} % told{truth}, {shown}"
