"""Curve of a letter: what all was worth over the period, as SVG for the page and as PNG for a message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from markupsafe import Markup

from watcher.charts.plot import Plot
from watcher.charts.svg import line_chart
from watcher.domain.decision import Snapshot
from watcher.domain.history.timeline import Gap, Point, Segment, merged, segments
from watcher.domain.model import Account, AccountState, Asset
from watcher.domain.values.decimals import ZERO, plus, times
from watcher.domain.values.formatting import money
from watcher.ports.queries import Queries
from watcher.reports.statement.statement import Statement

STRETCHES = 62
"""Points of the curve: of a month two a day."""

Curve = tuple[Sequence[Segment], Sequence[Gap]]


def curve(reader: Queries, found: Statement) -> Curve:
    """The value of all that counts and has a price, and when nothing at all was read.

    Its ends are the figures of the statement. Before anything was read there is no curve, and no zero.
    """
    since, until = found.since, found.until
    ends = [since + (until - since) / STRETCHES * number for number in range(STRETCHES)] + [until]
    accounts = [account for _, account in found.accounts]
    seen, past = reader.sparks(accounts, since, until, STRETCHES), reader.past()
    held = _Held(past, accounts, seen.before, ends)
    values: list[Decimal] = [ZERO] * len(ends)
    for asset, amounts in held.amounts.items():
        prices = _at(seen.prices.get(asset, ()), ends)
        for number, (amount, price) in enumerate(zip(amounts, prices, strict=True)):
            if price is not None and amount:
                values[number] = plus(values[number], times(amount, price))
    values[0], values[-1] = found.total.opening, found.total.closing
    steps = [
        Point(at, value if known else None) for at, value, known in zip(ends, values, held.known, strict=True)
    ]
    gaps = merged(Gap(each.since, each.until) for each in found.unread if each.account is None)
    if gaps and gaps[-1].until == until and steps[-1].value is not None:
        # What was read last is the closing figure.
        steps = [*(each for each in steps if each.at < gaps[-1].since), Point(gaps[-1].since, values[-1])]
    return segments(steps, gaps, since, until), gaps


class _Held:
    """Of each asset what all of it came to at each of some times: what is held now, less what came since.

    `known`: whether anything was known then.
    """

    def __init__(
        self,
        past: Snapshot,
        accounts: Sequence[Account],
        before: Mapping[tuple[Account, Asset], Sequence[Point]],
        ends: Sequence[datetime],
    ) -> None:
        self.amounts: dict[Asset, list[Decimal]] = {}
        self.known = [False] * len(ends)
        now: dict[Asset, Decimal] = {}
        for account in accounts:
            state = past.accounts.get(account) or AccountState(account)
            for asset, amount in state.amounts.items():
                if not state.believes(asset):
                    continue
                points = before.get((account, asset))
                if points:
                    self._add(asset, _amounts(points, amount, ends))
                else:
                    now[asset] = plus(now.get(asset, ZERO), amount)
        for asset, amount in now.items():
            self._add(asset, [amount] * len(ends))

    def _add(self, asset: Asset, amounts: Sequence[Decimal | None]) -> None:
        sums = self.amounts.setdefault(asset, [ZERO] * len(amounts))
        for number, amount in enumerate(amounts):
            if amount is not None:
                self.known[number] = True
                sums[number] = plus(sums[number], amount)


def _amounts(points: Sequence[Point], now: Decimal, ends: Sequence[datetime]) -> list[Decimal | None]:
    """What one holding was at each of these times: what the next change says was there before it."""
    result: list[Decimal | None] = []
    index = 0
    for end in ends:
        while index < len(points) and points[index].at < end:
            index += 1
        result.append(points[index].value if index < len(points) else now)
    return result


def _at(points: Sequence[Point], ends: Sequence[datetime]) -> list[Decimal | None]:
    """The last price at each of these times."""
    result: list[Decimal | None] = []
    index, value = 0, None
    for end in ends:
        while index < len(points) and points[index].at < end:
            value = points[index].value
            index += 1
        result.append(value)
    return result


def drawn(drawing: Curve, found: Statement) -> Markup:
    """The curve as SVG, which the page's style sheet colours."""
    words = f"{money(found.total.opening)} at the beginning, {money(found.total.closing)} at the end."
    return (
        line_chart(_plot(drawing, found, "Value in US dollars", words), "value") if drawing[0] else Markup("")
    )


def painted(drawing: Curve, found: Statement, title: str) -> bytes | None:
    """The curve as PNG; None if there is nothing to draw."""
    from watcher.charts.png import png

    words = "value in US dollars of all that counts and has a price"
    return png(_plot(drawing, found, title, words)) if drawing[0] else None


def _plot(drawing: Curve, found: Statement, title: str, words: str) -> Plot:
    pieces, gaps = drawing
    zone = ZoneInfo(found.zone)
    return Plot(
        found.since, found.until, pieces, title, words, gaps,
        sign="$", format_value=money, zone=zone,
    )  # fmt: skip
