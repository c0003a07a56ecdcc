"""The far ends of an installation, which know what was asked of them and what was told to them."""

from __future__ import annotations

import asyncio
import random
import re
import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiohttp import web

from watcher.sim.wire import Log, Recorded

_IDS = re.compile(r"delivery ([0-9a-f]{8}(?:, [0-9a-f]{8})*)(?: and ([0-9,]+) more)?")
"""How deliveries are named in a message; of many of one rule the first is, and the others are counted."""


class Answers(Log):
    """The requests at one API, and which answers are known to have been recorded by the daemon.

    A source sends its next request after it recorded the answer before it; both come over one
    connection. A request over another connection may be another life's and proves nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.taken = 0
        self._last: dict[Any, int] = {}
        self._asked: dict[int, str] = {}
        self._more = asyncio.Condition()
        self.proven: dict[int, str] = {}
        self.asked: list[tuple[float, str]] = []
        """When each request for balances came, and to which host and port it was sent."""

    def take(self, request: web.BaseRequest) -> Recorded:
        recorded = super().take(request)
        if "alance" not in recorded.path:
            return recorded
        peer = request.transport.get_extra_info("peername") if request.transport else None
        before = self._last.get(peer)
        if before is not None:
            self.proven[before] = self._asked.pop(before)
        self.taken += 1
        self.asked.append((time.time(), request.host))
        self._asked[self.taken] = f"{recorded.path}?{recorded.query}".lower()
        self._last[peer] = self.taken
        asyncio.get_running_loop().create_task(self._tell())
        return recorded

    async def _tell(self) -> None:
        async with self._more:
            self._more.notify_all()

    def recorded(self, since: int, words: tuple[str, ...]) -> int:
        """How many answers to requests after `since` that name these words are known to be recorded."""
        return sum(
            number > since and all(word in asked for word in words) for number, asked in self.proven.items()
        )

    async def until_recorded(self, since: int, words: tuple[str, ...], count: int) -> None:
        async with self._more:
            await self._more.wait_for(lambda: self.recorded(since, words) >= count)

    async def until_taken(self, count: int) -> None:
        async with self._more:
            await self._more.wait_for(lambda: self.taken >= count)


class Taken(NamedTuple):
    """A message that a channel took."""

    kills: int
    """How many lives of the daemon had been cut off by then."""
    text: str
    ids: frozenset[str]
    """How the delivery ids in it begin."""
    at: float
    to: str
    """Host and port that it was sent to, which differ where several members send."""
    bad_day: bool = False
    """Whether network or store had one: who cannot record a message is followed by who sends it again."""


@dataclass
class Far:
    """A channel's far end. Counts what it took with 200, id by id, and in which life of the daemon."""

    name: str
    chance: random.Random
    refusing: float = 0.0
    """Share of messages answered with 503."""
    taken: list[Taken] = field(default_factory=list)
    counted: int = 0
    """Deliveries that a message only counted: those of many alerts of one rule."""
    kills: int = 0
    bad_day: bool = False
    arrivals: asyncio.Condition = field(default_factory=asyncio.Condition)
    arrived: int = 0

    async def handle(self, request: web.Request) -> web.Response:
        try:
            body = await request.json()
        except ConnectionResetError:  # killed while it was sending
            return web.Response(status=400)
        self.arrived += 1
        async with self.arrivals:
            self.arrivals.notify_all()
        if self.chance.random() < self.refusing:
            return web.Response(status=503)
        text = f"{body['title']}\n{body['message']}"
        named = _IDS.findall(text)
        ids = frozenset(each for ids, _ in named for each in ids.split(", "))
        self.taken.append(Taken(self.kills, text, ids, time.time(), request.host, self.bad_day))
        self.counted += sum(int(more.replace(",", "")) for _, more in named if more)
        return web.Response(text="ok")

    def about(self, *words: str) -> int:
        """How many messages that it took contain all these words."""
        return sum(all(word in each.text for word in words) for each in self.taken)

    async def until(self, count: int) -> None:
        async with self.arrivals:
            await self.arrivals.wait_for(lambda: self.arrived >= count)
