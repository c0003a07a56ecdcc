"""Curve of a letter: what all was worth over the period, as SVG for the page and as PNG for a message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from markupsafe import Markup

from watcher.charts.svg import Plot, line_chart
from watcher.domain.decision import Snapshot
from watcher.domain.history.timeline import Gap, Point, Segment, merged, segments
from watcher.domain.model import Account, Asset
from watcher.domain.values.decimals import ZERO, minus, plus, times
from watcher.domain.values.formatting import money
from watcher.ports.queries import Queries
from watcher.reports.statement.statement import Statement

STRETCHES = 62
"""Points of the curve: of a month two a day."""

Curve = tuple[Sequence[Segment], Sequence[Gap]]


def curve(reader: Queries, found: Statement) -> Curve:
    """The value of all that counts and has a price, and when nothing at all was read.

    Its ends are the figures of the statement.
    """
    since, until = found.since, found.until
    ends = [since + (until - since) / STRETCHES * number for number in range(STRETCHES)] + [until]
    accounts = [account for _, account in found.accounts]
    seen, past = reader.sparks(accounts, since, until, STRETCHES), reader.past()
    held = _held(past, accounts, seen.before, ends)
    values: list[Decimal] = [ZERO] * len(ends)
    for asset, amounts in held.items():
        prices = _at(seen.prices.get(asset, ()), ends)
        for number, (amount, price) in enumerate(zip(amounts, prices, strict=True)):
            if price is not None and amount:
                values[number] = plus(values[number], times(amount, price))
    values[0], values[-1] = found.total.opening, found.total.closing
    steps = [Point(at, value) for at, value in zip(ends, values, strict=True)]
    gaps = merged(Gap(each.since, each.until) for each in found.unread if each.account is None)
    return segments(steps, gaps, since, until), gaps


def _held(
    past: Snapshot,
    accounts: Sequence[Account],
    before: Mapping[tuple[Account, Asset], Sequence[Point]],
    ends: Sequence[datetime],
) -> dict[Asset, list[Decimal]]:
    """Of each asset what all of it came to at each of these times: what is held now, less what came since."""
    now: dict[Asset, Decimal] = {}
    later: dict[Asset, list[Decimal]] = {}
    for account in accounts:
        state = past.accounts.get(account)
        for asset, amount in state.amounts.items() if state is not None else ():
            if state is None or not state.believes(asset):
                continue
            now[asset] = plus(now.get(asset, ZERO), amount)
            if points := before.get((account, asset)):
                sums = later.setdefault(asset, [ZERO] * len(ends))
                for number, then in enumerate(_amounts(points, amount, ends)):
                    sums[number] = plus(sums[number], minus(amount, then))
    none = [ZERO] * len(ends)
    return {
        asset: [minus(amount, since) for since in later.get(asset, none)] for asset, amount in now.items()
    }


def _amounts(points: Sequence[Point], now: Decimal, ends: Sequence[datetime]) -> list[Decimal]:
    """What one holding was at each of these times: what the next change says was there before it."""
    result, index = [], 0
    for end in ends:
        while index < len(points) and points[index].at <= end:
            index += 1
        result.append((points[index].value or ZERO) if index < len(points) else now)
    return result


def _at(points: Sequence[Point], ends: Sequence[datetime]) -> list[Decimal | None]:
    """The last price at each of these times."""
    result: list[Decimal | None] = []
    index, value = 0, None
    for end in ends:
        while index < len(points) and points[index].at <= end:
            value = points[index].value
            index += 1
        result.append(value)
    return result


def drawn(drawing: Curve, found: Statement) -> Markup:
    """The curve as SVG, which the page's style sheet colours."""
    pieces, gaps = drawing
    if not pieces:
        return Markup("")
    words = f"{money(found.total.opening)} at the beginning, {money(found.total.closing)} at the end."
    title = "Value in US dollars"
    plot = Plot(found.since, found.until, pieces, title, words, gaps, sign="$", format_value=money)
    return line_chart(plot, "value")


def painted(drawing: Curve, found: Statement, title: str) -> bytes | None:
    """The curve as PNG; None if there is nothing to draw."""
    from watcher.charts.png import Picture, png

    pieces, gaps = drawing
    if not pieces:
        return None
    return png(
        Picture(
            title,
            "value in US dollars of all that counts and has a price",
            pieces,
            gaps,
            found.since,
            found.until,
            found.until,
            None,
            money,
        )
    )
