"""The pages: HTML made on the server, readable without JavaScript."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from aiohttp import web

from watcher.charts.chart import RANGES
from watcher.charts.figures import burn_down
from watcher.charts.lanes import LANES, alerts_by_rule, lane_chart
from watcher.commands.alerts import told
from watcher.domain.messages.delivery import DeliveryState
from watcher.domain.values.errors import StoreError
from watcher.ports.queries import Queries
from watcher.reports import status
from watcher.reports.alerts import AlertViews
from watcher.reports.credits import burn
from watcher.reports.day_change import DayChange, Holdings, day
from watcher.reports.rows import AlertDetailRow
from watcher.web import text
from watcher.web.actions import Actions
from watcher.web.api import form_for
from watcher.web.budget import BudgetPage
from watcher.web.connection_limits import ConnectionLimits, connection_of
from watcher.web.metrics import exposition
from watcher.web.parameters import ROWS, Parameters
from watcher.web.rules import RulePages
from watcher.web.snapshot import PageSnapshot, PageSnapshots
from watcher.web.templating import Templating
from watcher.web.wallets import WalletPages

DAY_LASTS = timedelta(minutes=1)
LINED = 1000
"""Alerts of the time line, at most, the newest."""
DAY_WAITS = 0.1
LIVE_EVERY = 2.0


class Pages:
    """The overview, alerts and deliveries; all other pages belong to it."""

    def __init__(self, snapshots: PageSnapshots, actions: Actions, limits: ConnectionLimits) -> None:
        self._snapshots, self._actions, self._limits = snapshots, actions, limits
        self._templating = Templating(snapshots, guarded=actions.possible)
        self._parts = (
            WalletPages(self._templating),
            BudgetPage(self._templating),
            RulePages(self._templating),
        )
        self._holdings = Holdings(snapshots.wallets)
        self._moved: asyncio.Future[DayChange | None] | None = None
        self._moved_at = snapshots.clock.now()
        self._leaving = asyncio.Event()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self.overview),
            *(route for part in self._parts for route in part.routes()),
            web.get("/alerts", self.alerts),
            web.get("/alerts/{id}", self.alert),
            web.get("/outbox", self.outbox),
            web.get("/metrics", self.metrics),
            web.get("/events", self.events),
        ]

    async def warm(self) -> None:
        """Load what the first page would otherwise wait for."""
        await self._snapshots.work(self._templating.warm)

    def leave(self) -> None:
        """End the streams of those who listen."""
        self._leaving.set()

    async def overview(self, request: web.Request) -> web.Response:
        Parameters(request.query, ())
        moved = await self._day()
        return await self._templating.page(request, lambda snapshot: self._overview(snapshot, moved))

    def _overview(self, snapshot: PageSnapshot, moved: DayChange | None) -> str:
        late = {id(row) for row in snapshot.status["accounts"] if status.behind(row)}
        bad = [row for row in snapshot.status["accounts"] if id(row) in late or row["held"]]
        worth = self._holdings.totals(snapshot.past).worth(snapshot.past)
        with self._snapshots.store.queries() as reader:
            burns = [burn(reader, name, plan, snapshot.at) for name, plan in self._snapshots.plans.items()]
        alerts = snapshot.status["alerts"]
        return self._templating.render(
            "overview.html", snapshot, worth=worth, troubled=bad[:ROWS],
            more=len(bad) - ROWS, truth=text.sentence(snapshot, len(late)), alerts=alerts[:ROWS],
            more_alerts=len(alerts) - ROWS,
            firing=sum(alert["state"] == "firing" for alert in alerts), day=moved, change=text.change,
            pending=sum(alert["state"] == "pending" for alert in alerts), late_count=len(late),
            burns=[(each, burn_down(each)) for each in burns],
            sources=text.sources(snapshot, status.behind),
        )  # fmt: skip

    async def _day(self) -> DayChange | None:
        """What a day has changed. It takes all holdings: worked out once a minute, in a thread of its own;
        until it is there, the page that was asked for goes on without."""
        snapshot, snapshots = await self._snapshots.current(), self._snapshots
        old = self._moved
        if old is None or (old.done() and not timedelta(0) <= snapshot.at - self._moved_at < DAY_LASTS):
            held = await snapshots.work(lambda: self._holdings.totals(snapshot.past))

            def work() -> DayChange | None:
                try:
                    with snapshots.store.queries() as reader:
                        return day(reader, held, snapshot.past, snapshots.wallets, snapshot.at)
                except StoreError:
                    return None  # the page itself says what is wrong with the store

            self._moved, self._moved_at = asyncio.ensure_future(asyncio.to_thread(work)), snapshot.at
            await asyncio.wait({self._moved}, timeout=DAY_WAITS)
            if not self._moved.done():
                return old.result() if old is not None else None
        return self._moved.result() if self._moved is not None and self._moved.done() else None

    async def alerts(self, request: web.Request) -> web.Response:
        parameters = Parameters(request.query, ("range", "page"))
        days, (page, skip) = parameters.choice("range", RANGES) or "7d", parameters.among()

        def render(snapshot: PageSnapshot) -> str:
            with self._snapshots.store.queries() as reader:
                found = reader.alerts(LINED)
                listed = reader.alerts(ROWS + 1, skip)
            views = AlertViews(self._snapshots.settings, snapshot.past.silences, snapshot.at)
            rows = [{**views.row(alert), "resolved_at": alert.resolved_at} for alert in listed[:ROWS]]
            lines = alerts_by_rule(found, snapshot.at - timedelta(days=RANGES[days]), snapshot.at)
            return self._templating.render(
                "alerts.html", snapshot, rows=rows, days=days, ranges=list(RANGES), shown=LANES,
                page=page, more=len(listed) > ROWS,
                hidden=max(len(lines) - LANES, 0), picture=lane_chart(lines, RANGES[days], snapshot.at),
            )  # fmt: skip

        return await self._templating.page(request, render)

    async def alert(self, request: web.Request) -> web.Response:
        """One alert or event, with all that was told of it."""
        Parameters(request.query, ())
        name, settings = request.match_info["id"], self._snapshots.settings

        def asking(reader: Queries) -> AlertDetailRow | None:
            alert = told(reader, name)
            if alert is None:
                return None
            views = AlertViews(settings, reader.silences(), self._snapshots.clock.now())
            return views.whole(alert, reader.deliveries_of(name))

        row = await self._snapshots.ask(asking)
        if row is None:
            raise web.HTTPNotFound(text="there is no such alert")
        tokens = {each: self._actions.form_token(f"/alerts/{name}/{each}") for each in ("ack", "silence")}

        def render(snapshot: PageSnapshot) -> str:
            # A notice that is built in, or a rule or a wallet that was removed, has no page of its own.
            links = {
                "rule": row["rule"] in self._templating.rules.by_id,
                "wallet": row["wallet"] in {wallet.name for wallet in self._snapshots.wallets.values()},
            }
            return self._templating.render("alert.html", snapshot, row=row, tokens=tokens, links=links)

        return await self._templating.page(request, render, keep=False)

    async def outbox(self, request: web.Request) -> web.Response:
        parameters = Parameters(request.query, ("state", "page"))
        page, skip = parameters.among()
        states = [str(state) for state in DeliveryState]
        state = parameters.choice("state", states)
        rows = await self._snapshots.ask(lambda reader: status.deliveries(reader, state, ROWS + 1, skip))

        def render(snapshot: PageSnapshot) -> str:
            return self._templating.render(
                "outbox.html", snapshot, rows=rows[:ROWS], state=state, states=states, page=page,
                more=len(rows) > ROWS,
            )  # fmt: skip

        return await self._templating.page(request, render)

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

    def login_page(self, wrong: str, wanted: str = "") -> web.Response:
        """The form that asks for the token. `wanted`: what was asked for, and is shown after it."""
        text = self.bare("login.html", wrong=wrong, wanted=wanted)
        return web.Response(text=text, status=401, content_type="text/html")


def _news(snapshot: PageSnapshot) -> object:
    """What makes a page worth fetching again."""
    status = snapshot.status
    alerts = tuple((each["id"], each["state"], each["because"]) for each in status["alerts"])
    readings = max((row["last_reading"] for row in status["accounts"] if row["last_reading"]), default=None)
    return alerts, readings, tuple(status["deliveries"].values()), snapshot.readiness
