"""Members of one installation: real daemons over one PostgreSQL, each with a way of its own to the APIs."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.endtoend.bench import PATIENCE, Installation, installation
from tests.relay import Relay, relaying

STORE = "store: {kind: sqlite, path: watcher.db}"
SHARED = """\
store: {kind: postgresql, url: "${STORE_URL}"}
cluster: {name: "${MEMBER}"}"""


@dataclass
class Members:
    """Daemons that are at work, by their names. Verbs run on a machine where none is."""

    there: Installation
    relays: dict[str, Relay]
    at_work: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)

    def env(self, name: str) -> dict[str, str]:
        return {
            **self.there.env, "MEMBER": name, "API_URL": f"http://127.0.0.1:{self.relays[name].port}",
        }  # fmt: skip

    async def start(self, name: str, *words: str, **env: str) -> None:
        """Begin a life, and wait until it has begun."""
        with self._log(name).open("ab") as log:
            self.at_work[name] = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "watcher", "run", *words,
                cwd=self.there.folder, env={**self.env(name), **env}, stdout=log, stderr=log,
            )  # fmt: skip
        await self.logged(name, "watching")

    async def end(self, name: str, number: int) -> int:
        process = self.at_work.pop(name)
        process.send_signal(number)
        return await asyncio.wait_for(process.wait(), PATIENCE)

    def log(self, name: str) -> str:
        return self._log(name).read_text()

    async def logged(self, name: str, words: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while words not in self.log(name):
                assert self.at_work[name].returncode is None, self.log(name)
                await asyncio.sleep(0.05)  # nothing in this process knows when another one has logged

    def page(self, name: str) -> str:
        """The address of its page."""
        (found,) = re.findall(r"status page at (\S+)", self.log(name))
        return str(found)

    def asked(self, name: str) -> int:
        """How often it asked an API for balances."""
        host = f"127.0.0.1:{self.relays[name].port}"
        requests = (*self.there.coinstats, *self.there.teos)
        return sum(each.headers.get("host") == host and "alance" in each.path for each in requests)

    async def until_asked(self, name: str, more: int = 1) -> None:
        """Wait until it has asked so often from now on."""
        wanted = self.asked(name) + more
        async with asyncio.timeout(PATIENCE):
            while self.asked(name) < wanted:
                await self.there.coinstats.until(self.there.coinstats.polls + 1)

    async def status(self) -> dict[str, Any]:
        """What is known of the members, by their names, as the command line says it."""
        return {row["member"]: row for row in (await self.there.json("status"))["members"]}

    def _log(self, name: str) -> Path:
        return self.there.file(f"{name}.log")


@asynccontextmanager
async def members(folder: Path, url: str, *names: str) -> AsyncIterator[Members]:
    """An installation on this database, none of whose members is at work yet."""
    async with installation(folder) as there, AsyncExitStack() as stack:
        port = urlsplit(there.sim.url).port
        assert port is not None
        elsewhere = "elsewhere"
        relays = {name: await stack.enter_async_context(relaying(port)) for name in (*names, elsewhere)}
        there.edit("watcher.yaml", STORE, SHARED)
        there.edit("watcher.yaml", "web: null", 'web: {listen: "127.0.0.1:0"}')
        text = there.file("watcher.yaml").read_text()
        there.file("watcher.yaml").write_text(text.replace(there.sim.url, "${API_URL}"))
        found = Members(there, relays)
        there.env["STORE_URL"] = url
        there.env.update(found.env(elsewhere))
        try:
            yield found
        finally:
            for process in found.at_work.values():
                if process.returncode is None:
                    process.kill()
                    await process.wait()
