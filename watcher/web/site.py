"""The site: all pages together, and the figures for Prometheus."""

from __future__ import annotations

from contextlib import suppress

from aiohttp import web

from watcher.domain.values.errors import StoreError
from watcher.ports.on_demand import OnDemandPolls
from watcher.web.actions import Actions
from watcher.web.documents import Content, Documents, answer
from watcher.web.forms import Forms
from watcher.web.holdings import AllHoldings
from watcher.web.metrics import exposition
from watcher.web.navigation import Navigation, navigation
from watcher.web.pages.alerts import AlertPages
from watcher.web.pages.assets import AssetPages
from watcher.web.pages.audit import AuditPage
from watcher.web.pages.budget import BudgetPage
from watcher.web.pages.channels import ChannelPage
from watcher.web.pages.deliveries import DeliveryPage
from watcher.web.pages.news import NewsPage
from watcher.web.pages.overview import OverviewPage
from watcher.web.pages.poll_now import PollNow
from watcher.web.pages.portfolio import PortfolioPage
from watcher.web.pages.quarantine import QuarantinePage
from watcher.web.pages.rules import RulePages
from watcher.web.pages.search import SearchPage
from watcher.web.pages.silences import SilencePages
from watcher.web.pages.wallet import WalletPage
from watcher.web.pages.wallets import WalletPages
from watcher.web.snapshot import PageSnapshots
from watcher.web.templating import Templating


class Site:
    """All pages over one snapshot."""

    def __init__(
        self,
        snapshots: PageSnapshots,
        forms: Forms,
        holdings: AllHoldings,
        *,
        base: str = "",
        polls: OnDemandPolls | None = None,
    ) -> None:
        """`base`: the path below which people reach the pages. `polls`: who takes what people want read now;
        None where no daemon runs."""
        self._snapshots = snapshots
        self._templating = Templating(snapshots, forms, base=base)
        self._wallet = WalletPage(self._templating)
        self._parts = (
            OverviewPage(self._templating),
            WalletPages(self._templating),
            self._wallet,
            AlertPages(self._templating),
            RulePages(self._templating),
            BudgetPage(self._templating),
            DeliveryPage(self._templating, forms),
            AuditPage(self._templating),
            SearchPage(self._templating, holdings),
            PortfolioPage(self._templating, holdings),
            AssetPages(self._templating, holdings),
            NewsPage(self._templating),
            Actions(self._templating, forms),
            SilencePages(self._templating, forms),
            ChannelPage(self._templating, forms),
            QuarantinePage(self._templating, forms),
            PollNow(self._templating, forms, polls),
        )
        self._templating.navigation = navigation({each.path for each in self.routes()})
        self._documents = Documents(snapshots.work)

    @property
    def ways(self) -> Navigation:
        """To the pages that there are."""
        return self._templating.navigation

    def routes(self) -> list[web.RouteDef]:
        return [
            *(route for part in self._parts for route in part.routes()),
            web.get("/metrics", self.metrics),
        ]

    async def warm(self) -> None:
        """Load and find out what the first pages would otherwise wait for."""
        await self._snapshots.work(self._templating.warm)
        with suppress(StoreError):  # whoever opens a page is told
            memo = await self._wallet.found_out()
            await self._snapshots.work(lambda: self._templating.begin_with(memo))

    async def metrics(self, request: web.Request) -> web.Response:
        snapshot, snapshots = await self._snapshots.current(), self._snapshots

        def make() -> Content:
            return Content([exposition(snapshot, snapshots.settings, snapshots.metrics)])

        found = await self._documents.of("metrics", snapshot.revision, make)
        return answer(request, found, "text/plain; version=0.0.4")

    def bare(self, template: str, **values: object) -> str:
        """A page that stands alone."""
        return self._templating.bare(template, **values)
