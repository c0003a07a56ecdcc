"""Course: what sums were over a period, at the end of each of its stretches. Never a zero for the unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from watcher.domain.history.timeline import Point
from watcher.domain.model import Asset, Quote
from watcher.domain.values.decimals import ZERO, plus, times
from watcher.reports.portfolio.fold import STRETCHES, Cell

Prices = Mapping[Asset, Sequence[Decimal | None]]
"""The price of each asset at the beginning and at the end of each stretch; None while there was none."""


def prices_over(steps: Mapping[Asset, Sequence[Quote]], since: datetime, span: timedelta) -> Prices:
    """Of every asset that has a price, from the last ones before the period and in each stretch."""
    found = {}
    for asset, quotes in steps.items():
        prices: list[Decimal | None] = [None] * (STRETCHES + 1)
        for quote in quotes:
            prices[0 if quote.at < since else (quote.at - since) * STRETCHES // span + 1] = quote.price
        last: Decimal | None = None
        for number, price in enumerate(prices):
            prices[number] = last = price if price is not None else last
        found[asset] = prices
    return found


def amounts_over(cell: Cell) -> list[Decimal | None]:
    """How much was held; None before anything was known of it."""
    amount, found = plus(cell.still, cell.flow.opening), []
    for number in range(STRETCHES + 1):
        amount = plus(amount, cell.steps.get(number - 1, ZERO))
        found.append(amount if number - 1 >= cell.first else None)
    return found


def values_over(cells: Iterable[tuple[Asset, Cell]], prices: Prices) -> list[Decimal | None]:
    """What they were worth together; None while nothing of it had a price, or was known."""
    found: list[Decimal | None] = [None] * (STRETCHES + 1)
    for asset, cell in cells:
        priced = prices.get(asset)
        if priced is None:
            continue
        for number, amount in enumerate(amounts_over(cell)):
            price = priced[number]
            if amount is not None and price is not None:
                found[number] = plus(found[number] or ZERO, times(amount, price))
    return found


def points(values: Sequence[Decimal | None], since: datetime, span: timedelta) -> tuple[Point, ...]:
    """The values with their times."""
    return tuple(Point(since + span * number / STRETCHES, value) for number, value in enumerate(values))
