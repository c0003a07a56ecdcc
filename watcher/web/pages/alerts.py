"""Alerts and events: all of them, and one with all that was told of it."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from watcher.charts.lanes import LANES, RANGES, alerts_by_rule, lane_chart
from watcher.commands.alerts import can_be_silenced, told
from watcher.ports.queries import Queries
from watcher.reports.alerts import AlertViews
from watcher.reports.rows import AlertDetailRow
from watcher.web.parameters import ROWS, Parameters
from watcher.web.templating import PageView, Templating

LINED = 1000
"""Alerts of the time line, at most, the newest."""


class AlertPages:
    """`/alerts` and what is below it."""

    def __init__(self, templating: Templating) -> None:
        self._templating, self._snapshots = templating, templating.snapshots

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/alerts", self.alerts), web.get("/alerts/{id}", self.alert)]

    async def alerts(self, request: web.Request) -> web.Response:
        parameters = Parameters(request.query, ("range", "page"))
        days, (page, skip) = parameters.choice("range", RANGES) or "7d", parameters.among()

        def render(view: PageView) -> str:
            snapshot = view.snapshot
            with self._snapshots.store.queries() as reader:
                found = reader.alerts(LINED)
                listed = reader.alerts(ROWS + 1, skip)
            views = AlertViews(self._snapshots.settings, snapshot.past.silences, snapshot.at)
            rows = [{**views.row(alert), "resolved_at": alert.resolved_at} for alert in listed[:ROWS]]
            lines = alerts_by_rule(found, snapshot.at - timedelta(days=RANGES[days]), snapshot.at)
            return self._templating.render(
                "alerts.html", view, rows=rows, days=days, ranges=list(RANGES), shown=LANES,
                page=page, more=len(listed) > ROWS,
                hidden=max(len(lines) - LANES, 0),
                picture=lane_chart(lines, RANGES[days], snapshot.at, self._templating.display),
            )  # fmt: skip

        return await self._templating.page(request, render)

    async def alert(self, request: web.Request) -> web.Response:
        """One alert or event, with all that was told of it."""
        Parameters(request.query, ())
        name, settings = request.match_info["id"], self._snapshots.settings

        def asking(reader: Queries) -> AlertDetailRow | None:
            alert = told(reader, name)
            if alert is None:
                return None
            views = AlertViews(settings, reader.silences(), self._snapshots.clock.now())
            return views.whole(alert, reader.deliveries_of(name))

        row = await self._snapshots.ask(asking)
        if row is None:
            raise web.HTTPNotFound(text="there is no such alert")

        def render(view: PageView) -> str:
            # A notice that is built in, or a rule or a wallet that was removed, has no page of its own.
            links = {
                "rule": row["rule"] in self._templating.rules.by_id,
                "wallet": row["wallet"] in {wallet.name for wallet in self._snapshots.wallets.values()},
            }
            alike = sum(
                (each["rule"], each["wallet"]) == (row["rule"], row["wallet"])
                for each in view.snapshot.status["alerts"]
            )
            return self._templating.render(
                "alert.html", view, row=row, links=links, alike=alike,
                silenceable=can_be_silenced(row["rule"]),
            )  # fmt: skip

        return await self._templating.page(request, render, keep=False)
