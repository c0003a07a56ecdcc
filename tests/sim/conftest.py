from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from yarl import URL

from watcher.sim import Simulation


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    text: str
    json: Any


class Client:
    """A plain reader of the simulation: one request, the whole answer."""

    def __init__(self, sim: Simulation, session: aiohttp.ClientSession) -> None:
        self.sim = sim
        self.session = session

    async def coinstats(self, path: str, **headers: str) -> Reply:
        return await self.get("/coinstats" + path, headers or {"X-API-KEY": self.sim.coinstats.key})

    async def teos(self, path: str, **headers: str) -> Reply:
        wanted = headers or {"Authorization": f"Bearer {self.sim.teos.key}"}
        return await self.get(path if path.startswith("http") else "/teos/odata/v1.1/" + path, wanted)

    async def get(self, path: str, headers: dict[str, str]) -> Reply:
        url = URL(path if path.startswith("http") else self.sim.url + path, encoded=True)
        timeout = aiohttp.ClientTimeout(total=20)
        async with self.session.get(url, headers=headers, allow_redirects=False, timeout=timeout) as answer:
            text = await answer.text()
            parsed = await answer.json() if "json" in answer.content_type and _is_json(text) else None
            return Reply(answer.status, dict(answer.headers), text, parsed)


def _is_json(text: str) -> bool:
    return text[:1] in {"[", "{"} and text[-1:] in {"]", "}"}


@pytest.fixture
async def sim() -> AsyncIterator[Simulation]:
    async with Simulation(seed=7) as running:
        yield running


@pytest.fixture
async def client(sim: Simulation) -> AsyncIterator[Client]:
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session:
        # The library would ask a second time after a reset, and hide it.
        session._retry_connection = False
        yield Client(sim, session)
