"""The site: all pages together, the figures for Prometheus, and the word that something has changed."""

from __future__ import annotations

import asyncio

from aiohttp import web

from watcher.web.actions import Actions
from watcher.web.api import form_for
from watcher.web.connection_limits import ConnectionLimits, connection_of
from watcher.web.forms import Forms
from watcher.web.holdings import AllHoldings
from watcher.web.metrics import exposition
from watcher.web.navigation import navigation
from watcher.web.pages.alerts import AlertPages
from watcher.web.pages.assets import AssetPages
from watcher.web.pages.audit import AuditPage
from watcher.web.pages.budget import BudgetPage
from watcher.web.pages.deliveries import DeliveryPage
from watcher.web.pages.overview import OverviewPage
from watcher.web.pages.portfolio import PortfolioPage
from watcher.web.pages.rules import RulePages
from watcher.web.pages.silences import SilencePages
from watcher.web.pages.wallet import WalletPage
from watcher.web.pages.wallets import WalletPages
from watcher.web.snapshot import PageSnapshot, PageSnapshots
from watcher.web.templating import Templating

LIVE_EVERY = 2.0


class Site:
    """All pages over one snapshot."""

    def __init__(
        self,
        snapshots: PageSnapshots,
        forms: Forms,
        limits: ConnectionLimits,
        holdings: AllHoldings,
        *,
        base: str = "",
    ) -> None:
        """`base`: the path below which people reach the pages."""
        self._snapshots, self._limits = snapshots, limits
        self._templating = Templating(snapshots, forms, base=base)
        self._parts = (
            OverviewPage(self._templating),
            WalletPages(self._templating),
            WalletPage(self._templating),
            AlertPages(self._templating),
            RulePages(self._templating),
            BudgetPage(self._templating),
            DeliveryPage(self._templating),
            AuditPage(self._templating),
            PortfolioPage(self._templating, holdings),
            AssetPages(self._templating, holdings),
            Actions(self._templating, forms),
            SilencePages(self._templating, forms),
        )
        self._templating.navigation = navigation({each.path for each in self.routes()})
        self._leaving = asyncio.Event()

    def routes(self) -> list[web.RouteDef]:
        return [
            *(route for part in self._parts for route in part.routes()),
            web.get("/metrics", self.metrics),
            web.get("/events", self.events),
        ]

    async def warm(self) -> None:
        """Load what the first page would otherwise wait for."""
        await self._snapshots.work(self._templating.warm)

    def leave(self) -> None:
        """End the streams of those who listen."""
        self._leaving.set()

    async def metrics(self, request: web.Request) -> web.Response:
        snapshot, snapshots, form = await self._snapshots.current(), self._snapshots, form_for(request)

        def make() -> bytes:
            return form.of(exposition(snapshot, snapshots.settings, snapshots.metrics))

        body = await self._templating.made(snapshot, f"/metrics {form.name}", make)
        kind = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        return web.Response(body=body, headers={**kind, **form.headers})

    async def events(self, request: web.Request) -> web.StreamResponse:
        """A word each time that something has changed; the page then fetches itself again."""
        connection = connection_of(request)
        if connection is None or not self._limits.may_stream(connection):
            return web.Response(status=503, text="too many pages listen; this one goes on without\n")
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        connection.streams = True
        try:
            await response.prepare(request)
            told = None
            while not self._leaving.is_set():
                news = _news(await self._snapshots.current())
                # To begin with too: something may have changed since the page that listens was made.
                word = b"event: news\ndata: .\n\n" if told != news else b": still here\n\n"
                await response.write(word)
                told = news
                await self._snapshots.clock.wait(self._leaving, LIVE_EVERY)
        except ConnectionResetError:
            pass  # whoever listened has left
        finally:
            connection.streams = False
        return response

    def bare(self, template: str, **values: object) -> str:
        """A page that stands alone."""
        return self._templating.bare(template, **values)


def _news(snapshot: PageSnapshot) -> object:
    """What makes a page worth fetching again."""
    status = snapshot.status
    alerts = tuple((each["id"], each["state"], each["because"]) for each in status["alerts"])
    readings = max((row["last_reading"] for row in status["accounts"] if row["last_reading"]), default=None)
    return alerts, readings, tuple(status["deliveries"].values()), snapshot.readiness
