"""What pages and JSON tell of all holdings together: worked out once for both."""

from __future__ import annotations

from typing import NamedTuple

from watcher.domain.model import Asset
from watcher.ports.queries import Queries
from watcher.reports.portfolio.assets import AssetTotals
from watcher.reports.portfolio.portfolio import AssetCourse, Portfolio, asset_course, period_of, portfolio
from watcher.web.beside import WorkedOut
from watcher.web.snapshot import PageSnapshot, PageSnapshots

MOST_PERIODS, MOST_COURSES = 3, 32
"""Kept at once: a portfolio of 10,000 wallets takes some megabytes."""

USUAL_RANGE = "7d"


class CourseOf(NamedTuple):
    """An asset over a range."""

    asset: Asset
    chosen: str


class AllHoldings:
    """All that is held: the totals of assets now, and what became of everything over time."""

    def __init__(self, snapshots: PageSnapshots) -> None:
        self._settings, self._open = snapshots.settings, True
        self.totals = AssetTotals(snapshots.wallets)
        self.portfolios: WorkedOut[str, Portfolio] = WorkedOut(snapshots, self._portfolio, MOST_PERIODS)
        self.courses: WorkedOut[CourseOf, AssetCourse] = WorkedOut(snapshots, self._course, MOST_COURSES)

    def close(self) -> None:
        """Nobody waits any more: what is being worked out ends soon."""
        self._open = False

    def _portfolio(self, chosen: str, reader: Queries, snapshot: PageSnapshot) -> Portfolio:
        period = period_of(reader, chosen, snapshot.at)
        return portfolio(self._settings, reader, snapshot.past, period, lambda: self._open)

    def _course(self, of: CourseOf, reader: Queries, snapshot: PageSnapshot) -> AssetCourse:
        period = period_of(reader, of.chosen, snapshot.at)
        return asset_course(self._settings, reader, snapshot.past, of.asset, period, lambda: self._open)
