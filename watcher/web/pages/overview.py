"""The overview: the truth in one sentence, and what needs somebody."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from watcher.charts.figures import burn_down
from watcher.domain.alerts.selection import AlertFilter
from watcher.ports.queries import Queries
from watcher.reports import status
from watcher.reports.alerts import AlertViews
from watcher.reports.credits import burn
from watcher.reports.day_change import DayChange, Holdings, day
from watcher.web import text
from watcher.web.beside import WorkedOut
from watcher.web.parameters import Parameters
from watcher.web.snapshot import PageSnapshot
from watcher.web.templating import PageView, Templating

LATELY = timedelta(hours=24)
SHOWN, TROUBLED = 15, 10
"""Rows of each part: a glance, and the way to the rest."""


class OverviewPage:
    """`/`."""

    def __init__(self, templating: Templating) -> None:
        self._templating, self._snapshots = templating, templating.snapshots
        self._holdings = Holdings(self._snapshots.wallets)
        self._held_then = Holdings(self._snapshots.wallets)
        """The same for what a day has changed, which another thread works out."""
        self._days: WorkedOut[str, DayChange | None] = WorkedOut(self._snapshots, self._work_out, 1)

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/", self.overview)]

    async def overview(self, request: web.Request) -> web.Response:
        Parameters(request.query, ())
        moved = await self._days.get("last")
        return await self._templating.page(request, lambda view: self._overview(view, moved))

    def _overview(self, view: PageView, moved: DayChange | None) -> str:
        snapshot = view.snapshot
        rows, alerts = snapshot.status["accounts"], snapshot.status["alerts"]
        behind = {id(row) for row in rows if status.behind(row)}
        unread = sum(row["last_reading"] is None for row in rows)
        late, firing = len(behind) - unread, sum(alert["state"] == "firing" for alert in alerts)
        bad = [row for row in rows if id(row) in behind or row["held"]]
        worth = self._holdings.totals(snapshot.past).worth(snapshot.past)
        lately = AlertFilter(since=snapshot.at - LATELY)
        with self._snapshots.store.queries() as reader:
            burns = [burn(reader, name, plan, snapshot.at) for name, plan in self._snapshots.plans.items()]
            happened = reader.happened(lately, SHOWN, worst=True)
            count = reader.count_happened(lately)
        views = AlertViews(self._snapshots.settings, snapshot.past.silences, snapshot.at)
        return self._templating.render(
            "overview.html", view, worth=worth, troubled=bad[:TROUBLED],
            more=len(bad) - TROUBLED, truth=text.sentence(snapshot, firing=firing, late=late, unread=unread),
            happened=views.rows(happened), more_happened=count - len(happened),
            firing=firing, day=moved, change=text.change,
            pending=sum(alert["state"] == "pending" for alert in alerts), late_count=late, unread=unread,
            burns=[(each, burn_down(each, self._templating.display)) for each in burns],
            sources=text.sources(snapshot, status.behind),
        )  # fmt: skip

    def _work_out(self, _day: str, reader: Queries, snapshot: PageSnapshot) -> DayChange | None:
        wallets, held = self._snapshots.wallets, self._held_then.totals(snapshot.past)
        return day(reader, held, snapshot.past, wallets, snapshot.at)
