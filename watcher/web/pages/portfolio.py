"""The portfolio: what everything is worth and what changed that, by tag, asset, chain, source or wallet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from aiohttp import web
from markupsafe import Markup

from watcher.charts.portfolio import portfolio_figure
from watcher.charts.svg import sparkline
from watcher.domain.history.timeline import known_values, segments
from watcher.domain.values.chain_names import chain_name
from watcher.domain.values.formatting import money
from watcher.domain.values.text import clean
from watcher.reports.portfolio.portfolio import BY, Portfolio, PortfolioGroup
from watcher.reports.portfolio.rows import PortfolioGroupRow
from watcher.reports.portfolio.views import group_rows
from watcher.reports.ranges import RANGES
from watcher.web.holdings import USUAL_RANGE, AllHoldings
from watcher.web.listing import ListFilter, Listing, ListOrder, ListPage, ListQuery, list_routes, sheet_answer
from watcher.web.parameters import Parameters
from watcher.web.templating import PageView, Templating

LIST = Listing(
    (ListFilter("q", "Find"),),
    (
        ListOrder("value", "value", descending=True),
        ListOrder("name", "name"),
        ListOrder("change", "change", descending=True),
        ListOrder("moved", "what moved", descending=True),
        ListOrder("price", "by price", descending=True),
    ),
    ("by", "range"),
)
PATHS = {"tag": "/assets?tag=", "chain": "/assets?chain=", "source": "/wallets?source="}
"""Where a group is told of in detail."""
NOT_YET = {"Refresh": "2"}
"""Sent along while the figures are worked out: what comes without a script asks again by itself."""


def _known(group: PortfolioGroup, value: Decimal) -> tuple[bool, Decimal]:
    """What has no value comes last."""
    return group.valued, value


KEYS: Mapping[str, Callable[[PortfolioGroup], Any]] = {
    "value": lambda each: _known(each, each.worth.closing),
    "name": lambda each: each.name.casefold(),
    "change": lambda each: _known(each, each.worth.change),
    "moved": lambda each: _known(each, each.worth.moved),
    "price": lambda each: _known(each, each.worth.by_price),
}


class PortfolioPage:
    """`/portfolio`."""

    def __init__(self, templating: Templating, holdings: AllHoldings) -> None:
        self._templating, self._holdings = templating, holdings

    def routes(self) -> list[web.RouteDef]:
        return list_routes("/portfolio", self.portfolio)

    async def portfolio(self, request: web.Request) -> web.Response:
        query = LIST.read(request, self._templating.base)
        asked = Parameters(request.query, request.query)
        by, chosen = asked.choice("by", BY) or BY[0], asked.choice("range", RANGES) or USUAL_RANGE
        if query.sheet:
            return await self._sheet(request, query, by, chosen)
        found = await self._holdings.portfolios.get(chosen)

        def render(view: PageView) -> str:
            values: dict[str, Any] = {"list": query, "by": by, "chosen": chosen, "found": found}
            values |= {"kinds": BY, "ranges": list(RANGES), "display": self._templating.display}
            if found is not None:
                page = _page(query, found, by)
                values |= {"page": page, "sparks": [_spark(each, found) for each in page.rows]}
                values["figure"] = portfolio_figure(found, self._templating.display)
                values |= {"symbols": view.snapshot.past.symbols, "paths": PATHS}
            return self._templating.render("portfolio.html", view, **values)

        response = await self._templating.page(request, render, keep=found is not None)
        if found is None:
            response.headers.update(NOT_YET)
        return response

    async def _sheet(self, request: web.Request, query: ListQuery, by: str, chosen: str) -> web.Response:
        found = await self._holdings.portfolios.get(chosen, waits=None)
        if found is None:
            raise web.HTTPServiceUnavailable(text="the store cannot be read now")
        rows = group_rows(_page(query, found, by).rows, found.total.closing)
        return await sheet_answer(
            self._templating, request, PortfolioGroupRow.__annotations__, lambda _view: rows
        )


def _page(query: ListQuery, found: Portfolio, by: str) -> ListPage[PortfolioGroup]:
    return query.pick(found.groups[by], {"q": _is_found}, KEYS)


def _is_found(group: PortfolioGroup, wanted: str) -> bool:
    searched = (group.name, chain_name(group.name), *(group.asset or ()))
    return any(wanted.casefold() in each.casefold() for each in searched)


def _spark(group: PortfolioGroup, found: Portfolio) -> Markup | None:
    """Its value over the period as a small line."""
    if not group.course:
        return None
    line = segments(group.course, found.gaps, found.since, found.until)
    ends = known_values(line)
    words = f"from {money(ends[0])} to {money(ends[-1])}" if ends else "not known"
    return sparkline(line, found.since, found.until, f"{clean(group.name)[:60]}: {words}")
