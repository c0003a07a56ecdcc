"""One wallet: its accounts, what it holds, its charts, which rules watch it, and what was told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from aiohttp import web

from watcher.charts import ranges
from watcher.charts.chart import BEFORE, Chart, wallet_chart
from watcher.charts.figures import wallet_figures
from watcher.charts.levels import levels_of
from watcher.config.wallets import WalletSettings
from watcher.domain.alerts.events import Acknowledgeable
from watcher.domain.alerts.selection import AlertFilter
from watcher.domain.decision import Snapshot
from watcher.domain.evaluation.memo import Memo
from watcher.domain.evaluation.rule_index import other_names
from watcher.domain.model import Asset
from watcher.domain.records import replace
from watcher.domain.values.explorers import explorers_of
from watcher.domain.values.text import clean
from watcher.ports.queries import Queries
from watcher.reports import holdings, status
from watcher.reports.alerts import AlertViews
from watcher.reports.explain import Explainer
from watcher.reports.ranges import RANGES
from watcher.reports.rows import AccountRow, HistoryRow, WalletBalanceRow
from watcher.reports.watching import WalletWatch, watched
from watcher.web import text
from watcher.web.addresses import name_in
from watcher.web.errors import UnknownNameError
from watcher.web.listing import Listing, list_routes, sheet_answer
from watcher.web.parameters import MOST, ROWS, Parameters, refused
from watcher.web.snapshot import PageSnapshot
from watcher.web.templating import PageView, Templating

LIST = Listing()
EVERY = 100_000
"""Changes of a table as CSV, the newest."""
CHOICES = 200
"""Assets that can be chosen for a chart."""
SHOWN, FEW = 20, 10
"""Rows of what is held, and of what happened; more of them are a page of their own."""
LATELY = timedelta(hours=24)
WATCHING = 50
"""Subjects of rules that are shown."""


class AccountLine(AccountRow):
    """An account with how often it is to be read, and where anybody can look at it."""

    promise: str
    explorers: dict[str, str]


class WalletPage:
    """`/wallets/{name}`, and its lists."""

    def __init__(self, templating: Templating) -> None:
        self._templating, self._snapshots = templating, templating.snapshots

    def routes(self) -> list[web.RouteDef]:
        return [
            *list_routes("/wallets/{name}/history", self.history),
            *list_routes("/wallets/{name}/balances", self.balances),
            web.get("/wallets/{name}", self.wallet),
        ]

    async def wallet(self, request: web.Request) -> web.Response:
        parameters = Parameters(request.query, ("asset", "range"))
        wallet, asked = self._wallet(request), parameters.one("asset")
        chosen, wanted = _asset(asked), parameters.choice("range", ranges.KNOWN)

        def render(view: PageView) -> str:
            snapshot = view.snapshot
            held = self._held(wallet, snapshot)
            choices = _choices(held, chosen)
            asset = chosen if asked is not None else _usual(held, choices)
            with self._snapshots.store.queries() as reader:
                changes = status.history(self._snapshots.settings, reader, FEW + 1, [wallet.name])
                age = snapshot.at - (reader.known_since(wallet.accounts) or snapshot.at)
                days = ranges.chosen(wanted, age)
                span = RANGES[days] or age + BEFORE
                found = wallet_chart(self._snapshots.settings, reader, wallet.name, snapshot.at, span, asset)
                watching = self._watching(wallet, reader, snapshot.past, snapshot.at, self._templating.memo)
                lately = AlertFilter(wallet=wallet.name, since=snapshot.at - LATELY)
                happened, count = reader.happened(lately, ROWS, worst=True), reader.count_happened(lately)
            return self._render(
                view, wallet, held, found, changes=changes, watching=watching,
                happened=happened, more_alerts=count - len(happened),
                asset=asset, choices=choices, days=days, ranges=ranges.offered(age),
            )  # fmt: skip

        return await self._templating.page(request, render)

    async def history(self, request: web.Request) -> web.Response:
        """Everything that changed."""
        wallet, query = self._wallet(request), LIST.read(request, self._templating.base)
        settings = self._snapshots.settings

        def rows() -> list[HistoryRow]:
            with self._snapshots.store.queries() as reader:
                most = EVERY if query.sheet else MOST
                return status.history(settings, reader, most, [wallet.name])

        def render(view: PageView) -> str:
            found = rows()
            return self._templating.render(
                "wallet_history.html", view, wallet=wallet, found=query.of(found, len(found)), most=MOST
            )

        if query.sheet:
            return await sheet_answer(self._templating, request, HistoryRow.__annotations__, lambda _: rows())
        return await self._templating.page(request, render)

    async def balances(self, request: web.Request) -> web.Response:
        """Everything that is held."""
        wallet, query = self._wallet(request), LIST.read(request, self._templating.base)

        def render(view: PageView) -> str:
            held = self._held(wallet, view.snapshot)
            return self._templating.render(
                "wallet_balances.html", view, wallet=wallet, found=query.of(held, len(held)),
                worth=text.total(held),
            )  # fmt: skip

        if query.sheet:
            columns = WalletBalanceRow.__annotations__
            return await sheet_answer(
                self._templating, request, columns, lambda view: self._held(wallet, view.snapshot)
            )
        return await self._templating.page(request, render)

    def _wallet(self, request: web.Request) -> WalletSettings:
        """The wallet of the address; 404 if there is none."""
        name = name_in(request.match_info["name"])
        wallet = next((each for each in self._snapshots.settings.wallets if each.name == name), None)
        if wallet is None:
            names = {each.name for each in self._snapshots.settings.wallets}
            raise UnknownNameError("wallet", name, names, "/wallets")
        return wallet

    @staticmethod
    def _held(wallet: WalletSettings, snapshot: PageSnapshot) -> list[WalletBalanceRow]:
        """What is held, the most valuable first."""
        held = holdings.balances_of(dict.fromkeys(wallet.accounts, wallet), snapshot.past)
        return sorted(held, key=lambda row: (row["value_usd"] is None, -Decimal(row["value_usd"] or 0)))

    async def found_out(self) -> Memo:
        """Memo with what the first page of a wallet would else have to find out: of sums over ten thousand
        accounts that takes a second. Made beside the pages. StoreError if the store cannot be read."""
        rules, now = self._templating.rules, self._snapshots.clock.now()
        known = await self._snapshots.known() if rules.summing else None

        def find() -> Memo:
            memo = Memo()
            if known is None:
                return memo
            sums = memo.under(rules, known).sums
            wallets = (each for account, each in self._snapshots.wallets.items() if sums.of(account))
            with self._snapshots.store.queries() as reader:
                for wallet in islice(wallets, 1):
                    self._watching(wallet, reader, known, now, memo)
            return memo

        return await asyncio.to_thread(find)

    def _watching(
        self, wallet: WalletSettings, reader: Queries, past: Snapshot, now: datetime, memo: Memo
    ) -> WalletWatch:
        # Without a revision the sums are looked through anew: what has changed since is not told here.
        past = replace(past, revision=None)
        explainer = Explainer(
            self._snapshots.settings, self._templating.rules, reader, now, past, memo=memo
        )  # fmt: skip
        return watched(explainer, wallet.name, wallet.accounts)

    def _render(
        self,
        view: PageView,
        wallet: WalletSettings,
        held: Sequence[WalletBalanceRow],
        found: Chart,
        *,
        changes: Sequence[HistoryRow],
        watching: WalletWatch,
        happened: Sequence[Acknowledgeable],
        **values: Any,
    ) -> str:
        snapshot = view.snapshot
        also = other_names(snapshot.past.same, snapshot.past.former)
        levels = levels_of(
            self._templating.rules, found.holdings, values["asset"], clean(found.symbol), also=also
        )
        pictures = wallet_figures(wallet.name, found, levels, self._templating.display)
        views = AlertViews(self._snapshots.settings, snapshot.past.silences, snapshot.at)
        return self._templating.render(
            "wallet.html", view, wallet=wallet, name=wallet.name, held=held[:SHOWN], count=len(held),
            worth=text.total(held), changes=changes[:FEW], more_changes=len(changes) > FEW,
            pictures=pictures, chart=found, marks=found.alert_marks[:FEW],
            more_marks=len(found.alert_marks) - FEW, accounts=self._accounts(wallet, snapshot),
            alerts=views.rows(happened),
            watching=watching.rows[:WATCHING], more_watching=max(len(watching.rows) - WATCHING, 0),
            not_judged=watching.more, held_back=watching.held, **values,
        )  # fmt: skip

    def _accounts(self, wallet: WalletSettings, snapshot: PageSnapshot) -> list[AccountLine]:
        added = self._snapshots.settings.explorers
        return [
            {
                **row,
                "promise": text.promised(wallet, row["interval_seconds"]),
                "explorers": explorers_of(row["chain"], row["address"], added),
            }
            for row in snapshot.status["accounts"]
            if row["wallet"] == wallet.name
        ]


def _asset(text: str | None) -> Asset | None:
    """An asset as the form names it: chain and token, with a slash between."""
    if not text:
        return None
    chain, slash, token = text.partition("/")
    if not slash or not chain or not token or len(text) > 500 or not text.isprintable():
        raise refused("asset must be a chain and a token, as in ethereum/ethereum")
    return Asset(chain, token)


def _usual(held: Sequence[WalletBalanceRow], choices: Sequence[tuple[Asset, str]]) -> Asset | None:
    """The asset that is shown if none is asked for: the only one, or the first if all together have no
    value."""
    if not choices or (len(held) > 1 and any(row["value_usd"] is not None for row in held)):
        return None
    return choices[0][0]


def _choices(held: Sequence[WalletBalanceRow], chosen: Asset | None) -> list[tuple[Asset, str]]:
    """Assets that a chart may be of, the most valuable first, with names that tell them apart."""
    found = dict.fromkeys(Asset(row["chain"], row["asset"]) for row in held[:CHOICES])
    symbols = {Asset(row["chain"], row["asset"]): row["symbol"] for row in held}
    if chosen is not None:
        found.setdefault(chosen)
    return [(a, f"{clean(symbols.get(a) or a.token)[:40]} on {clean(a.chain)[:40]}") for a in found]
