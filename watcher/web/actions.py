"""What can be done from the page: acknowledge an alert, silence its rule for a wallet."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web
from multidict import MultiMapping

from watcher.commands.alerts import acknowledge, add_silence, matchers_of, told
from watcher.domain.audit import Actor
from watcher.domain.values.durations import parse_duration
from watcher.web.forms import Forms, text_in
from watcher.web.parameters import refused
from watcher.web.snapshot import PageSnapshots

LONGEST = timedelta(days=30)
VIA = "page"


class Actions:
    """Writes to the store as the command line does; the daemon sees it at its next decision."""

    def __init__(self, snapshots: PageSnapshots, forms: Forms, base: str = "") -> None:
        self._snapshots, self._forms, self._base = snapshots, forms, base

    def routes(self) -> list[web.RouteDef]:
        if not self._forms.possible:
            return []
        return [web.post("/alerts/{id}/ack", self.ack), web.post("/alerts/{id}/silence", self.silence)]

    async def ack(self, request: web.Request) -> web.StreamResponse:
        """Whoever is named takes care of it."""
        form = await self._forms.read(request)
        by, comment = text_in(form, "by"), text_in(form, "comment", needed=False)
        actor, name = (
            Actor(by, VIA, self._snapshots.clock.now(), request.remote or ""),
            request.match_info["id"],
        )
        found = await self._snapshots.work(lambda: acknowledge(self._snapshots.store, actor, [name], comment))
        if found.missing:
            raise web.HTTPNotFound(text="there is no such alert")
        for before in found.already:
            raise web.HTTPConflict(text=f"already acknowledged {before.acknowledged}")
        for alert in found.idle:
            raise web.HTTPConflict(text=f"the alert is {alert.state}: there is nothing to acknowledge")
        return self._back(name)

    async def silence(self, request: web.Request) -> web.StreamResponse:
        """Nobody is told of this rule on this wallet for a while."""
        form = await self._forms.read(request)
        author, comment = text_in(form, "by"), text_in(form, "comment", needed=False)
        span, name = _span(form), request.match_info["id"]
        actor = self._actor(author, request)
        store = self._snapshots.store

        def silencing() -> bool:
            with store.queries() as reader:
                alert = told(reader, name)
            if alert is None:
                return False
            rules, wallets = matchers_of(alert)
            add_silence(store, actor, span, comment, rules=rules, wallets=wallets)
            return True

        if not await self._snapshots.work(silencing):
            raise web.HTTPNotFound(text="there is no such alert")
        return self._back(name)

    def _actor(self, name: str, request: web.Request) -> Actor:
        return Actor(name, VIA, self._snapshots.clock.now(), request.remote or "")

    def _back(self, name: str) -> web.Response:
        self._snapshots.forget()
        return web.Response(status=303, headers={"Location": f"{self._base}/alerts/{name}"})


def _span(form: MultiMapping[object]) -> timedelta:
    text = form.get("for", "")
    try:
        span = parse_duration(text if isinstance(text, str) else "")
    except ValueError as error:
        raise refused(f"for: {error}") from None
    if not timedelta(0) < span <= LONGEST:
        raise refused("for must be at least 1s and at most 30d")
    return span
