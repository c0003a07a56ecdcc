"""One installation under attack: simulated APIs, recording channels, and lives of the real daemon.

Everything of the far side is in the harness's process, so the harness knows what is true.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiohttp import web

from tests.chaos.ends import Answers, Far
from tests.endtoend.bench import BOND, COINSTATS_KEY, DESK, EVM, PLENTY, SOLO, TEOS_KEY, furnish
from watcher.sim import Simulation

ROOT = Path(__file__).parents[2]
CHANNELS = ("ops", "pager")
BEAT = "beat-5b1f0c7e"

CONFIG = """\
version: 1
sources:
  coinstats:
    kind: coinstats
    api_key: ${{COINSTATS_API_KEY}}
    base_url: ${{API_URL}}/coinstats
    credits: {{limit: {limit}}}
    requests_per_second: 100
    timeout: 5s
  teos: {{kind: teos, api_key: "${{TEOS_API_KEY}}", base_url: "${{API_URL}}/teos", timeout: 5s}}
wallets:
  - {{name: hot, source: coinstats, address: "{evm}", chains: [ethereum, base-wallet], every: 1s}}
  - {{name: solo, source: coinstats, address: "{solo}", chains: [ethereum], every: 1s}}
  - {{name: desk, source: teos, address: "{desk}", assets: ["{bond}"], every: 1s}}
channels:
  ops: {{url: "${{OPS_URL}}", timeout: 5s}}
  pager: {{url: "${{PAGER_URL}}", timeout: 5s}}
rules: [rules.yaml]
web: null
{more}"""

RULES = """\
rules:
  - id: low
    type: threshold
    match: {wallets: [hot], chains: [ethereum], assets: [ETH]}
    below: "0.5"
    clear_above: "0.8"
    severity: critical
  - id: low-for
    type: threshold
    match: {wallets: [hot], chains: [ethereum]}
    below: "0.5"
    for: 2s
    reads: 2
  - {id: moved, type: change, direction: both}
  - {id: new, type: asset, event: appears}
  - {id: gone, type: asset, event: disappears}
"""

long = pytest.mark.long
"""For what takes its time: left out of `make test`, see `tests/conftest.py`."""


@dataclass(slots=True)
class Life:
    """One run of the daemon."""

    number: int
    pid: int
    ended: asyncio.Future[int]


class Zygote:
    """The process that starts lives; see `zygote.py`."""

    def __init__(self, *words: str) -> None:
        self._words = words
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._started: dict[int, asyncio.Future[int]] = {}
        self._ended: dict[int, asyncio.Future[int]] = {}
        self._count = 0

    async def __aenter__(self) -> Zygote:
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.chaos.zygote",
            *self._words,
            cwd=ROOT,
            env=env,
            stdin=pipe,
            stdout=pipe,
        )
        assert self._process.stdout is not None
        assert await self._process.stdout.readline()
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()
        if self._reader is not None:
            await self._reader

    async def start(self, **order: Any) -> Life:
        self._count += 1
        number = self._count
        loop = asyncio.get_running_loop()
        self._started[number] = loop.create_future()
        self._order(start=number, **order)
        pid = await self._started[number]
        return Life(number, pid, self._ended[pid])

    def tell(self, life: Life, number: int) -> None:
        if not life.ended.done():
            self._order(signal=number, pid=life.pid)

    async def kill(self, life: Life, number: int = signal.SIGKILL, within: float = 15.0) -> int:
        """Send a signal; the exit code."""
        self.tell(life, number)
        return await asyncio.wait_for(asyncio.shield(life.ended), within)

    def _order(self, **words: Any) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(words).encode() + b"\n")

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            words = json.loads(line)
            if "started" in words:
                self._ended[words["pid"]] = asyncio.get_running_loop().create_future()
                started = self._started.pop(words["started"])
                if not started.cancelled():
                    started.set_result(words["pid"])
            else:
                self._ended.pop(words["ended"]).set_result(words["code"])


@dataclass
class Stand:
    """Where everything is. `env`: of each life; the simulated APIs and the channels are named in it."""

    folder: Path
    sim: Simulation
    coinstats: Answers
    teos: Answers
    fars: dict[str, Far]
    zygote: Zygote
    env: dict[str, str]
    beats: list[str]
    """The calls of the dead-man's switch."""
    heartbeat: str = ""
    """The lines of a configuration that has one."""
    elsewhere: Path | None = None
    """Where the store is, if not beside the configuration."""
    port: int = 0
    """Where the channels listen."""

    @property
    def store(self) -> Path:
        return self.elsewhere or self.folder / "watcher.db"

    def write(self, *, limit: int = PLENTY, more: str = "") -> None:
        if self.elsewhere:
            more += f"store: {{kind: sqlite, path: {self.elsewhere}}}\n"
        text = CONFIG.format(limit=limit, evm=EVM, solo=SOLO, desk=DESK, bond=BOND, more=more)
        (self.folder / "watcher.yaml").write_text(text)
        (self.folder / "rules.yaml").write_text(RULES)

    async def start(self, *words: str, **order: Any) -> Life:
        return await self.zygote.start(
            cwd=str(self.folder), env=self.env, log=str(self.folder / "daemon.log"), words=words or ["run"],
            **order,
        )  # fmt: skip

    def query(self, sql: str) -> list[Any]:
        """Read the store beside the daemon; never writes, never checkpoints."""
        with closing(sqlite3.connect(f"{self.store.as_uri()}?mode=ro", uri=True, timeout=30)) as conn:
            return conn.execute(sql).fetchall()

    def damage(self) -> list[str]:
        """What is broken in the store by itself, whatever was true."""
        found = [str(row[0]) for row in self.query("PRAGMA integrity_check") if row != ("ok",)]
        return found + ["a foreign key leads nowhere"] * bool(self.query("PRAGMA foreign_key_check"))

    async def until_recorded(self, chain: str, address: str, count: int) -> None:
        """Until so many answers to requests for an account that begin from now on are recorded; `chain`
        empty: for any account of the address."""
        log = self.teos if chain == "teos" else self.coinstats
        words = (address.lower(),) if chain in ("", "teos") else (chain, address.lower())
        await log.until_recorded(log.taken, words, count)

    async def logged(self, *words: str, since: int = 0, within: float = 30.0) -> None:
        """Until the daemon's log has all these words, after so many characters of it."""
        await eventually(lambda: all(word in self.log()[since:] for word in words), within, self.log)

    async def told(self, *words: str, within: float = 30.0) -> None:
        """Until a message with all these words has been taken by the first channel."""
        far = self.fars[CHANNELS[0]]
        await eventually(lambda: far.about(*words) > 0, within, self.log)

    def give_up(self, channel: str) -> None:
        """Leave a message in the store that this channel would not take."""
        now = int(time.time() * 1000)
        with closing(sqlite3.connect(self.store, isolation_level=None)) as conn:
            message = conn.execute(
                "INSERT INTO messages (alert, kind, severity, rule, subject, wallet, title, facts, at)"
                " VALUES ('a', 'event', 'info', 'r', 's', 'w', 'refused', '[]', ?)",
                (now,),
            ).lastrowid
            conn.execute(
                "INSERT INTO deliveries (id, message, channel, state, attempts, created, due)"
                " VALUES ('0123456789abcdef', ?, ?, 'given_up', 3, ?, ?)",
                (message, channel, now, now),
            )

    async def beating(self, times: int) -> None:
        """Until the dead-man's switch has been called so many times from now on."""
        before = len(self.beats)
        await eventually(lambda: len(self.beats) >= before + times, 30, self.log)

    def log(self) -> str:
        path = self.folder / "daemon.log"
        return path.read_text() if path.exists() else ""


S = TypeVar("S", bound=Stand)


async def eventually(holds: Callable[[], bool], within: float, shown: Callable[[], str]) -> None:
    """Until it holds. Another process's file cannot be waited for, only looked at again."""
    try:
        async with asyncio.timeout(within):
            while not holds():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"it did not come to that:\n{shown()[-3000:]}") from None


def stand(
    folder: Path, zygote: Zygote, seed: int, refusing: float = 0.0
) -> AbstractAsyncContextManager[Stand]:
    """An installation of one daemon and its file."""
    return furnished(folder, zygote, seed, refusing, Stand)


@asynccontextmanager
async def furnished(
    folder: Path, zygote: Zygote, seed: int, refusing: float, made: Callable[..., S]
) -> AsyncIterator[S]:
    """Simulated APIs, two recording channels, and a configuration that points at them."""
    folder.mkdir(parents=True, exist_ok=True)
    fars = {name: Far(name, random.Random(f"{seed} {name}"), refusing) for name in CHANNELS}
    app = web.Application()
    for name, far in fars.items():
        app.router.add_post(f"/{name}", far.handle)
    beats: list[str] = []

    async def beat(request: web.Request) -> web.Response:
        beats.append(request.path)
        return web.Response(text="OK")

    app.router.add_get("/beat/{secret}", beat)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        async with Simulation(seed) as sim:
            sim.coinstats.key, sim.teos.key = COINSTATS_KEY, TEOS_KEY
            sim.coinstats.credits_limit = PLENTY
            coinstats = sim.coinstats.requests = Answers()
            teos = sim.teos.requests = Answers()
            furnish(sim)
            keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
            urls = {f"{name.upper()}_URL": f"json://127.0.0.1:{port}/{name}" for name in CHANNELS}
            env = {
                **keep,
                **urls,
                "API_URL": sim.url,
                "COINSTATS_API_KEY": COINSTATS_KEY,
                "TEOS_API_KEY": TEOS_KEY,
            }
            there = made(folder, sim, coinstats, teos, fars, zygote, env, beats)
            there.heartbeat = f"heartbeat: {{url: 'http://127.0.0.1:{port}/beat/{BEAT}', every: 1s}}\n"
            there.port = port
            there.write()
            yield there
    finally:
        await runner.cleanup()
