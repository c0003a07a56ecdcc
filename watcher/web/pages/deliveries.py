"""Deliveries: what each channel was told or is owed."""

from __future__ import annotations

from aiohttp import web

from watcher.domain.messages.delivery import DeliveryState
from watcher.reports import status
from watcher.web.parameters import ROWS, Parameters
from watcher.web.templating import PageView, Templating


class DeliveryPage:
    """`/outbox`."""

    def __init__(self, templating: Templating) -> None:
        self._templating, self._snapshots = templating, templating.snapshots

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/outbox", self.outbox)]

    async def outbox(self, request: web.Request) -> web.Response:
        parameters = Parameters(request.query, ("state", "page"))
        page, skip = parameters.among()
        states = [str(state) for state in DeliveryState]
        state = parameters.choice("state", states)
        rows = await self._snapshots.ask(lambda reader: status.deliveries(reader, state, ROWS + 1, skip))

        def render(view: PageView) -> str:
            return self._templating.render(
                "outbox.html", view, rows=rows[:ROWS], state=state, states=states, page=page,
                more=len(rows) > ROWS,
            )  # fmt: skip

        return await self._templating.page(request, render)
