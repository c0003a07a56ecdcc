"""A node on loopback that knows a small chain, and does what a test tells it to: lie, refuse, fall silent."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

Block = dict[str, Any]


class RefusalError(Exception):
    """What the node answers instead of a result: a code, and words."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class SilenceError(Exception):
    """No answer at all."""


def hash_of(number: int, fork: str = "") -> str:
    """A hash that differs for each number and fork (hexadecimal digits)."""
    return "0x" + f"{fork or 'b'}{number % 2**32:x}".rjust(64, "0")


def block_of(number: int, fork: str = "", parent: str = "", **more: Any) -> Block:
    """A block without transactions, which stands on the one before it."""
    return {
        "number": hex(number),
        "hash": hash_of(number, fork),
        "parentHash": parent or hash_of(number - 1, fork),
        "timestamp": hex(1_800_000_000 + number),
        "transactions": [],
        **more,
    }


def paid(number: int, sender: str, receiver: str) -> Block:
    """A transaction of native coins."""
    return {"hash": hash_of(number, "7"), "from": sender, "to": receiver, "value": "0x1"}


class ScriptedNode:
    """`blocks`: its chain; `answers`: method → what is answered to these parameters, in place of the usual.

    `calls`: what it was asked. `status`: of the handshake, in place of a WebSocket.
    """

    def __init__(self) -> None:
        self.url = ""
        self.blocks = [block_of(0)]
        self.answers: dict[str, Callable[..., Any]] = {}
        self.calls: list[tuple[str, list[Any]]] = []
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self._sockets: list[web.WebSocketResponse] = []

    def asked(self, method: str) -> list[list[Any]]:
        return [parameters for each, parameters in self.calls if each == method]

    def grow(self, *blocks: Block) -> None:
        """Add blocks, and tell nobody."""
        self.blocks += blocks or [block_of(len(self.blocks))]

    async def tell(self, *results: Any) -> None:
        """What its subscriptions tell."""
        for result in results:
            await self.say(
                json.dumps({"jsonrpc": "2.0", "method": "eth_subscription", "params": {"result": result}})
            )

    async def say(self, message: str | bytes) -> None:
        """A message as it is."""
        for socket in self._sockets:
            await (socket.send_str(message) if isinstance(message, str) else socket.send_bytes(message))

    async def hang_up(self, code: int, reason: bytes) -> None:
        for socket in list(self._sockets):
            await socket.close(code=code, message=reason)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if self.status is not None:
            return web.Response(status=self.status, headers=self.headers)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.append(socket)
        try:
            async for message in socket:
                await self._answer(socket, json.loads(message.data))
        finally:
            self._sockets.remove(socket)
        return socket

    async def _answer(self, socket: web.WebSocketResponse, call: dict[str, Any]) -> None:
        method, parameters = call["method"], call["params"]
        self.calls.append((method, parameters))
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": call["id"]}
        try:
            answer["result"] = self.answers.get(method, getattr(self, f"_{method}"))(*parameters)
        except RefusalError as error:
            answer["error"] = {"code": error.code, "message": error.message}
        except SilenceError:
            return
        await socket.send_str(json.dumps(answer))

    def _eth_chainId(self) -> str:  # noqa: N802 - as the method is called
        return "0x1"

    def _eth_subscribe(self, *_: Any) -> str:
        return hex(len(self.calls))

    def _eth_getBlockByNumber(self, tag: str, _whole: bool) -> Block | None:  # noqa: N802
        if tag == "latest":
            return self.blocks[-1]
        return next((block for block in self.blocks if block["number"] == tag), None)

    def _eth_getLogs(self, _filter: Any) -> list[Any]:  # noqa: N802
        return []

    def _eth_getBalance(self, *_: Any) -> str:  # noqa: N802
        return "0x0"


@asynccontextmanager
async def scripted(context: ssl.SSLContext | None = None) -> AsyncIterator[ScriptedNode]:
    """A node that is there as long as the block runs."""
    node = ScriptedNode()
    app = web.Application()
    app.router.add_get("/{tail:.*}", node.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    node.url = f"ws{'s' if context else ''}://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield node
    finally:
        await node.hang_up(1001, b"")
        await runner.cleanup()
