"""What reading costs: the plan of each account, and the ledger by day, planned beside spent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from aiohttp import web
from markupsafe import Markup

from watcher.charts.figures import burn_down
from watcher.config.configuration import build_source
from watcher.domain.records import Record
from watcher.ports.queries import Queries
from watcher.ports.source import Source
from watcher.reports.credits import CreditBurn, DaySpent, burn, days_of
from watcher.reports.rows import AccountRow, CreditsRow
from watcher.web import text
from watcher.web.listing import ListFilter, Listing, ListOrder, ListPage, list_routes, sheet_answer
from watcher.web.snapshot import PageSnapshot
from watcher.web.templating import PageView, Templating


class SourceBudget(Record, frozen=True):
    """What reading from one source has cost. `burn`: None if it sells no credits."""

    source: str
    credits: CreditsRow | None
    days: Sequence[DaySpent]
    burn: CreditBurn | None = None
    picture: Markup | None = None


class BudgetLine(AccountRow):
    """An account with what reading it costs: credits a poll, if they are sold there, and credits a day."""

    cost: int | None
    a_day: float


LIST = Listing(
    (ListFilter("q", "Find"),),
    (
        ListOrder("cost", "credits a day", descending=True),
        ListOrder("wallet", "wallet"),
        ListOrder("interval", "interval"),
    ),
)
KEYS: dict[str, Callable[[AccountRow], tuple[object, ...]]] = {
    "wallet": lambda row: (row["wallet"], row["chain"]),
    "interval": lambda row: (row["interval_seconds"] is None, row["interval_seconds"] or 0, row["wallet"]),
}


class BudgetPage:
    """`/budget`."""

    def __init__(self, templating: Templating) -> None:
        self._templating, self._snapshots = templating, templating.snapshots

    def routes(self) -> list[web.RouteDef]:
        return list_routes("/budget", self.budget)

    async def budget(self, request: web.Request) -> web.Response:
        query = LIST.read(request, self._templating.base)

        def found(snapshot: PageSnapshot) -> ListPage[AccountRow]:
            keys = {**KEYS, "cost": lambda row: (self._a_day(row), row["wallet"])}
            return query.pick(snapshot.status["accounts"], {"q": text.is_found}, keys)

        def render(view: PageView) -> str:
            snapshot, page = view.snapshot, found(view.snapshot)
            with self._snapshots.store.queries() as reader:
                parts = [self._part(reader, name, snapshot) for name in self._snapshots.settings.sources]
            return self._templating.render(
                "budget.html", view, parts=parts, list=query, found=page,
                rows=[self._line(row, snapshot) for row in page.rows],
            )  # fmt: skip

        def rows(view: PageView) -> list[BudgetLine]:
            return [self._line(row, view.snapshot) for row in found(view.snapshot).rows]

        if query.sheet:
            return await sheet_answer(self._templating, request, BudgetLine.__annotations__, rows)
        return await self._templating.page(request, render)

    def _part(self, reader: Queries, name: str, snapshot: PageSnapshot) -> SourceBudget:
        plan, row = self._snapshots.plans.get(name), snapshot.status["credits"].get(name)
        if plan is None:
            return SourceBudget(name, row, days_of(reader, name, snapshot.at))
        found = burn(reader, name, plan, snapshot.at)
        return SourceBudget(name, row, found.days, found, burn_down(found, self._templating.display))

    @cached_property
    def _sources(self) -> dict[str, Source]:
        """Only asked what a poll costs; never opened."""
        return {
            name: build_source(self._snapshots.settings, name) for name in self._snapshots.settings.sources
        }

    def _cost(self, row: AccountRow) -> int:
        return self._sources[row["source"]].cost(self._templating.account(row))

    def _a_day(self, row: AccountRow) -> float:
        """Credits a day that the account takes at its present interval; calls, where none are sold."""
        interval = row["interval_seconds"]
        return (self._cost(row) or 1) * 86400 / interval if interval else 0.0

    def _line(self, row: AccountRow, snapshot: PageSnapshot) -> BudgetLine:
        credits_sold = snapshot.status["credits"].get(row["source"]) is not None
        cost = self._cost(row)
        return {**row, "cost": cost if credits_sold else None, "a_day": self._a_day(row)}
