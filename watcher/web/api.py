"""`/api/v1/…`: the same JSON as the command line's `--json`, long lists in pieces, with gzip."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from aiohttp import web

from watcher.domain.alerts.events import Acknowledgeable
from watcher.domain.messages.delivery import DeliveryState
from watcher.domain.values.formatting import iso
from watcher.reports import status
from watcher.reports.alerts import AlertViews
from watcher.web.openapi import describe
from watcher.web.parameters import Parameters
from watcher.web.snapshot import PageSnapshots


class Api:
    """Reads only. Every answer is one consistent moment of the store."""

    def __init__(self, snapshots: PageSnapshots, *, token: bool = False) -> None:
        """`token`: whether one is needed, so that the description says so."""
        self._snapshots, self._token = snapshots, token
        self._description: Mapping[str, object] | None = None

    def routes(self) -> list[web.RouteDef]:
        found = {
            "/api/v1/status": self.status,
            "/api/v1/balances": self.balances,
            "/api/v1/history": self.history,
            "/api/v1/alerts": self.alerts,
            "/api/v1/outbox": self.outbox,
            "/api/v1/openapi.json": self.openapi,
        }
        return [web.get(path, handler) for path, handler in found.items()]

    async def status(self, request: web.Request) -> web.Response:
        Parameters(request.query, ())
        snapshot = await self._snapshots.current()
        return await self._json(request, snapshot.status)

    async def balances(self, request: web.Request) -> web.Response:
        parameters = Parameters(request.query, ("wallet",))
        names = parameters.names("wallet", self._names)
        snapshot = await self._snapshots.current()
        rows = await self._snapshots.work(lambda: status.balances(self._snapshots.settings, snapshot.past))
        return await self._json(request, [row for row in rows if not names or row["wallet"] in names])

    async def history(self, request: web.Request) -> web.Response:
        parameters = Parameters(request.query, ("wallet", "since", "limit"))
        names, limit, span = (
            parameters.names("wallet", self._names),
            parameters.limit(),
            parameters.span("since"),
        )
        since = self._snapshots.clock.now() - span if span is not None else None
        settings = self._snapshots.settings
        return await self._json(
            request,
            await self._snapshots.ask(lambda reader: status.history(settings, reader, limit, names, since)),
        )

    async def alerts(self, request: web.Request) -> web.Response:
        parameters = Parameters(request.query, ("all", "events", "limit"))
        snapshot = await self._snapshots.current()
        found: Sequence[Acknowledgeable]
        if parameters.flag("all"):
            limit = parameters.limit()
            found = await self._snapshots.ask(lambda reader: reader.alerts(limit))
        elif parameters.flag("events"):
            limit = parameters.limit()
            found = await self._snapshots.ask(lambda reader: reader.events(limit))
        else:
            live = sorted(snapshot.past.alerts.values(), key=lambda each: each.since)
            found = live[: parameters.limit(10_000)]
        views = AlertViews(self._snapshots.settings, snapshot.past.silences, snapshot.at)
        return await self._json(request, views.rows(found))

    async def outbox(self, request: web.Request) -> web.Response:
        parameters = Parameters(request.query, ("state", "limit"))
        state, limit = parameters.choice("state", [str(each) for each in DeliveryState]), parameters.limit()
        return await self._json(
            request, await self._snapshots.ask(lambda reader: status.deliveries(reader, state, limit))
        )

    async def openapi(self, request: web.Request) -> web.Response:
        Parameters(request.query, ())
        if self._description is None:
            wallet = next((each.name for each in self._snapshots.settings.wallets), "")
            self._description = await self._snapshots.work(lambda: describe(wallet, token=self._token))
        return await self._json(request, self._description)

    @property
    def _names(self) -> set[str]:
        return {wallet.name for wallet in self._snapshots.settings.wallets}

    async def _json(self, request: web.Request, value: object) -> web.Response:
        form = form_for(request)
        body = await self._snapshots.work(lambda: form.of(encoded(value)))
        return web.Response(
            body=body, content_type="application/json", charset="utf-8", headers=dict(form.headers)
        )


PIECE = 200
"""Rows encoded at once: encoding holds every other thread, so no piece may take long."""


def encoded(value: object) -> bytes:
    """A document as bytes."""
    return b"".join(_pieces(value))


def _pieces(value: object) -> Iterator[bytes]:
    if isinstance(value, dict):
        yield b"{"
        for number, (key, part) in enumerate(value.items()):
            yield (", " if number else "").encode() + json.dumps(key).encode() + b": "
            yield from _pieces(part)
        yield b"}"
    elif isinstance(value, list) and len(value) > PIECE:
        yield b"["
        for start in range(0, len(value), PIECE):
            yield (",\n" if start else "").encode() + _text(value[start : start + PIECE])[1:-1]
        yield b"]"
    else:
        yield _text(value)


def _text(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, default=_plain).encode("utf-8", "backslashreplace")


def _plain(value: object) -> str:
    return iso(value) if isinstance(value, datetime) else str(value)


class Form(NamedTuple):
    """How a body goes over the wire."""

    name: str
    headers: Mapping[str, str]

    def of(self, body: bytes) -> bytes:
        return gzip.compress(body, 6, mtime=0) if self.name == "gzip" else body


_VARY = {"Vary": "Accept-Encoding"}
PLAIN, GZIP = Form("plain", _VARY), Form("gzip", {**_VARY, "Content-Encoding": "gzip"})


def form_for(request: web.Request) -> Form:
    """gzip if whoever asks takes it: of many balances that is a thirtieth of the bytes."""
    for each in ",".join(request.headers.getall("Accept-Encoding", [])).split(","):
        coding, *parameters = (part.strip().lower() for part in each.split(";"))
        if coding == "gzip":
            weights = [part.removeprefix("q=").strip() for part in parameters if part.startswith("q=")]
            return PLAIN if any(not each.strip("0.") for each in weights) else GZIP
    return PLAIN
