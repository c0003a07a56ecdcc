"""Deliveries: what each channel was told or is owed."""

from __future__ import annotations

from aiohttp import web

from watcher.domain.messages.delivery import DeliveryState
from watcher.ports.queries import Queries
from watcher.reports import status
from watcher.reports.rows import DeliveryRow
from watcher.web.listing import ListFilter, Listing, ListPage, as_choices, list_routes, sheet_answer
from watcher.web.templating import PageView, Templating

LIST = Listing((ListFilter("state", "State", as_choices(DeliveryState)),))


class DeliveryPage:
    """`/outbox`."""

    def __init__(self, templating: Templating) -> None:
        self._templating, self._snapshots = templating, templating.snapshots

    def routes(self) -> list[web.RouteDef]:
        return list_routes("/outbox", self.outbox)

    async def outbox(self, request: web.Request) -> web.Response:
        query = LIST.read(request, self._templating.base)
        state = query["state"] or None

        def asking(reader: Queries) -> ListPage[DeliveryRow]:
            def rows(limit: int, skip: int) -> list[DeliveryRow]:
                return status.deliveries(reader, state, limit, skip)

            return query.fetch(reader.count_deliveries(state), rows)

        found = await self._snapshots.ask(asking)

        def render(view: PageView) -> str:
            return self._templating.render("outbox.html", view, list=query, found=found)

        if query.sheet:
            columns = DeliveryRow.__annotations__
            return await sheet_answer(self._templating, request, columns, lambda _: found.rows)
        return await self._templating.page(request, render)
