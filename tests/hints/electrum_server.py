"""An Electrum server on loopback, over a chain of its own: versions, subscriptions, statuses, and faults.

As in spesmilo/electrum-protocol (protocol-basics.rst, protocol-methods.rst); limits as ElectrumX and electrs
answer them.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

SUBSCRIBE = "blockchain.scripthash.subscribe"


class ElectrumServer:
    """`heights`: script hash → transaction → height, 0 in the mempool.

    `most`: subscriptions of a connection; `too_busy`: script hashes whose history is too large; `versions`:
    the lowest and the highest that it speaks.
    """

    def __init__(self) -> None:
        self.port = 0
        self.heights: dict[str, dict[str, int]] = {}
        self.tip = 100
        self.most = 10_000
        self.too_busy: set[str] = set()
        self.versions = ("1.4", "1.6")
        self.calls: list[tuple[str, list[Any]]] = []
        self.deaf_to: set[str] = set()
        """Methods that get no answer."""
        self._paid = 0
        self._sessions: dict[asyncio.StreamWriter, set[str]] = {}
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    # -------------------------------------------------------------- the chain

    def pay(self, script: str) -> str:
        """A transaction into the mempool."""
        self._paid += 1
        name = hashlib.sha256(str(self._paid).encode()).hexdigest()
        self.heights.setdefault(script, {})[name] = 0
        self.tell(script)
        return name

    def mine(self) -> None:
        """The mempool into a block."""
        self.tip += 1
        for script, known in self.heights.items():
            if 0 in known.values():
                self.heights[script] = {name: height or self.tip for name, height in known.items()}
                self.tell(script)

    def orphan(self) -> None:
        """The last block, back into the mempool."""
        for script, known in self.heights.items():
            if self.tip in known.values():
                self.heights[script] = {name: h if h != self.tip else 0 for name, h in known.items()}
                self.tell(script)
        self.tip -= 1

    def evict(self, script: str, name: str) -> None:
        """A transaction out of the mempool."""
        del self.heights[script][name]
        self.tell(script)

    def status(self, script: str) -> str | None:
        known = self.heights.get(script, {})
        order = sorted(known.items(), key=lambda one: (one[1] or self.tip + 1, one[0]))
        text = "".join(f"{name}:{height}:" for name, height in order)
        return hashlib.sha256(text.encode()).hexdigest() if text else None

    # -------------------------------------------------------------- sessions

    @property
    def sessions(self) -> list[set[str]]:
        """The scripts that each open connection is subscribed to."""
        return list(self._sessions.values())

    def tell(self, script: str) -> None:
        for writer, scripts in self._sessions.items():
            if script in scripts:
                status = self.status(script)
                if script in self.too_busy:
                    scripts.discard(script)
                    status = None
                self.send(writer, {"jsonrpc": "2.0", "method": SUBSCRIBE, "params": [script, status]})

    def say(self, data: bytes) -> None:
        """Bytes to everybody, as they are."""
        for writer in self._sessions:
            writer.write(data)

    def notify(self, script: str, status: Any) -> None:
        """A notification to everybody, true or not."""
        message = {"jsonrpc": "2.0", "method": SUBSCRIBE, "params": [script, status]}
        self.say(json.dumps(message).encode() + b"\n")

    def hang_up(self) -> None:
        for writer in self._sessions:
            writer.close()

    async def until(self, calls: int, method: str = SUBSCRIBE) -> None:
        """Wait until a method was called so often."""
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: self.times(method) >= calls)

    async def until_alone(self) -> None:
        """Wait until nobody is connected."""
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: not self._sessions)

    def times(self, method: str) -> int:
        return sum(called == method for called, _ in self.calls)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @staticmethod
    def send(writer: asyncio.StreamWriter, message: dict[str, Any]) -> None:
        writer.write(json.dumps(message).encode() + b"\n")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._sessions[writer] = set()
        greeted = False
        try:
            while line := await reader.readline():
                call = json.loads(line)
                method, params = call["method"], call["params"]
                if not greeted and method != "server.version":
                    return
                greeted = True
                if method not in self.deaf_to:
                    answer = self._answer(self._sessions[writer], method, params)
                    self.send(writer, {"jsonrpc": "2.0", "id": call["id"], **answer})
                async with self._changed:
                    self.calls.append((method, params))
                    self._changed.notify_all()
        except (OSError, ValueError):
            pass
        finally:
            writer.transport.abort()
            async with self._changed:
                del self._sessions[writer]
                self._changed.notify_all()

    def _answer(self, scripts: set[str], method: str, params: list[Any]) -> dict[str, Any]:
        if method == "server.version":
            lowest, highest = params[1]
            if highest < self.versions[0] or lowest > self.versions[1]:
                return _error(1, f"unsupported protocol version: {params[1]}")
            return {"result": ["ElectrumX 1.18.0", min(highest, self.versions[1])]}
        if method == "server.ping":
            return {"result": None}
        if method != SUBSCRIBE:
            return _error(-32601, f'unknown method "{method}"')
        script = params[0]
        if script in self.too_busy:
            return _error(1, "history too large")
        if script not in scripts and len(scripts) >= self.most:
            return _error(1, "subscription limit reached")
        scripts.add(script)
        return {"result": self.status(script)}


def _error(code: int, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


@asynccontextmanager
async def an_electrum_server(tls: ssl.SSLContext | None = None) -> AsyncIterator[ElectrumServer]:
    """A server that listens on `port` as long as the block runs."""
    server = ElectrumServer()
    listener = await asyncio.start_server(server.accept, "127.0.0.1", 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        await server.end()
