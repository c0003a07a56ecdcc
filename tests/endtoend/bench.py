"""A whole installation on loopback: the simulated APIs, a recording channel, and the real daemon process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from watcher.sim import Simulation

EVM = "0x9f114da25b61b77606d47eab414b9360f8783979"
BOND = "0xfc6e610b23b09fae00e10001"
DESK = "0xd9d18f6979473f8bdc6290ad772000c53bd5c907"

CONFIG = """\
version: 1
store: {{kind: sqlite, path: watcher.db}}
sources:
  coinstats:
    kind: coinstats
    api_key: ${{COINSTATS_API_KEY}}
    base_url: {url}/coinstats
    credits: {{limit: 100000}}
    requests_per_second: 100
  teos:
    kind: teos
    api_key: ${{TEOS_API_KEY}}
    base_url: {url}/teos
wallets:
  - name: hot
    source: coinstats
    address: "{evm}"
    chains: [ethereum, base-wallet]
    tags: [treasury]
    every: 1s
  - name: desk
    source: teos
    address: "{desk}"
    assets: ["{bond}"]
    tags: [issued]
    every: 1s
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
    match: {wallets: [hot], assets: [ETH]}
    below: "0.5"
    clear_above: "0.8"
    severity: critical
  - {id: moved, type: change, direction: both}
  - {id: gone, type: asset, event: disappears}
"""


@dataclass
class Hook:
    """A channel's far end: keeps every notification that arrived."""

    url: str = ""
    received: list[dict[str, Any]] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.json()
        async with self.arrived:
            self.received.append(body)
            self.arrived.notify_all()
        return web.Response(text="ok")

    async def until(self, wanted: Callable[[list[dict[str, Any]]], bool], within: float = 20.0) -> None:
        """Wait until what has arrived satisfies `wanted`."""
        async with asyncio.timeout(within), self.arrived:
            await self.arrived.wait_for(lambda: wanted(self.received))

    def titles(self) -> list[str]:
        return [message["title"] for message in self.received]


@dataclass
class Installation:
    """Where everything is, and how to run verbs in it."""

    folder: Path
    sim: Simulation
    hook: Hook
    env: dict[str, str]

    async def verb(self, *words: str) -> tuple[int, str, str]:
        """Run one verb to its end: exit code, standard output, standard error."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "watcher", *words, cwd=self.folder, env=self.env,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(), 60)
        return process.returncode or 0, out.decode(), err.decode()

    async def json(self, *words: str) -> Any:
        code, out, err = await self.verb(*words, "--json")
        assert code in (0, 1, 2, 3), err
        return json.loads(out)

    @asynccontextmanager
    async def daemon(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """The daemon as its own process, killed at the end if it still runs."""
        log = (self.folder / "daemon.log").open("ab")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "watcher", "run", cwd=self.folder, env=self.env, stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
                await process.wait()
            log.close()

    def log(self) -> str:
        path = self.folder / "daemon.log"
        return path.read_text() if path.exists() else ""


@asynccontextmanager
async def installation(folder: Path) -> AsyncIterator[Installation]:
    """Simulated APIs with some balances, a recording channel, and a configuration that points at both."""
    hook = Hook()
    app = web.Application()
    app.router.add_post("/{anything:.*}", hook.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with Simulation() as sim:
        world = sim.world
        world.set_amount(EVM, "ethereum", "eth", "1.25", symbol="ETH", price="3000", coin_id="ethereum")
        world.set_amount(EVM, "base-wallet", "eth", "2", symbol="ETH", price="3000", coin_id="ethereum")
        world.define_asset(BOND, spark_factor="1000")
        world.set_sparks(DESK, BOND, 25000)
        (folder / "watcher.yaml").write_text(CONFIG.format(url=sim.url, evm=EVM, desk=DESK, bond=BOND))
        (folder / "rules.yaml").write_text(RULES)
        env = {
            **os.environ,
            "COINSTATS_API_KEY": sim.coinstats.key,
            "TEOS_API_KEY": sim.teos.key,
            "HOOK_URL": f"json://127.0.0.1:{port}/hook-secret-token",
        }
        yield Installation(folder, sim, hook, env)
    await runner.cleanup()
