"""`/api/v1/…`: the same JSON as the command line's `--json`; and health, for whoever restarts or routes."""

from __future__ import annotations

from aiohttp import web

from watcher.domain.messages.delivery import DeliveryState
from watcher.domain.values.text import clean
from watcher.reports import status as report
from watcher.reports.alerts import AlertViews
from watcher.web.encoding import encoded, form_for
from watcher.web.openapi import describe
from watcher.web.parameters import Parameters
from watcher.web.snapshot import PageSnapshots


class Api:
    """Reads only. Every answer is one consistent moment of the store."""

    def __init__(self, looker: PageSnapshots, *, token: bool = False) -> None:
        """`token`: whether one is needed, so that the description says so."""
        self._looker = looker
        self._described = describe(next((each.name for each in looker.settings.wallets), ""), token=token)

    def routes(self) -> list[web.RouteDef]:
        found = {
            "/healthz": self.healthz,
            "/readyz": self.readyz,
            "/api/v1/status": self.status,
            "/api/v1/balances": self.balances,
            "/api/v1/history": self.history,
            "/api/v1/alerts": self.alerts,
            "/api/v1/outbox": self.outbox,
            "/api/v1/openapi.json": self.openapi,
        }
        return [web.get(path, handler) for path, handler in found.items()]

    async def healthz(self, _request: web.Request) -> web.Response:
        """The process answers."""
        return web.Response(text="ok\n")

    async def readyz(self, _request: web.Request) -> web.Response:
        """200 only if an alert would reach somebody; what is wrong is in the body."""
        ready = (await self._looker.look()).readiness
        lines = [*map(clean, ready.broken), *(f"also: {clean(text)}" for text in ready.troubled)]
        text = "\n".join(["ready" if ready.ready else "not ready", *lines]) + "\n"
        return web.Response(text=text, status=200 if ready.ready else 503)

    async def status(self, request: web.Request) -> web.Response:
        Parameters(request.query, ())
        look = await self._looker.look()
        return await self._json(request, look.status)

    async def balances(self, request: web.Request) -> web.Response:
        asked = Parameters(request.query, ("wallet",))
        names = asked.names("wallet", self._names)
        look = await self._looker.look()
        rows = await self._looker.work(lambda: report.balances(self._looker.settings, look.past))
        return await self._json(request, [row for row in rows if not names or row["wallet"] in names])

    async def history(self, request: web.Request) -> web.Response:
        asked = Parameters(request.query, ("wallet", "since", "limit"))
        names, limit, span = asked.names("wallet", self._names), asked.limit(), asked.span("since")
        since = self._looker.clock.now() - span if span is not None else None
        settings = self._looker.settings
        return await self._json(
            request,
            await self._looker.ask(lambda reader: report.history(settings, reader, limit, names, since)),
        )

    async def alerts(self, request: web.Request) -> web.Response:
        asked = Parameters(request.query, ("all", "limit"))
        look = await self._looker.look()
        if asked.flag("all"):
            limit = asked.limit()
            found = await self._looker.ask(lambda reader: reader.alerts(limit))
        else:
            found = sorted(look.past.alerts.values(), key=lambda each: each.since)
            found = found[: asked.limit(10_000)]
        views = AlertViews(self._looker.settings, look.past.silences, look.at)
        return await self._json(request, views.rows(found))

    async def outbox(self, request: web.Request) -> web.Response:
        asked = Parameters(request.query, ("state", "limit"))
        state, limit = asked.choice("state", [str(each) for each in DeliveryState]), asked.limit()
        return await self._json(
            request, await self._looker.ask(lambda reader: report.deliveries(reader, state, limit))
        )

    async def openapi(self, request: web.Request) -> web.Response:
        Parameters(request.query, ())
        return await self._json(request, self._described)

    @property
    def _names(self) -> set[str]:
        return {wallet.name for wallet in self._looker.settings.wallets}

    async def _json(self, request: web.Request, value: object) -> web.Response:
        form = form_for(request)
        body = await self._looker.work(lambda: form.of(encoded(value)))
        return web.Response(
            body=body, content_type="application/json", charset="utf-8", headers=dict(form.headers)
        )
