"""The table of all assets, and one asset with who holds it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from aiohttp import web

from watcher.charts.portfolio import asset_figures
from watcher.domain.decision import Snapshot
from watcher.domain.model import Asset
from watcher.domain.values.chain_names import chain_name
from watcher.domain.values.decimals import ZERO
from watcher.domain.values.explorers import explorers_of
from watcher.reports import status
from watcher.reports.portfolio.assets import AssetHolders, AssetTotal, asset_holders, whole_value
from watcher.reports.portfolio.rows import AssetHolderRow, AssetTotalRow
from watcher.reports.portfolio.views import asset_rows
from watcher.reports.ranges import RANGES
from watcher.reports.statement.statement import UNTAGGED
from watcher.web.addresses import asset_path, name_in
from watcher.web.holdings import USUAL_RANGE, AllHoldings, CourseOf
from watcher.web.listing import ListFilter, Listing, ListOrder, ListPage, ListQuery, list_routes, sheet_answer
from watcher.web.pages.portfolio import NOT_YET
from watcher.web.parameters import Parameters
from watcher.web.snapshot import PageSnapshot
from watcher.web.templating import PageView, Templating

LIST = Listing(
    (
        ListFilter("q", "Find"),
        ListFilter("chain", "Chain", {}),
        ListFilter("tag", "Held with tag", {}),
        ListFilter(
            "priced",
            "Price",
            {"yes": "with a price", "no": "without a price", "claimed": "only claimed, or hidden"},
        ),
    ),
    (
        ListOrder("value", "value", descending=True),
        ListOrder("asset", "asset"),
        ListOrder("chain", "chain"),
        ListOrder("wallets", "wallets", descending=True),
    ),
)
HOLDERS = Listing(
    (ListFilter("q", "Find"),),
    (
        ListOrder("amount", "amount", descending=True),
        ListOrder("wallet", "wallet"),
        ListOrder("read", "as of"),
    ),
    ("range",),
)
_CONTRACT = re.compile(r"0x[0-9a-fA-F]{40,64}|(?=.*[A-Z0-9])[A-Za-z0-9]{30,64}")
"""A contract, of which an explorer has a page: no id of a coin, which is of small letters."""

NEWEST = 20
"""Changes of an asset that are shown."""

KEYS: Mapping[str, Callable[[AssetTotal], Any]] = {
    "value": lambda each: (each.value is not None, each.value or ZERO, each.amount),
    "asset": lambda each: ((each.symbol or each.asset.token).casefold(), each.asset),
    "chain": lambda each: (each.asset.chain, (each.symbol or each.asset.token).casefold()),
    "wallets": lambda each: each.wallets,
}
HOLDER_KEYS: Mapping[str, Callable[[AssetHolderRow], Any]] = {
    "wallet": lambda row: (row["wallet"].casefold(), row["address"]),
    "read": lambda row: (row["as_of"] is not None, row["as_of"]),
}


def _is_priced(each: AssetTotal, wanted: str) -> bool:
    if wanted == "claimed":
        return bool(each.unasked)
    return (each.quote is not None) == (wanted == "yes")


def _is_held(row: AssetHolderRow, wanted: str) -> bool:
    searched = (row["wallet"], row["source"], row["address"], *row["tags"])
    return any(wanted.casefold() in each.casefold() for each in searched)


class AssetPages:
    """`/assets` and what is below it."""

    def __init__(self, templating: Templating, holdings: AllHoldings) -> None:
        self._templating, self._snapshots, self._holdings = templating, templating.snapshots, holdings
        wallets = templating.snapshots.settings.wallets
        tags = {tag for wallet in wallets for tag in wallet.tags or (UNTAGGED,)}
        self._tags = {tag: tag for tag in sorted(tags)}

    def routes(self) -> list[web.RouteDef]:
        return [*list_routes("/assets", self.assets), *list_routes("/assets/{chain}/{token}", self.asset)]

    async def assets(self, request: web.Request) -> web.Response:
        snapshot = await self._snapshots.current()
        totals = await self._snapshots.work(lambda: self._holdings.totals.totals(snapshot.past))
        chains = {each.asset.chain: chain_name(each.asset.chain) for each in totals}
        chains = dict(sorted(chains.items(), key=lambda each: each[1].casefold()))
        query = LIST.read(request, self._templating.base, {"chain": chains, "tag": self._tags})
        if query.sheet:
            columns = AssetTotalRow.__annotations__
            return await sheet_answer(
                self._templating, request, columns, lambda view: self._rows(query, view.snapshot)
            )

        def render(view: PageView) -> str:
            page, rows, whole = self._found(query, view.snapshot)
            return self._templating.render(
                "assets.html", view, list=query, page=page, rows=rows, whole=whole,
                display=self._templating.display,
            )  # fmt: skip

        return await self._templating.page(request, render)

    def _rows(self, query: ListQuery, snapshot: PageSnapshot) -> list[AssetTotalRow]:
        return self._found(query, snapshot)[1]

    def _found(
        self, query: ListQuery, snapshot: PageSnapshot
    ) -> tuple[ListPage[AssetTotal], list[AssetTotalRow], Decimal]:
        """What the wallets with the tag hold, or all wallets; and what all of that is worth."""
        totals = self._holdings.totals.totals(snapshot.past, query["tag"])
        former = snapshot.past.former

        def is_found(each: AssetTotal, wanted: str) -> bool:
            names = (each.symbol, *each.asset, chain_name(each.asset.chain), *former.get(each.asset, ()))
            return any(wanted.casefold() in name.casefold() for name in names)

        holds: dict[str, Callable[[AssetTotal, str], bool]] = {
            "q": is_found,
            "chain": lambda each, wanted: each.asset.chain == wanted,
            "tag": lambda _each, _wanted: True,
            "priced": _is_priced,
        }
        page = query.pick(totals, holds, KEYS)
        whole = whole_value(totals)
        return page, asset_rows(page.rows, whole), whole

    async def asset(self, request: web.Request) -> web.Response:
        """One asset: who holds it, its price, and what became of it."""
        asset = Asset(*(name_in(request.match_info[part]) for part in ("chain", "token")))
        snapshot = await self._snapshots.current()
        known = snapshot.past.same.get(asset)
        if known is not None:
            where = f"{self._templating.base}{asset_path(*known)}"
            raise web.HTTPSeeOther(location=where, text="it is known by another name")
        query = HOLDERS.read(request, self._templating.base)
        chosen = Parameters(request.query, request.query).choice("range", RANGES) or USUAL_RANGE
        if query.sheet:
            columns = AssetHolderRow.__annotations__
            return await sheet_answer(
                self._templating,
                request,
                columns,
                lambda view: _holders_page(query, self._holders(asset, view.snapshot.past)).rows,
            )
        course = await self._holdings.courses.get(CourseOf(asset, chosen))

        def render(view: PageView) -> str:
            settings, found = self._snapshots.settings, self._holders(asset, view.snapshot.past)
            with self._snapshots.store.queries() as reader:
                changes = status.history(settings, reader, NEWEST, assets={asset})
            contract = _CONTRACT.fullmatch(asset.token) is not None
            explorers = explorers_of(*asset, settings.explorers) if contract else {}
            display = self._templating.display
            figures = asset_figures(course, found.symbol, display) if course is not None else []
            return self._templating.render(
                "asset.html", view, list=query, page=_holders_page(query, found), found=found, course=course,
                changes=changes, explorers=explorers, chosen=chosen, ranges=list(RANGES), contract=contract,
                display=display, figures=figures,
            )  # fmt: skip

        response = await self._templating.page(request, render, keep=course is not None)
        if course is None:
            response.headers.update(NOT_YET)
        return response

    def _holders(self, asset: Asset, past: Snapshot) -> AssetHolders:
        found = asset_holders(self._snapshots.wallets, past, self._holdings.totals.totals(past), asset)
        if found is None:
            raise web.HTTPNotFound(text="no wallet ever held such an asset")
        return found


def _holders_page(query: ListQuery, found: AssetHolders) -> ListPage[AssetHolderRow]:
    ranks = {id(row): len(found.rows) - place for place, row in enumerate(found.rows)}
    return query.pick(found.rows, {"q": _is_held}, {**HOLDER_KEYS, "amount": lambda row: ranks[id(row)]})
