"""The overview: the truth in one sentence, and what needs somebody."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from aiohttp import web

from watcher.charts.figures import burn_down
from watcher.domain.alerts.selection import AlertFilter
from watcher.domain.values.errors import StoreError
from watcher.reports import status
from watcher.reports.alerts import AlertViews
from watcher.reports.credits import burn
from watcher.reports.day_change import DayChange, Holdings, day
from watcher.web import text
from watcher.web.parameters import Parameters
from watcher.web.templating import PageView, Templating

DAY_LASTS = timedelta(minutes=1)
DAY_WAITS = 0.1
LATELY = timedelta(hours=24)
SHOWN, TROUBLED = 15, 10
"""Rows of each part: a glance, and the way to the rest."""


class OverviewPage:
    """`/`."""

    def __init__(self, templating: Templating) -> None:
        self._templating, self._snapshots = templating, templating.snapshots
        self._holdings = Holdings(self._snapshots.wallets)
        self._moved: asyncio.Future[DayChange | None] | None = None
        self._moved_at = self._snapshots.clock.now()

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/", self.overview)]

    async def overview(self, request: web.Request) -> web.Response:
        Parameters(request.query, ())
        moved = await self._day()
        return await self._templating.page(request, lambda view: self._overview(view, moved))

    def _overview(self, view: PageView, moved: DayChange | None) -> str:
        snapshot = view.snapshot
        late = {id(row) for row in snapshot.status["accounts"] if status.behind(row)}
        unread = sum(row["last_reading"] is None for row in snapshot.status["accounts"])
        bad = [row for row in snapshot.status["accounts"] if id(row) in late or row["held"]]
        worth = self._holdings.totals(snapshot.past).worth(snapshot.past)
        lately = AlertFilter(since=snapshot.at - LATELY)
        with self._snapshots.store.queries() as reader:
            burns = [burn(reader, name, plan, snapshot.at) for name, plan in self._snapshots.plans.items()]
            happened = reader.happened(lately, SHOWN, worst=True)
            count = reader.count_happened(lately)
        views = AlertViews(self._snapshots.settings, snapshot.past.silences, snapshot.at)
        alerts = snapshot.status["alerts"]
        return self._templating.render(
            "overview.html", view, worth=worth, troubled=bad[:TROUBLED],
            more=len(bad) - TROUBLED, truth=text.sentence(snapshot, len(late)),
            happened=views.rows(happened), more_happened=count - len(happened),
            firing=sum(alert["state"] == "firing" for alert in alerts), day=moved, change=text.change,
            pending=sum(alert["state"] == "pending" for alert in alerts), late_count=len(late) - unread,
            unread=unread,
            burns=[(each, burn_down(each, self._templating.display)) for each in burns],
            sources=text.sources(snapshot, status.behind),
        )  # fmt: skip

    async def _day(self) -> DayChange | None:
        """What a day has changed. It takes all holdings: worked out once a minute, in a thread of its own;
        until it is there, the page that was asked for goes on without."""
        snapshot, snapshots = await self._snapshots.current(), self._snapshots
        old = self._moved
        if old is None or (old.done() and not timedelta(0) <= snapshot.at - self._moved_at < DAY_LASTS):
            held = await snapshots.work(lambda: self._holdings.totals(snapshot.past))

            def work() -> DayChange | None:
                try:
                    with snapshots.store.queries() as reader:
                        return day(reader, held, snapshot.past, snapshots.wallets, snapshot.at)
                except StoreError:
                    return None  # the page itself says what is wrong with the store

            self._moved, self._moved_at = asyncio.ensure_future(asyncio.to_thread(work)), snapshot.at
            await asyncio.wait({self._moved}, timeout=DAY_WAITS)
            if not self._moved.done():
                return old.result() if old is not None else None
        return self._moved.result() if self._moved is not None and self._moved.done() else None
