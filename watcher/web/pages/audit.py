"""The audit log: who did what, when and from where."""

from __future__ import annotations

from aiohttp import web

from watcher.domain.audit import AuditAction, AuditFilter
from watcher.domain.values.durations import parse_duration
from watcher.ports.queries import Queries
from watcher.reports.audit import AuditRow, audit_row
from watcher.web.listing import (
    ListFilter,
    Listing,
    ListPage,
    ListQuery,
    as_choices,
    list_routes,
    sheet_answer,
)
from watcher.web.templating import PageView, Templating

SPANS = {"24h": "24 hours", "7d": "7 days", "30d": "30 days", "365d": "a year"}
LIST = Listing(
    (
        ListFilter("action", "Action", as_choices(AuditAction)),
        ListFilter("since", "In the last", SPANS),
        ListFilter("q", "Name, id or word"),
    )
)


class AuditPage:
    """`/audit`."""

    def __init__(self, templating: Templating) -> None:
        self._templating, self._snapshots = templating, templating.snapshots

    def routes(self) -> list[web.RouteDef]:
        return list_routes("/audit", self.audit)

    async def audit(self, request: web.Request) -> web.Response:
        query = LIST.read(request, self._templating.base)
        wanted = self._wanted(query)

        def asking(reader: Queries) -> ListPage[AuditRow]:
            def rows(limit: int, skip: int) -> list[AuditRow]:
                return [audit_row(each) for each in reader.audit(wanted, limit, skip)]

            return query.fetch(reader.count_audit(wanted), rows)

        found = await self._snapshots.ask(asking)

        def render(view: PageView) -> str:
            return self._templating.render("audit.html", view, list=query, found=found)

        if query.sheet:
            columns = AuditRow.__annotations__
            return await sheet_answer(self._templating, request, columns, lambda _: found.rows)
        return await self._templating.page(request, render)

    def _wanted(self, query: ListQuery) -> AuditFilter:
        now = self._snapshots.clock.now()
        return AuditFilter(
            now - parse_duration(query["since"]) if query["since"] else None,
            AuditAction(query["action"]) if query["action"] else None,
            text=query["q"],
        )
