"""A store with something in it, and the page over it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp

from tests.contract.given import ETH, HOT, NOW, THIRTY, alert, changed, delivery, keep, known
from tests.fakes import FakeClock
from watcher.config.configuration import configure, credit_plans
from watcher.config.settings import Settings
from watcher.config.web import WebSettings
from watcher.domain.model import EMPTY, AccountState, Asset, Quote
from watcher.ports.hints import Posting
from watcher.ports.on_demand import OnDemandPolls
from watcher.ports.store import Store
from watcher.service.metrics import Metrics
from watcher.store.sqlite.store import SqliteStore
from watcher.web import PageSnapshots, Server

KEY = "apikey-that-nobody-may-see"
HOOK = "json://127.0.0.1:9/hook-that-nobody-may-see"
NASTY = "<script>alert(1)</script>\u202egpj.exe" + "x" * 10_000
SPAM = Asset("ethereum", "0x00000000000000000000000000000000000000ff")

OTHER = "0x0000000000000000000000000000000000000002"

CONFIG = f"""\
version: 1
sources:
  coinstats: {{kind: coinstats, api_key: {KEY}, credits: {{limit: 20000}}}}
wallets:
  - name: hot
    source: coinstats
    address: "{HOT.address}"
    chains: [ethereum]
    at_least_every: 12h
    tags: [gas]
  - {{name: "späre <b>&1", source: coinstats, address: "{OTHER}", chains: [ethereum]}}
channels:
  ops: {{url: "{HOOK}"}}
"""


@dataclass
class Page:
    url: str
    server: Server
    snapshots: PageSnapshots
    store: SqliteStore
    clock: FakeClock
    session: aiohttp.ClientSession

    async def get(self, path: str, **headers: str) -> tuple[int, str, Any]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.get(self.url + path, headers=named, allow_redirects=False) as answer:
            return answer.status, await answer.text(), answer.headers

    async def json(self, path: str) -> Any:
        async with self.session.get(self.url + path) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def later(self) -> None:
        """Past what one look serves."""
        await self.clock.advance(3)


def cells(text: str) -> str:
    """A page without the names of columns that each cell carries for small screens."""
    return re.sub(r' data-label="[^"]*"', "", text)


def settings_in(folder: Path, config: str) -> Settings:
    path = folder / "watcher.yaml"
    path.write_text(config)
    return configure(path, {}).settings


@asynccontextmanager
async def serving(
    folder: Path,
    *,
    token: str | None = None,
    proxies: Sequence[str] = (),
    postings: Mapping[str, Posting] | None = None,
    clock: FakeClock | None = None,
    config: str = CONFIG,
    more: Mapping[str, object] = EMPTY,
    polls: Callable[[Store, FakeClock], OnDemandPolls] | None = None,
) -> AsyncIterator[Page]:
    """`more`: further settings of `web:`. `polls`: makes who takes what people want read now."""
    settings = settings_in(folder, config)
    clock = clock or FakeClock(NOW + timedelta(minutes=5))
    store = await SqliteStore.open(folder / "watcher.db", exclusive=True)
    metrics = Metrics(NOW)
    metrics.know(settings.sources, settings.channels)
    snapshots = PageSnapshots(
        settings, store, credit_plans(settings), clock, past=store.load, metrics=metrics
    )
    listen = WebSettings.model_validate({"listen": "127.0.0.1:0", "token": token, "proxies": proxies, **more})
    server = Server(snapshots, listen, postings or {}, polls(store, clock) if polls is not None else None)
    await server.start()
    # cookies are kept for IP addresses too
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        try:
            yield Page(server.url, server, snapshots, store, clock, session)
        finally:
            await server.stop()
            await store.close()


async def fill(store: SqliteStore) -> None:
    """A wallet with 30 digits of ETH and a token whose name comes from somebody ill-meaning; an alert."""
    state = AccountState(
        HOT, {ETH: THIRTY, SPAM: known(HOT, x="5").amounts[Asset("ethereum", "x")]}, {"ethereum": NOW},
        last_attempt=NOW, watched_since=NOW,
    )  # fmt: skip
    await keep(
        store, accounts=(state,), symbols={ETH: "ETH", SPAM: NASTY},
        changes=(changed(HOT, ETH, "1", THIRTY), changed(HOT, SPAM, "2", "5")),
        quotes={ETH: Quote(known(HOT, p="3000").amounts[Asset("ethereum", "p")], NOW)},
        alerts=(alert(),), deliveries=(delivery("d1"),),
    )  # fmt: skip
