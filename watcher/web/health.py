"""`/healthz` and `/readyz`: for whoever restarts, routes or rings; answered at once whatever else goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from aiohttp import web

from watcher.domain.values.errors import StoreError
from watcher.domain.values.text import clean
from watcher.reports.health import Readiness
from watcher.web.snapshot import PageSnapshots

T = TypeVar("T")

FRESH = 2.0
"""Seconds for which one look serves all who ask."""
EVERY = 5.0
"""Seconds between two looks as long as somebody asks."""
ASKED = 600.0
"""Seconds since the last question after which nobody looks any more."""
WAITS = 0.2
"""Seconds for which an answer waits for a newer look, if there is one already."""
OLDEST = 15.0
"""Seconds after which a look says nothing of now."""


class Health:
    """Whether an alert would reach somebody: looked at in a thread of its own, and kept between two
    questions, so that no answer waits for a page, for JSON, or for a store that does not answer."""

    def __init__(self, snapshots: PageSnapshots) -> None:
        self._snapshots, self._clock = snapshots, snapshots.clock
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="health")
        self._newest: Readiness | None = None
        self._at = self._asked = 0.0
        self._failed = ""
        self._looking: asyncio.Task[None] | None = None
        self._keeping: asyncio.Task[None] | None = None

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/healthz", self.healthz), web.get("/readyz", self.readyz)]

    async def stop(self) -> None:
        for task in (self._keeping, self._looking):
            if task is not None:
                task.cancel()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def healthz(self, _request: web.Request) -> web.Response:
        """The process answers."""
        return web.Response(text="ok\n")

    async def readyz(self, _request: web.Request) -> web.Response:
        """200 only if an alert would reach somebody; what is wrong, or that nobody knows, is in the body."""
        self._asked = self._clock.monotonic()
        if self._newest is None or self._age >= FRESH:
            await asyncio.wait({self._look()}, timeout=WAITS if self._newest is not None else OLDEST)
        if self._keeping is None or self._keeping.done():
            self._keeping = asyncio.create_task(self._keep())
        ready = self._newest
        if ready is None or self._failed or self._age > OLDEST:
            return _answer([f"not ready\n{self._unknown()}"], ready=False)
        lines = [*map(clean, ready.broken), *(f"also: {clean(text)}" for text in ready.troubled)]
        return _answer(["ready" if ready.ready else "not ready", *lines], ready=ready.ready, age=self._age)

    @property
    def _age(self) -> float:
        return self._clock.monotonic() - self._at

    def _unknown(self) -> str:
        """Why nobody knows, and what was known last."""
        why = clean(self._failed) or "the store does not answer"
        if self._newest is None:
            return why
        return f"{why}\n{'ready' if self._newest.ready else 'not ready'} {self._age:.0f} s ago"

    async def _keep(self) -> None:
        """Look again and again while somebody asks, so that the next answer is there already."""
        while self._clock.monotonic() - self._asked < ASKED:
            await self._clock.sleep(EVERY)
            await asyncio.wait({self._look()})

    def _look(self) -> asyncio.Task[None]:
        """The look that is being taken, once for all who wait for it."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._take())
        return self._looking

    async def _take(self) -> None:
        at = self._clock.monotonic()
        try:
            self._newest, self._at = await self._snapshots.readiness(self._work), at
        except StoreError as error:
            self._failed = str(error)
        else:
            self._failed = ""

    async def _work(self, job: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, job)


def _answer(lines: list[str], *, ready: bool, age: float = 0.0) -> web.Response:
    headers = {"Age": f"{age:.0f}"}
    return web.Response(text="\n".join(lines) + "\n", status=200 if ready else 503, headers=headers)
