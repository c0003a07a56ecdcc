"""A whole installation on loopback: the simulated APIs, a recording channel, and the real daemon process.

Nothing here sleeps to wait. What is waited for is an event: a request at an API, a notification, the
end of a process. A request of a source begins after the one before it was recorded, so two more
requests mean that one more poll is in the store.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from watcher.sim import Simulation
from watcher.sim.wire import Log, Recorded

EVM = "0x9f114da25b61b77606d47eab414b9360f8783979"
SOLO = "0x4838b106fce9647bdf1e7877bf73ce8b0bad5f97"
BOND = "0xfc6e610b23b09fae00e10001"
DESK = "0xd9d18f6979473f8bdc6290ad772000c53bd5c907"
COINSTATS_KEY = "cskey-5d0c91e7a4b2"
TEOS_KEY = "teoskey-77ab03fe91c4"
HOOK_TOKEN = "hooktoken-c0ffee4242"
PATIENCE = 60.0
"""Seconds; twice what a request may take, so that one lost answer on a busy machine fails nothing."""
PLENTY = 10**12
"""Credits a period that allow for a poll each second."""

CONFIG = """\
version: 1
store: {{kind: sqlite, path: watcher.db}}
sources:
  coinstats:
    kind: coinstats
    api_key: ${{COINSTATS_API_KEY}}
    base_url: {url}/coinstats
    credits: {{limit: {limit}}}
    requests_per_second: 100
    timeout: {timeout}
  teos:
    kind: teos
    api_key: ${{TEOS_API_KEY}}
    base_url: {url}/teos
    timeout: {timeout}
wallets:
  - {{name: hot, source: coinstats, address: "{evm}", chains: [ethereum, base-wallet], every: {every}}}
  - {{name: solo, source: coinstats, address: "{solo}", chains: [ethereum], every: {every}}}
  - {{name: desk, source: teos, address: "{desk}", assets: ["{bond}"], tags: [issued], every: {every}}}
channels:
  ops: {{url: "${{HOOK_URL}}"}}
rules: [rules.yaml]
log: {{level: debug}}
web: null
"""

RULES = """\
rules:
  - id: eth-low
    type: threshold
    match: {wallets: [hot], chains: [ethereum], assets: [ETH]}
    below: "0.5"
    clear_above: "0.8"
    severity: critical
  - {id: bond-low, type: threshold, match: {wallets: [desk]}, below: "10", severity: warning}
  - {id: moved, type: change, direction: both}
  - {id: new, type: asset, event: appears}
  - {id: gone, type: asset, event: disappears}
"""


class Watched(Log):
    """The requests at an API, and a way to wait for more of them. `polls` counts those for balances."""

    def __init__(self) -> None:
        super().__init__()
        self.polls = 0
        self._more = asyncio.Event()

    def take(self, request: web.BaseRequest) -> Recorded:
        recorded = super().take(request)
        if "alance" in recorded.path:
            self.polls += 1
            self._more.set()
        return recorded

    async def until(self, polls: int, within: float = PATIENCE) -> None:
        """Wait until there have been so many requests for balances in all."""
        async with asyncio.timeout(within):
            while self.polls < polls:
                self._more.clear()
                await self._more.wait()

    async def recorded(self, polls: int = 1) -> None:
        """Wait until so many polls that begin from now on are in the store."""
        await self.until(self.polls + polls + 1)


@dataclass
class Hook:
    """A channel's far end: keeps every notification that arrived. With a gate, it answers once it opens."""

    url: str = ""
    received: list[dict[str, Any]] = field(default_factory=list)
    gate: asyncio.Event | None = None
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.json()
        async with self.arrived:
            self.received.append(body)
            self.arrived.notify_all()
        if self.gate is not None:
            await self.gate.wait()
        return web.Response(text="ok")

    async def until(self, wanted: Callable[[list[dict[str, Any]]], bool], within: float = PATIENCE) -> None:
        """Wait until what has arrived satisfies `wanted`."""
        async with asyncio.timeout(within), self.arrived:
            await self.arrived.wait_for(lambda: wanted(self.received))

    async def told(self, *words: str) -> dict[str, Any]:
        """Wait for a notification that contains all these words, and give it."""
        await self.until(lambda _: bool(self.about(*words)))
        return self.about(*words)[-1]

    def about(self, *words: str) -> list[dict[str, Any]]:
        """The notifications that contain all these words."""
        return [each for each in self.received if all(word in text_of(each) for word in words)]


def text_of(notification: dict[str, Any]) -> str:
    return f"{notification['title']}\n{notification['message']}"


@dataclass
class Installation:
    """Where everything is, and how to run verbs in it."""

    folder: Path
    sim: Simulation
    hook: Hook
    env: dict[str, str]
    coinstats: Watched
    teos: Watched
    signalled: set[int] = field(default_factory=set)
    """Processes that were told to end."""

    def write(self, *, every: str = "1s", limit: int = PLENTY, timeout: str = "30s") -> None:
        """Write the configuration and its rules."""
        text = CONFIG.format(
            url=self.sim.url, evm=EVM, solo=SOLO, desk=DESK, bond=BOND, every=every, limit=limit,
            timeout=timeout,
        )  # fmt: skip
        self.file("watcher.yaml").write_text(text)
        self.file("rules.yaml").write_text(RULES)

    def file(self, name: str) -> Path:
        return self.folder / name

    def edit(self, name: str, old: str, new: str) -> None:
        """Change one place of a file."""
        text = self.file(name).read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        self.file(name).write_text(text.replace(old, new))

    def query(self, sql: str) -> list[Any]:
        """Read the store, as it is on disk."""
        with closing(sqlite3.connect(f"{self.file('watcher.db').as_uri()}?mode=ro", uri=True)) as conn:
            return conn.execute(sql).fetchall()

    async def spawn(self, *words: str, **options: Any) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "watcher", *words, cwd=self.folder, env=self.env, **options
        )

    async def verb(self, *words: str) -> tuple[int, str, str]:
        """Run one verb to its end: exit code, standard output, standard error."""
        pipe = asyncio.subprocess.PIPE
        process = await self.spawn(*words, stdout=pipe, stderr=pipe)
        try:
            out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def json(self, *words: str) -> Any:
        code, out, err = await self.verb(*words, "--json")
        assert code in (0, 1, 2, 3), err
        return json.loads(out)

    @asynccontextmanager
    async def daemon(self, **env: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """The daemon as its own process, killed at the end if it still runs."""
        self.env.update(env)
        with self.file("daemon.log").open("ab") as log:
            process = await self.spawn("run", stdout=log, stderr=log)
        async with asyncio.TaskGroup() as group:
            guard = group.create_task(self._guard(process))
            try:
                yield process
            finally:
                guard.cancel()
                if process.returncode is None:
                    process.kill()
                    await process.wait()

    async def _guard(self, process: asyncio.subprocess.Process) -> None:
        """A daemon that ends by itself ends the test too, with its last words."""
        await process.wait()
        if process.pid not in self.signalled:
            pytest.fail(f"the daemon ended with code {process.returncode}:\n{self.log()[-3000:]}")

    async def ended(self, process: asyncio.subprocess.Process, number: int, within: float = 10.0) -> int:
        """Send a signal and wait for the end; the exit code."""
        self.signalled.add(process.pid)
        process.send_signal(number)
        return await asyncio.wait_for(process.wait(), within)

    async def first_readings(self) -> None:
        """Wait until every account has been read once."""
        await asyncio.gather(self.coinstats.until(2), self.teos.until(2))

    async def polled(self) -> None:
        """Wait until a poll that begins from now on is recorded, at both APIs."""
        await asyncio.gather(self.coinstats.recorded(), self.teos.recorded())

    async def logged(self, words: str) -> None:
        """Wait until the daemon has logged this; looked for each time that it asks TEOS."""
        while words not in self.log():
            await self.teos.until(self.teos.polls + 1)

    def log(self) -> str:
        path = self.file("daemon.log")
        return path.read_text() if path.exists() else ""


async def stop(there: Installation, process: asyncio.subprocess.Process) -> None:
    """End the daemon as systemd does; it must end well."""
    assert await there.ended(process, signal.SIGTERM) == 0, there.log()


async def here(*words: str) -> int:
    """Run a verb in this process, in a thread with a loop of its own: for what is tried many times."""
    from watcher.cli import _run

    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        return await asyncio.to_thread(_run, list(words))
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def furnish(sim: Simulation) -> None:
    """The balances as each test begins."""
    world = sim.world
    world.set_amount(EVM, "ethereum", "ETH", "1.25", symbol="ETH", price="3000", coin_id="ethereum")
    world.set_amount(EVM, "base-wallet", "ETH", "2", symbol="ETH", price="3000", coin_id="ethereum")
    world.set_amount(SOLO, "ethereum", "ETH", "7", symbol="ETH", price="3000", coin_id="ethereum")
    world.define_asset(BOND, spark_factor="1000", name="Bond 2030", unit="BOND")
    world.set_sparks(DESK, BOND, 25000)


@asynccontextmanager
async def installation(folder: Path) -> AsyncIterator[Installation]:
    """Simulated APIs with some balances, a recording channel, and a configuration that points at both."""
    hook = Hook()
    app = web.Application()
    app.router.add_post("/{anything:.*}", hook.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        async with Simulation() as sim:
            sim.coinstats.key, sim.teos.key = COINSTATS_KEY, TEOS_KEY
            sim.coinstats.credits_limit = PLENTY
            coinstats = sim.coinstats.requests = Watched()
            teos = sim.teos.requests = Watched()
            furnish(sim)
            keep = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
            env = {
                **keep,
                "PYTHONPATH": str(Path(__file__).parents[2]),
                "COINSTATS_API_KEY": COINSTATS_KEY,
                "TEOS_API_KEY": TEOS_KEY,
                "HOOK_URL": f"json://127.0.0.1:{port}/{HOOK_TOKEN}",
            }
            there = Installation(folder, sim, hook, env, coinstats, teos)
            there.write()
            yield there
    finally:
        if hook.gate is not None:
            hook.gate.set()
        await runner.cleanup()
