"""Alerts and events: all of them in one list, and one with all that was told of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from aiohttp import web

from watcher.charts.lanes import LANES, RANGES, alerts_by_rule, lane_chart
from watcher.commands.alerts import can_be_silenced, told
from watcher.domain.alerts.selection import AlertFilter, Stage
from watcher.domain.messages.message import Severity
from watcher.ports.queries import Queries
from watcher.reports.alerts import AlertViews
from watcher.reports.rows import AlertDetailRow, AlertRow
from watcher.web.listing import (
    ListFilter,
    Listing,
    ListOrder,
    ListPage,
    ListQuery,
    as_choices,
    list_routes,
    sheet_answer,
)
from watcher.web.parameters import Parameters, time_in
from watcher.web.snapshot import PageSnapshot
from watcher.web.templating import PageView, Templating

LINED = 1000
"""Alerts of the time line, at most, the newest."""

SEVERITIES = sorted(map(Severity, Severity), key=lambda each: each.rank)
STATES = ("firing", "pending", "silenced", "inhibited", "event", "resolved", "withdrawn")
_HUSHED = ("silenced", "inhibited")
_SOME_TIME = datetime(2026, 1, 1, tzinfo=UTC)


def _check_time(text: str) -> datetime:
    return time_in(text, _SOME_TIME, UTC)


LIST = Listing(
    (
        ListFilter("q", "Find"),
        ListFilter("state", "State", as_choices(STATES)),
        ListFilter("severity", "Severity", as_choices(SEVERITIES)),
        ListFilter("acknowledged", "Acknowledged", as_choices(("no", "yes")), aside=True),
        ListFilter("rule", "Rule", aside=True),
        ListFilter("wallet", "Wallet", aside=True),
        ListFilter("since", "Not over before", aside=True, check=_check_time, hint="24h or 2026-11-30"),
        ListFilter("until", "Begun before", aside=True, check=_check_time, hint="2026-11-30T06:00"),
    ),
    (ListOrder("newest", "newest first"), ListOrder("worst", "worst first")),
    others=("range",),
)


class AlertPages:
    """`/alerts` and what is below it."""

    def __init__(self, templating: Templating) -> None:
        self._templating, self._snapshots = templating, templating.snapshots

    def routes(self) -> list[web.RouteDef]:
        return [*list_routes("/alerts", self.alerts), web.get("/alerts/{id}", self.alert)]

    async def alerts(self, request: web.Request) -> web.Response:
        query = LIST.read(request, self._templating.base)
        days = Parameters(request.query, request.query).choice("range", RANGES) or "7d"

        def found(view: PageView) -> ListPage[AlertRow]:
            with self._snapshots.store.queries() as reader:
                return self._found(reader, query, view.snapshot)

        def render(view: PageView) -> str:
            snapshot = view.snapshot
            with self._snapshots.store.queries() as reader:
                page, fired = self._found(reader, query, snapshot), reader.alerts(LINED)
            lines = alerts_by_rule(fired, snapshot.at - timedelta(days=RANGES[days]), snapshot.at)
            return self._templating.render(
                "alerts.html", view, list=query, found=page, days=days, shown=LANES,
                ranges={each: query.to(range=each) for each in RANGES}, hidden=max(len(lines) - LANES, 0),
                picture=lane_chart(lines, RANGES[days], snapshot.at, self._templating.display),
            )  # fmt: skip

        if query.sheet:
            columns = AlertRow.__annotations__
            return await sheet_answer(self._templating, request, columns, lambda view: found(view).rows)
        return await self._templating.page(request, render)

    def _found(self, reader: Queries, query: ListQuery, snapshot: PageSnapshot) -> ListPage[AlertRow]:
        wanted = self._wanted(query, snapshot)
        worst = (query.sort == "worst") is not query.reverse
        views = AlertViews(self._snapshots.settings, snapshot.past.silences, snapshot.at)

        def rows(limit: int, skip: int) -> Sequence[AlertRow]:
            return views.rows(reader.happened(wanted, limit, skip, worst=worst))

        return query.fetch(reader.count_happened(wanted), rows)

    def _wanted(self, query: ListQuery, snapshot: PageSnapshot) -> AlertFilter:
        now, zone, state = snapshot.at, self._templating.display.zone, query["state"]
        since, until = (
            time_in(query[name], now, zone) if query[name] else None for name in ("since", "until")
        )
        stages, among = staged(state, snapshot)
        severity = Severity(query["severity"]) if query["severity"] else None
        return AlertFilter(
            stages, query["rule"], query["wallet"], severity,
            {"yes": True, "no": False}.get(query["acknowledged"]), since, until, query["q"], among,
        )  # fmt: skip

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


def staged(state: str, snapshot: PageSnapshot) -> tuple[frozenset[Stage], list[str] | None]:
    """The stages that a state means, and which alerts, where it hangs on the silences of the moment."""
    live = {each["id"]: each["state"] for each in snapshot.status["alerts"]}
    hushed = state == Stage.FIRING and any(each in _HUSHED for each in live.values())
    if state in _HUSHED or hushed:
        return frozenset({Stage.FIRING}), [name for name, each in live.items() if each == state]
    return frozenset({Stage(state)} if state else ()), None
