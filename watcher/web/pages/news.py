"""News: what an open page asks for every two seconds, to know that the daemon lives and what has changed."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from hashlib import sha256

from aiohttp import web

from watcher.domain.values.formatting import iso
from watcher.reports.status import behind
from watcher.web.parameters import Parameters
from watcher.web.snapshot import PageSnapshot
from watcher.web.static_files import build
from watcher.web.templating import Templating

PATH = "/news"
WAITS = 0.5
"""Seconds for which an answer waits for newer news, if there are some already. They say of when they are."""


class NewsPage:
    """`/news`. A question with a short answer, and no stream: so it goes through every proxy, and any number
    of tabs may ask."""

    def __init__(self, templating: Templating) -> None:
        self._snapshots = templating.snapshots
        self._newest = b""
        self._of: PageSnapshot | None = None
        self._looking: asyncio.Task[bytes] | None = None

    def routes(self) -> list[web.RouteDef]:
        return [web.get(PATH, self.news)]

    async def news(self, request: web.Request) -> web.Response:
        """Behind a crowd of readers they are a little older; silence would be taken for the daemon's end."""
        Parameters(request.query, ())
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
            self._looking.add_done_callback(lambda task: task.cancelled() or task.exception())
        looking = self._looking
        done, _ = await asyncio.wait({looking}, timeout=WAITS if self._newest else None)
        body = looking.result() if done else self._newest
        return web.Response(body=body, content_type="application/json", charset="utf-8")

    async def _look(self) -> bytes:
        snapshot = await self._snapshots.current()
        if snapshot is not self._of:
            self._newest, self._of = await self._snapshots.work(lambda: _news(snapshot)), snapshot
        return self._newest


def _news(snapshot: PageSnapshot) -> bytes:
    firing = Counter(str(row["severity"]) for row in snapshot.status["alerts"] if row["state"] == "firing")
    found = {
        "at": iso(snapshot.at),
        "what": sha256(repr(_shown(snapshot)).encode()).hexdigest()[:16],
        "firing": {severity: firing[severity] for severity in ("critical", "warning", "info")},
        "ready": snapshot.readiness.ready,
        "build": build(),
    }
    return json.dumps(found).encode()


def _shown(snapshot: PageSnapshot) -> object:
    """What makes a page worth fetching again, as soon as it changes."""
    status, past = snapshot.status, snapshot.past
    accounts = status["accounts"]
    readings = max((row["last_reading"] for row in accounts if row["last_reading"]), default=None)
    alerts = [(row["id"], row["state"], row["because"], row["acknowledged_by"]) for row in status["alerts"]]
    silences = [(each.id, each.until) for each in past.silences]
    late = sum(map(behind, accounts))
    return (
        *(alerts, silences, readings, late, status["state"], sorted(status["deliveries"].items())),
        *(status["channels"], snapshot.readiness, snapshot.acted),
    )
