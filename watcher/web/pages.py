"""The pages: HTML made on the server, readable without JavaScript."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from watcher import report
from watcher.alertviews import AlertViews
from watcher.domain.delivery import DeliveryState
from watcher.domain.display import full, moment, money, price
from watcher.domain.model import Account
from watcher.notify.markup import clean
from watcher.report import Row
from watcher.settings import WalletSettings
from watcher.store.reader import Reader
from watcher.web import words
from watcher.web.acting import Acts
from watcher.web.asking import Asked
from watcher.web.looking import Look, Looker
from watcher.web.metrics import exposition

ROWS = 100
"""Rows of a page of a table."""
LIVE_EVERY = 2.0
LIVE_MOST = 50
"""Pages that are told of news at once; those beyond are told to come again."""
KEPT = 64
SEARCHED = ("wallet", "source", "chain", "address")

SORTS: dict[str, Callable[[Row], Any]] = {
    "wallet": lambda row: (row["wallet"], row["chain"]),
    "age": lambda row: (row["last_reading"] is not None, row["last_reading"]),
    "misses": lambda row: (-row["misses"], row["wallet"]),
}


class Pages:
    """Renders from one look at a time; what was rendered from it is kept as long as it is fresh."""

    def __init__(self, looker: Looker, acts: Acts) -> None:
        self._looker, self._acts = looker, acts
        self._html = Environment(
            loader=PackageLoader("watcher.web"), autoescape=select_autoescape(default=True),
            undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        self._html.filters.update(
            clean=clean, moment=moment, age=words.age, counted=words.counted,
            digits=lambda text: full(Decimal(text)),
            money=lambda text: money(Decimal(text)), price=lambda text: price(Decimal(text)),
        )  # fmt: skip
        self._live = 0
        self._leaving = asyncio.Event()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self.overview),
            web.get("/wallets", self.wallets),
            web.get("/wallets/{name}", self.wallet),
            web.get("/alerts", self.alerts),
            web.get("/alerts/{id}", self.alert),
            web.get("/outbox", self.outbox),
            web.get("/metrics", self.metrics),
            web.get("/events", self.events),
        ]

    def leave(self) -> None:
        """End the streams of those who listen."""
        self._leaving.set()

    async def overview(self, request: web.Request) -> web.Response:
        Asked(request.query, ())
        return await self._page(request, self._overview)

    def _overview(self, look: Look) -> str:
        rows = look.status["accounts"]
        bad = [row for row in rows if self._late(row, look) or row["held"]]
        value, unpriced = words.worth(look.past, self._looker.wallets)
        return self._render(
            "overview.html", look, value=value, unpriced=unpriced, troubled=bad[:ROWS], more=len(bad) - ROWS,
            alerts=look.status["alerts"][:ROWS], more_alerts=len(look.status["alerts"]) - ROWS,
        )  # fmt: skip

    async def wallets(self, request: web.Request) -> web.Response:
        asked = Asked(request.query, ("q", "sort", "page"))
        wanted, sort = (asked.one("q") or "").strip().lower()[:100], asked.choice("sort", SORTS) or "wallet"
        number = asked.page()

        def render(look: Look) -> str:
            rows = [row for row in look.status["accounts"] if _found(row, wanted)]
            rows.sort(key=SORTS[sort])
            start = (number - 1) * ROWS
            return self._render(
                "wallets.html", look, rows=rows[start : start + ROWS], count=len(rows), q=wanted, sort=sort,
                sorts=list(SORTS), page=number, pages=max(1, -(-len(rows) // ROWS)),
            )  # fmt: skip

        return await self._page(request, render)

    async def wallet(self, request: web.Request) -> web.Response:
        Asked(request.query, ())
        name = request.match_info["name"]
        if name not in {wallet.name for wallet in self._looker.settings.wallets}:
            raise web.HTTPNotFound(text="there is no such wallet")
        settings = self._looker.settings
        changes = await self._looker.ask(lambda reader: report.history(settings, reader, ROWS, [name]))

        def render(look: Look) -> str:
            accounts = [row for row in look.status["accounts"] if row["wallet"] == name]
            held = [row for row in report.balances(settings, look.past) if row["wallet"] == name]
            held.sort(key=lambda row: (row["value_usd"] is None, -Decimal(row["value_usd"] or 0)))
            value, unpriced = words.total(held)
            alerts = [row for row in look.status["alerts"] if row["wallet"] == name]
            return self._render(
                "wallet.html", look, name=name, accounts=accounts, held=held[:ROWS], more=len(held) - ROWS,
                value=value, unpriced=unpriced, changes=changes, alerts=alerts,
            )  # fmt: skip

        return await self._page(request, render)

    async def alerts(self, request: web.Request) -> web.Response:
        Asked(request.query, ())
        found = await self._looker.ask(lambda reader: reader.alerts(ROWS))

        def render(look: Look) -> str:
            views = AlertViews(self._looker.settings, look.past.silences, look.at)
            rows = [{**views.row(alert), "resolved_at": alert.resolved_at} for alert in found]
            return self._render("alerts.html", look, rows=rows)

        return await self._page(request, render)

    async def alert(self, request: web.Request) -> web.Response:
        """One alert, with all that was told of it."""
        Asked(request.query, ())
        name, settings = request.match_info["id"], self._looker.settings

        def asking(reader: Reader) -> Row | None:
            alert = reader.alert(name)
            if alert is None:
                return None
            views = AlertViews(settings, reader.silences(), self._looker.clock.now())
            return views.whole(alert, reader.deliveries_of(name))

        row = await self._looker.ask(asking)
        if row is None:
            raise web.HTTPNotFound(text="there is no such alert")
        words_of = {act: self._acts.word(f"/alerts/{name}/{act}") for act in ("ack", "silence")}

        def render(look: Look) -> str:
            return self._render("alert.html", look, row=row, words=words_of)

        return await self._page(request, render, keep=False)

    async def outbox(self, request: web.Request) -> web.Response:
        asked = Asked(request.query, ("state",))
        states = [str(state) for state in DeliveryState]
        state = asked.choice("state", states)
        rows = await self._looker.ask(lambda reader: report.deliveries(reader, state, ROWS))
        return await self._page(
            request, lambda look: self._render("outbox.html", look, rows=rows, state=state, states=states)
        )

    async def metrics(self, _request: web.Request) -> web.Response:
        look, settings = await self._looker.look(), self._looker.settings
        body = await self._looker.work(
            lambda: exposition(look, settings, self._looker.store, self._looker.tally)
        )
        return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def events(self, request: web.Request) -> web.StreamResponse:
        """A word each time that something has changed; the page then fetches itself again."""
        if self._live >= LIVE_MOST:
            return web.Response(status=503, text="too many pages listen; this one goes on without\n")
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await response.prepare(request)
        self._live += 1
        try:
            told = None
            while not self._leaving.is_set():
                news = _news(await self._looker.look())
                word = b"event: news\ndata: .\n\n" if told not in (None, news) else b": still here\n\n"
                await response.write(word)
                told = news
                await self._looker.clock.wait(self._leaving, LIVE_EVERY)
        except ConnectionResetError:
            pass  # whoever listened has left
        finally:
            self._live -= 1
        return response

    def login_page(self, wrong: str) -> web.Response:
        """The form that asks for the token."""
        text = self._html.get_template("login.html").render(wrong=wrong)
        return web.Response(text=text, status=401, content_type="text/html")

    async def _page(
        self, request: web.Request, render: Callable[[Look], str], *, keep: bool = True
    ) -> web.Response:
        look = await self._looker.look()
        body = look.pages.get(request.path_qs) if keep else None
        if body is None:
            body = (await self._looker.work(lambda: render(look))).encode("utf-8", "backslashreplace")
            if keep and len(look.pages) < KEPT:
                look.pages[request.path_qs] = body
        return web.Response(body=body, content_type="text/html", charset="utf-8")

    def _render(self, template: str, look: Look, **values: Any) -> str:
        truth = words.sentence(look, self._looker.wallets)
        return self._html.get_template(template).render(
            look=look, now=look.at, truth=truth, late=lambda row: self._late(row, look), **values
        )

    def _late(self, row: Row, look: Look) -> bool:
        return words.late(row, self._wallet(row), look.at)

    def _wallet(self, row: Row) -> WalletSettings:
        return self._looker.wallets[Account(row["source"], row["chain"], row["address"])]


def _found(row: Row, wanted: str) -> bool:
    return not wanted or any(wanted in row[key].lower() for key in SEARCHED)


def _news(look: Look) -> object:
    """What makes a page worth fetching again."""
    status = look.status
    alerts = tuple((each["id"], each["state"], each["because"]) for each in status["alerts"])
    readings = max((row["last_reading"] for row in status["accounts"] if row["last_reading"]), default=None)
    return alerts, readings, tuple(status["deliveries"].values()), look.readiness
