"""Sparklines: the value of many accounts over the last days, for the table of wallets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from watcher.domain.decision import Snapshot
from watcher.domain.history.timeline import GRACE, SLACK, Gap, Point, Segment, gaps, merged, segments
from watcher.domain.model import Account, Asset
from watcher.domain.values.decimals import ZERO, plus, times, total
from watcher.ports.queries import Queries, Sparks

SPAN, STRETCHES = timedelta(days=7), 42
SHORTEST = timedelta(hours=1)


def sparks_since(past: Snapshot, accounts: Iterable[Account], now: datetime) -> datetime:
    """Where the lines of some accounts begin, all at the same time: seven days ago, or where the oldest of
    them began to be read."""
    states = [state for account in accounts if (state := past.accounts.get(account)) is not None]
    began = [state.watched_since or now - SPAN for state in states]
    return min(max(min(began, default=now), now - SPAN), now - SHORTEST)


def sparklines(
    reader: Queries,
    past: Snapshot,
    groups: Sequence[Mapping[Account, float | None]],
    since: datetime,
    now: datetime,
) -> list[list[Segment]]:
    """The value of the accounts of each group together since then, in 42 stretches: of seven days as of every
    four hours. Only what has a price counts, and no mere claim; nothing is drawn while the value of one is
    unknown.

    `groups`: with the interval of each account in seconds, if known. Nothing is drawn while its source was
    not read at all for longer than that.
    """
    found = reader.sparks([account for group in groups for account in group], since, now, STRETCHES)
    ends = [since + (now - since) / STRETCHES * number for number in range(STRETCHES)] + [now]
    prices = {asset: _at_ends(points, ends) for asset, points in found.prices.items()}
    return [_line(found, past, group, prices, ends) for group in groups]


def _line(
    found: Sparks,
    past: Snapshot,
    group: Mapping[Account, float | None],
    prices: Mapping[Asset, Sequence[Decimal | None]],
    ends: Sequence[datetime],
) -> list[Segment]:
    lines = [_known(found, past, *each, prices, ends) for each in group.items()]
    if any(line is None for line in lines):
        return []
    sums = [_total([line[0][number] for line in lines if line]) for number in range(len(ends))]
    steps = [Point(at, value) for at, value in zip(ends, sums, strict=True)]
    unread = merged([gap for line in lines if line for gap in line[1]])
    return segments(steps, unread, ends[0], ends[-1])


def _total(parts: Sequence[Decimal | None]) -> Decimal | None:
    known = [part for part in parts if part is not None]
    return total(known) if len(known) == len(parts) else None


def _known(
    found: Sparks,
    past: Snapshot,
    account: Account,
    interval: float | None,
    prices: Mapping[Asset, Sequence[Decimal | None]],
    ends: Sequence[datetime],
) -> tuple[list[Decimal | None], list[Gap]] | None:
    """What an account was worth at each end, and when it was not read; None if it never was."""
    state = past.accounts.get(account)
    if state is None or state.last_reading is None:
        return None
    sums: list[Decimal | None] = [None] * len(ends)
    for asset, amount in state.amounts.items():
        quoted = prices.get(asset)
        before = found.before.get((account, asset), [])
        if quoted is None or not (amount or before) or not state.believes(asset):
            continue
        for number, held in enumerate(_amounts(before, amount, ends)):
            price = quoted[number]
            if held is not None and price is not None:
                sums[number] = plus(sums[number] or ZERO, times(held, price))
    longest = (timedelta(seconds=interval) if interval else timedelta(hours=12)) * GRACE + SLACK
    since, now = ends[0], ends[-1]
    read = [since, *(at for at in found.readings.get(account.source, ()) if at <= state.last_reading)]
    return sums, gaps(read, since, now, longest)


def _at_ends(points: Sequence[Point], ends: Sequence[datetime]) -> list[Decimal | None]:
    """The last value at each of these times."""
    result: list[Decimal | None] = []
    index, value = 0, None
    for end in ends:
        while index < len(points) and points[index].at <= end:
            value = points[index].value
            index += 1
        result.append(value)
    return result


def _amounts(before: Sequence[Point], now: Decimal, ends: Sequence[datetime]) -> list[Decimal | None]:
    """The amount at each of these times: what the next change after it says was there before."""
    result: list[Decimal | None] = []
    index = 0
    for end in ends:
        while index < len(before) and before[index].at <= end:
            index += 1
        result.append(before[index].value if index < len(before) else now)
    return result
