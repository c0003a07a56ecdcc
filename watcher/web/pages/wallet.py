"""One wallet: what it holds, its charts, its accounts, and what was told of it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from aiohttp import web

from watcher.charts import ranges
from watcher.charts.chart import Chart, wallet_chart
from watcher.charts.figures import wallet_figures
from watcher.charts.levels import levels_of
from watcher.domain.evaluation.rule_index import other_names
from watcher.domain.model import Asset
from watcher.domain.values.text import clean
from watcher.reports import status
from watcher.reports.rows import HistoryRow, WalletBalanceRow
from watcher.web import text
from watcher.web.addresses import name_in
from watcher.web.parameters import ROWS, Parameters, refused
from watcher.web.templating import PageView, Templating

CHOICES = 200
"""Assets that can be chosen for a chart."""


class WalletPage:
    """`/wallets/{name}`."""

    def __init__(self, templating: Templating) -> None:
        self._templating, self._snapshots = templating, templating.snapshots

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/wallets/{name}", self.wallet)]

    async def wallet(self, request: web.Request) -> web.Response:
        parameters = Parameters(request.query, ("asset", "range"))
        name, settings = name_in(request.match_info["name"]), self._snapshots.settings
        if name not in {wallet.name for wallet in settings.wallets}:
            raise web.HTTPNotFound(text="there is no such wallet")
        chosen, wanted = _asset(parameters.one("asset")), parameters.choice("range", ranges.RANGES)

        def render(view: PageView) -> str:
            snapshot = view.snapshot
            mine = {a: wallet for a, wallet in self._snapshots.wallets.items() if wallet.name == name}
            held = status.balances_of(mine, snapshot.past)
            held.sort(key=lambda row: (row["value_usd"] is None, -Decimal(row["value_usd"] or 0)))
            choices = _choices(held, chosen)
            only = choices[0] if len(choices) == 1 and len(held) == 1 else None
            asset = chosen or (only[0] if only else None)
            with self._snapshots.store.queries() as reader:
                changes = status.history(settings, reader, ROWS, [name])
                age = snapshot.at - (reader.known_since(list(mine)) or snapshot.at)
                days = ranges.chosen(wanted, age)
                found = wallet_chart(settings, reader, name, snapshot.at, ranges.RANGES[days], asset)
            return self._render(
                view, name, held, changes, found,
                asset=asset, choices=choices, days=days, ranges=ranges.offered(age),
            )  # fmt: skip

        return await self._templating.page(request, render)

    def _render(
        self,
        view: PageView,
        name: str,
        held: Sequence[WalletBalanceRow],
        changes: Sequence[HistoryRow],
        found: Chart,
        **values: Any,
    ) -> str:
        snapshot, worth = view.snapshot, text.total(held)
        also = other_names(snapshot.past.same, snapshot.past.former)
        levels = levels_of(
            self._templating.rules, found.holdings, values["asset"], clean(found.symbol), also=also
        )
        return self._templating.render(
            "wallet.html", view, name=name, held=held[:ROWS], more=len(held) - ROWS, changes=changes,
            worth=worth, pictures=wallet_figures(name, found, levels, self._templating.display), chart=found,
            accounts=[row for row in snapshot.status["accounts"] if row["wallet"] == name],
            alerts=[row for row in snapshot.status["alerts"] if row["wallet"] == name], **values,
        )  # fmt: skip


def _asset(text: str | None) -> Asset | None:
    """An asset as the form names it: chain and token, with a slash between."""
    if not text:
        return None
    chain, slash, token = text.partition("/")
    if not slash or not chain or not token or len(text) > 500 or not text.isprintable():
        raise refused("asset must be a chain and a token, as in ethereum/ethereum")
    return Asset(chain, token)


def _choices(held: Sequence[WalletBalanceRow], chosen: Asset | None) -> list[tuple[Asset, str]]:
    """Assets that a chart may be of, the most valuable first, with names that tell them apart."""
    found = dict.fromkeys(Asset(row["chain"], row["asset"]) for row in held[:CHOICES])
    symbols = {Asset(row["chain"], row["asset"]): row["symbol"] for row in held}
    if chosen is not None:
        found.setdefault(chosen)
    return [(a, f"{clean(symbols.get(a) or a.token)[:40]} on {clean(a.chain)[:40]}") for a in found]
