"""Deliveries: what each channel was told or is owed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aiohttp import web

from watcher.commands import deliveries
from watcher.commands.deliveries import ChangedDeliveries
from watcher.domain.audit import Actor
from watcher.domain.messages.delivery import DeliveryState
from watcher.domain.values.formatting import counted
from watcher.ports.queries import Queries
from watcher.ports.store import StoreAccess
from watcher.reports.alerts import delivery_row
from watcher.reports.rows import DeliveryRow
from watcher.web.actions import NOTHING, chosen
from watcher.web.forms import Forms, actor_of
from watcher.web.listing import ListFilter, Listing, ListPage, as_choices, list_routes, sheet_answer
from watcher.web.results import ActionResult
from watcher.web.templating import PageView, Templating

LIST = Listing(
    (ListFilter("state", "State", as_choices(DeliveryState)), ListFilter("channel", "Channel", {}))
)
HERE = "/outbox"


class DeliveryPage:
    """`/outbox`."""

    def __init__(self, templating: Templating, forms: Forms) -> None:
        self._templating, self._snapshots, self._forms = templating, templating.snapshots, forms

    def routes(self) -> list[web.RouteDef]:
        shown = list_routes(HERE, self.outbox)
        if not self._forms.possible:
            return shown
        return [*shown, web.post(f"{HERE}/retry", self.retry), web.post(f"{HERE}/drop", self.drop)]

    async def outbox(self, request: web.Request) -> web.Response:
        channels = {"channel": as_choices(self._snapshots.settings.channels)}
        query = LIST.read(request, self._templating.base, channels)
        state, channel = query["state"] or None, query["channel"] or None

        def asking(reader: Queries) -> ListPage[DeliveryRow]:
            def rows(limit: int, skip: int) -> list[DeliveryRow]:
                found = reader.deliveries(state, limit, skip, channel=channel, given_up_first=True)
                return [delivery_row(each) for each in found]

            return query.fetch(reader.count_deliveries(state, channel), rows)

        found = await self._snapshots.ask(asking)

        def render(view: PageView) -> str:
            return self._templating.render("outbox.html", view, list=query, found=found)

        if query.sheet:
            columns = DeliveryRow.__annotations__
            return await sheet_answer(self._templating, request, columns, lambda _: found.rows)
        return await self._templating.page(request, render)

    async def retry(self, request: web.Request) -> web.Response:
        """Send them again, now."""
        words = "due now; its channel has a day to take it"
        return await self._change(request, deliveries.retry, words, "to be sent again")

    async def drop(self, request: web.Request) -> web.Response:
        """Take them out."""
        words = "taken out; nobody will be told of it"
        return await self._change(request, deliveries.drop, words, "taken out")

    async def _change(
        self,
        request: web.Request,
        change: Callable[[StoreAccess, Actor, Sequence[str]], ChangedDeliveries],
        each_done: str,
        all_done: str,
    ) -> web.Response:
        form = await self._forms.read(request)
        ids, actor = chosen(form), actor_of(request, form, self._snapshots.clock.now())
        if not ids:
            return self._templating.results.back(form, NOTHING, HERE)
        store = self._snapshots.store
        found = await self._snapshots.work(lambda: change(store, actor, ids))
        self._snapshots.forget()
        lines = [f"{each.channel}, {each.message.title}: {each_done}" for each in found.done]
        lines += [
            f"{each.channel}, {each.message.title}: is {each.state.replace('_', ' ')}, nothing was done"
            for each in found.idle
        ]
        lines += [f"there is no delivery {each[:40]}" for each in found.missing]
        words = f"{counted(len(found.done), 'delivery', 'deliveries')} {all_done}"
        if found.left:
            words += f"; {len(found.left):,} not"
        result = ActionResult(words, lines, well=not found.left)
        return self._templating.results.back(form, result, HERE)
