"""Portfolio: what everything is worth, by whatever people look for it, and what has changed that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from watcher.config.settings import Settings
from watcher.domain.decision import Snapshot
from watcher.domain.history.timeline import Gap, Point, merged
from watcher.domain.model import Account, Asset
from watcher.domain.records import Record
from watcher.domain.values.decimals import ZERO, times, total
from watcher.ports.queries import Queries
from watcher.reports.portfolio.course import Prices, amounts_over, points, prices_over, values_over
from watcher.reports.portfolio.fold import STRETCHES, Cell, Ends, Fold, Folded, Wanted, ends_of
from watcher.reports.ranges import RANGES
from watcher.reports.statement.flows import Flow, summed_flows, worth_of
from watcher.reports.statement.statement import UNTAGGED
from watcher.reports.statement.unread import UnreadTime, never_read, unread_times
from watcher.reports.status import wallets_by_account

BY = ("tag", "asset", "chain", "source", "wallet")

DRAWN = 50
"""Groups of one kind that are drawn over time: those that are worth most."""

FIRST_ROUND = timedelta(hours=1)
"""What was read so soon after the beginning of all data counts as held then, and not as first seen."""

TICK = timedelta(milliseconds=1)
"""The times of the store are cut to it: what was read at this very moment belongs to the period."""


class PortfolioGroup(NamedTuple):
    """A tag, an asset, a chain, a source or a wallet, over the period.

    `worth`: in dollars, of all that has a price. `holdings`: those that hold something at the end, `unpriced`
    of them without a price. `known_before`: whether any of it was read before the period.
    """

    name: str
    worth: Flow
    holdings: int
    unpriced: int
    known_before: bool
    course: tuple[Point, ...] = ()
    """What it was worth over time; empty if it is not drawn."""
    asset: Asset | None = None
    amounts: Flow | None = None
    """Of an asset alone: amounts of several have no sum."""

    @property
    def valued(self) -> bool:
        """Whether anything of it has a price, or there is nothing to value."""
        return self.holdings > self.unpriced or not self.unpriced


class Claim(NamedTuple):
    """An asset of which something counts in no value: nobody asked for it, or somebody hid it."""

    asset: Asset
    amount: Decimal
    holdings: int
    value: Decimal | None


class Portfolio(Record, frozen=True):
    """Everything over a period, from `since` up to `until`, of which the last is not in it."""

    since: datetime
    until: datetime
    total: Flow
    """In dollars, of all that counts and has a price."""
    course: tuple[Point, ...]
    gaps: tuple[Gap, ...]
    """When nothing was read, or nothing of a whole source."""
    groups: Mapping[str, tuple[PortfolioGroup, ...]]
    """By each of `BY`, the most valuable first. A wallet with several tags counts in each of them."""
    unpriced: int
    claims: tuple[Claim, ...]
    fresh: int
    """Wallets of which something was read for the first time in the period."""
    unread: int
    """Accounts that could not be read for a part of the period, each by itself."""
    never_read: int
    accounts: int

    @property
    def everything(self) -> PortfolioGroup:
        """All of it as one."""
        wallets = self.groups["wallet"]
        known, holdings = (any(e.known_before for e in wallets), sum(e.holdings for e in wallets))
        return PortfolioGroup("all", self.total, holdings, self.unpriced, known, self.course)

    @property
    def claimed(self) -> Decimal:
        """What the claims are said to be worth."""
        return total(each.value for each in self.claims if each.value is not None)


def period_of(reader: Queries, chosen: str, now: datetime) -> tuple[datetime, datetime]:
    """From when up to when a range reaches: it begins where data begins, once most was read for the first
    time, so that there is something to begin with."""
    back, oldest = RANGES[chosen], min(reader.oldest() or now, now)
    begins = oldest + min(FIRST_ROUND, (now - oldest) / 10)
    return (begins if back is None else max(begins, now - back)), now + TICK


def portfolio(
    settings: Settings,
    reader: Queries,
    past: Snapshot,
    period: tuple[datetime, datetime],
    wanted: Wanted = lambda: True,
) -> Portfolio:
    """The portfolio of all wallets. `past`: what is known at the end of the period. NotWanted if it is not
    `wanted` any more."""
    since, until = period
    wallets = wallets_by_account(settings)
    steps = reader.price_steps(since, until, STRETCHES)
    ends, prices = ends_of(steps, since), prices_over(steps, since, until - since)
    folded = Fold(wallets, past, ends, since, until, wanted).take_all(reader)
    draw = Drawing(prices, since, until)
    assets = _by_asset(folded)
    unread = _unread(reader, past, wallets, since, until)
    silent = never_read(past, wallets, until)
    groups = {
        "tag": _groups(folded, lambda tags, _, __: tags or (UNTAGGED,), ends, draw),
        "asset": _asset_groups(assets, past, ends, draw),
        "chain": _groups(folded, lambda _, __, asset: (asset.chain,), ends, draw),
        "source": _groups(folded, lambda _, source, __: (source,), ends, draw),
        "wallet": _wallets(folded),
    }
    return Portfolio(
        since,
        until,
        summed_flows(each.worth for each in groups["asset"]),
        draw.values(assets.items()),
        _gaps(unread),
        groups,
        sum(each.unpriced for each in groups["asset"]),
        _claims(folded, ends),
        len(folded.fresh),
        len({each.account for each in unread} - {None}),
        len(silent),
        len(wallets),
    )


class AssetCourse(Record, frozen=True):
    """One asset in all wallets over a period, as far as it counts: what is only claimed stands apart."""

    since: datetime
    until: datetime
    amounts: Flow
    worth: Flow | None
    """In dollars; None without a price."""
    amount_course: tuple[Point, ...]
    value_course: tuple[Point, ...]
    gaps: tuple[Gap, ...]


def asset_course(
    settings: Settings,
    reader: Queries,
    past: Snapshot,
    asset: Asset,
    period: tuple[datetime, datetime],
    wanted: Wanted = lambda: True,
) -> AssetCourse:
    """The course of one asset. `past`: what is known at the end of the period."""
    since, until = period
    wallets = wallets_by_account(settings)
    steps = reader.price_steps(since, until, STRETCHES, asset)
    ends, prices = ends_of(steps, since), prices_over(steps, since, until - since)
    folded = Fold(wallets, past, ends, since, until, wanted).take_all(reader, asset)
    draw, cell = Drawing(prices, since, until), _by_asset(folded).get(asset, Cell())
    holders = {key.source for key in folded.cells}
    unread = _unread(reader, past, [each for each in wallets if each.source in holders], since, until)
    return AssetCourse(
        since,
        until,
        cell.amounts,
        _worth(asset, cell, ends) if asset in ends else None,
        draw.amounts(cell),
        draw.values([(asset, cell)]),
        _gaps(unread),
    )


def _gaps(unread: Iterable[UnreadTime]) -> tuple[Gap, ...]:
    """When nothing was read at all, or nothing of a source."""
    return tuple(merged(Gap(each.since, each.until) for each in unread if each.account is None))


class Drawing(NamedTuple):
    """What makes lines of sums."""

    prices: Prices
    since: datetime
    until: datetime

    def values(self, cells: Iterable[tuple[Asset, Cell]]) -> tuple[Point, ...]:
        return points(values_over(cells, self.prices), self.since, self.until - self.since)

    def amounts(self, cell: Cell) -> tuple[Point, ...]:
        return points(amounts_over(cell), self.since, self.until - self.since)


def _unread(
    reader: Queries, past: Snapshot, wallets: Iterable[Account], since: datetime, until: datetime
) -> list[UnreadTime]:
    accounts = list(wallets)
    data = reader.statement(accounts, since, until, holdings=False)
    return unread_times(data, past, accounts, since, until)


def _groups(
    folded: Folded, names: Callable[[tuple[str, ...], str, Asset], Iterable[str]], ends: Ends, draw: Drawing
) -> tuple[PortfolioGroup, ...]:
    """What is summed by asset first, so that there is little to multiply."""
    found: dict[str, dict[Asset, Cell]] = {}
    for key, cell in folded.cells.items():
        for name in names(*key):
            found.setdefault(name, {}).setdefault(key.asset, Cell()).add(cell)
    groups = []
    for name, cells in found.items():
        worth = [_worth(asset, cell, ends) for asset, cell in cells.items()]
        known = any(cell.known_before for cell in cells.values())
        holdings = sum(cell.holdings for cell in cells.values())
        unpriced = sum(cell.holdings for asset, cell in cells.items() if asset not in ends)
        groups.append(PortfolioGroup(name, summed_flows(worth), holdings, unpriced, known))
    ranked = sorted(groups, key=_rank)
    drawn = [each._replace(course=draw.values(found[each.name].items())) for each in ranked[:DRAWN]]
    return (*drawn, *ranked[DRAWN:])


def _by_asset(folded: Folded) -> dict[Asset, Cell]:
    found: dict[Asset, Cell] = {}
    for key, cell in folded.cells.items():
        found.setdefault(key.asset, Cell()).add(cell)
    return found


def _asset_groups(
    assets: Mapping[Asset, Cell], past: Snapshot, ends: Ends, draw: Drawing
) -> tuple[PortfolioGroup, ...]:
    groups = []
    for asset, cell in assets.items():
        worth, unpriced = _worth(asset, cell, ends), 0 if asset in ends else cell.holdings
        name, known = past.symbols.get(asset, "") or asset.token, cell.known_before
        group = PortfolioGroup(name, worth, cell.holdings, unpriced, known, asset=asset, amounts=cell.amounts)
        groups.append(group)
    ranked = sorted(groups, key=_rank)
    drawn = [each._replace(course=draw.values(_one(each, assets))) for each in ranked[:DRAWN]]
    return (*drawn, *ranked[DRAWN:])


def _one(group: PortfolioGroup, assets: Mapping[Asset, Cell]) -> Iterable[tuple[Asset, Cell]]:
    return [(group.asset, assets[group.asset])] if group.asset is not None else []


def _wallets(folded: Folded) -> tuple[PortfolioGroup, ...]:
    return tuple(
        sorted(
            (
                PortfolioGroup(name, each.worth, each.holdings, each.unpriced, each.known_before)
                for name, each in folded.wallets.items()
            ),
            key=_rank,
        )
    )


def _worth(asset: Asset, cell: Cell, ends: Ends) -> Flow:
    return worth_of(cell.amounts, *ends[asset]) if asset in ends else Flow()


def _rank(group: PortfolioGroup) -> tuple[bool, Decimal, Decimal, str]:
    """What is worth most comes first; what nobody can value comes last."""
    worthless = not group.worth.closing and bool(group.unpriced)
    return worthless, group.worth.closing.copy_negate(), group.worth.opening.copy_negate(), group.name


def _claims(folded: Folded, ends: Ends) -> tuple[Claim, ...]:
    found = []
    for asset, each in folded.apart.items():
        price = ends[asset][1] if asset in ends else None
        value = times(each.amount, price) if price is not None else None
        found.append(Claim(asset, each.amount, each.holdings, value))
    return tuple(sorted(found, key=lambda each: ((each.value or ZERO).copy_negate(), each.asset)))
