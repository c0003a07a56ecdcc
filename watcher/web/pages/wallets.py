"""The table of all wallets, and one wallet with its charts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from aiohttp import web
from markupsafe import Markup

from watcher.charts.chart import RANGES, Chart, wallet_chart
from watcher.charts.figures import wallet_figures
from watcher.charts.levels import levels_of
from watcher.charts.sparklines import SPAN, sparklines
from watcher.charts.svg import sparkline
from watcher.domain.evaluation.rule_index import other_names
from watcher.domain.history.timeline import Segment, known_values
from watcher.domain.model import Asset
from watcher.domain.values.formatting import money
from watcher.domain.values.text import clean
from watcher.reports import status
from watcher.reports.day_change import Worth
from watcher.reports.rows import AccountRow, HistoryRow, WalletBalanceRow
from watcher.web import text
from watcher.web.parameters import ROWS, Parameters, refused
from watcher.web.snapshot import PageSnapshot
from watcher.web.templating import PageView, Templating

USUAL = "7d"
CHOICES = 200
"""Assets that can be chosen for a chart."""

BY_VALUE = "value"
SORTS: dict[str, Callable[[AccountRow], tuple[object, ...]]] = {
    "wallet": lambda row: (row["wallet"], row["chain"]),
    "age": lambda row: (row["last_reading"] is not None, row["last_reading"]),
    "misses": lambda row: (-row["misses"], row["wallet"]),
}


class WalletLine(AccountRow):
    """An account with what it is worth, how often it is to be read, and its value of late as a line."""

    worth: Worth
    promise: str
    spark: Markup


class WalletPages:
    """`/wallets` and what is below it."""

    def __init__(self, templating: Templating) -> None:
        self._templating, self._snapshots = templating, templating.snapshots

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/wallets", self.wallets), web.get("/wallets/{name}", self.wallet)]

    async def wallets(self, request: web.Request) -> web.Response:
        parameters = Parameters(request.query, ("q", "sort", "page"))
        wanted, sort = (
            (parameters.one("q") or "").strip().lower()[:100],
            parameters.choice("sort", (*SORTS, BY_VALUE)) or "wallet",
        )
        number = parameters.page()

        def render(view: PageView) -> str:
            snapshot = view.snapshot
            rows = [row for row in snapshot.status["accounts"] if _found(row, wanted)]
            if sort == BY_VALUE:
                rows.sort(key=lambda row: self._value(row, snapshot), reverse=True)
            else:
                rows.sort(key=SORTS[sort])
            start = (number - 1) * ROWS
            shown = self._lines(rows[start : start + ROWS], snapshot)
            return self._templating.render(
                "wallets.html", view, rows=shown, count=len(rows), q=wanted, sort=sort,
                sorts=[*SORTS, BY_VALUE], page=number, pages=max(1, -(-len(rows) // ROWS)),
            )  # fmt: skip

        return await self._templating.page(request, render)

    @staticmethod
    def _value(row: AccountRow, snapshot: PageSnapshot) -> Decimal:
        return text.worth(snapshot.past, Templating.account(row)).value

    def _lines(self, rows: Sequence[AccountRow], snapshot: PageSnapshot) -> list[WalletLine]:
        intervals = {Templating.account(row): row["interval_seconds"] for row in rows}
        with self._snapshots.store.queries() as reader:
            sparks = sparklines(reader, snapshot.past, intervals, snapshot.at)
        return [
            {
                **row,
                "worth": text.worth(snapshot.past, account),
                "promise": text.promised(self._snapshots.wallets[account], row["interval_seconds"]),
                "spark": _spark(sparks[account], snapshot.at),
            }
            for account, row in zip(intervals, rows, strict=True)
        ]

    async def wallet(self, request: web.Request) -> web.Response:
        parameters = Parameters(request.query, ("asset", "range"))
        name, settings = request.match_info["name"], self._snapshots.settings
        if name not in {wallet.name for wallet in settings.wallets}:
            raise web.HTTPNotFound(text="there is no such wallet")
        chosen, days = _asset(parameters.one("asset")), parameters.choice("range", RANGES) or USUAL

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
                span = timedelta(days=RANGES[days])
                found = wallet_chart(settings, reader, name, snapshot.at, span, asset)
            return self._render(view, name, held, changes, found, asset=asset, choices=choices, days=days)

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
            worth=worth, pictures=wallet_figures(name, found, levels), chart=found,
            ranges=list(RANGES),
            accounts=[row for row in snapshot.status["accounts"] if row["wallet"] == name],
            alerts=[row for row in snapshot.status["alerts"] if row["wallet"] == name], **values,
        )  # fmt: skip


def _spark(line: Sequence[Segment], now: datetime) -> Markup:
    ends = known_values(line)
    title = f"from {money(ends[0])} to {money(ends[-1])} in 7 days" if ends else ""
    return sparkline(line, now - SPAN, now, title)


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


def _found(row: AccountRow, wanted: str) -> bool:
    searched = (row["wallet"], row["source"], row["chain"], row["address"])
    return not wanted or any(wanted in each.lower() for each in searched)
