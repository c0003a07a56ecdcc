"""A Solana node on loopback: accounts, slots, what it tells of them and what it answers, and its faults.

Shapes as in solana.com/docs/rpc: accountSubscribe and accountNotification over a WebSocket;
getMultipleAccounts and getTokenAccountsByOwner over HTTP. Subscriptions are counted from 0, as in Agave.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSCloseCode, web

from watcher.hints.solana.wire import TOKEN_PROGRAMS

SYSTEM = "11111111111111111111111111111111"


@dataclass
class TokenAccount:
    """A token account. Its mint does not matter here."""

    owner: str
    amount: int
    program: str = TOKEN_PROGRAMS[0]


@dataclass
class SolanaServer:
    """A node. `most`: subscriptions of a connection; `mute`: it tells nothing; `statuses`: of its next
    answers over HTTP."""

    lamports: dict[str, int] = field(default_factory=dict)
    tokens: dict[str, TokenAccount] = field(default_factory=dict)
    slot: int = 1000
    most: int = 1000
    mute: bool = False
    statuses: list[int] = field(default_factory=list)
    refusal: dict[str, Any] = field(default_factory=dict)
    """Method → the error that it is answered with."""
    raw: bytes = b""
    """Body of every HTTP answer, if there is one."""
    calls: list[str] = field(default_factory=list)
    port: int = 0

    def __post_init__(self) -> None:
        self._sockets: dict[web.WebSocketResponse, dict[int, str]] = {}
        self._number = 0
        self._changed = asyncio.Condition()

    # -------------------------------------------------------------- the ledger

    async def pay(self, wallet: str, lamports: int) -> None:
        self.lamports[wallet] = lamports
        await self.tell(wallet)

    async def hold(self, account: str, owner: str, amount: int, program: str = TOKEN_PROGRAMS[0]) -> None:
        self.tokens[account] = TokenAccount(owner, amount, program)
        await self.tell(account)

    async def close_account(self, account: str) -> None:
        del self.tokens[account]
        await self.tell(account)

    def account(self, key: str) -> dict[str, Any] | None:
        held = self.tokens.get(key)
        if held is not None:
            data = bytes(64) + held.amount.to_bytes(8, "little") + bytes(93)
            return _account(2_039_280, held.program, data)
        lamports = self.lamports.get(key, 0)
        return _account(lamports, SYSTEM, b"") if lamports else None

    # -------------------------------------------------------------- what it tells

    @property
    def subscribed(self) -> list[set[str]]:
        """The accounts that each open connection is subscribed to."""
        return [set(each.values()) for each in self._sockets.values()]

    async def tell(self, key: str, times: int = 1) -> None:
        self.slot += 1
        value = self.account(key)
        if value is None:
            value = _account(0, SYSTEM, b"")
        for socket, accounts in list(self._sockets.items()):
            for number, account in accounts.items():
                if account == key and not self.mute:
                    result = {"context": {"slot": self.slot}, "value": value}
                    for _ in range(times):
                        await socket.send_json(_notice(number, result))

    async def say(self, text: str) -> None:
        for socket in self._sockets:
            await socket.send_str(text)

    async def hang_up(self, message: bytes = b"") -> None:
        for socket in list(self._sockets):
            await socket.close(code=WSCloseCode.OK, message=message)

    async def until(self, calls: int, method: str) -> None:
        """Wait until a method was called so often."""
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: self.calls.count(method) >= calls)

    async def _called(self, method: str) -> None:
        async with self._changed:
            self.calls.append(method)
            self._changed.notify_all()

    # -------------------------------------------------------------- its two doors

    async def socket(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        accounts = self._sockets[socket] = {}
        try:
            async for message in socket:
                call = json.loads(message.data)
                await socket.send_json(
                    {"jsonrpc": "2.0", "id": call["id"], **self._subscribe(accounts, call)}
                )
                await self._called(call["method"])
        finally:
            del self._sockets[socket]
        return socket

    def _subscribe(self, accounts: dict[int, str], call: dict[str, Any]) -> dict[str, Any]:
        if call["method"] == "accountUnsubscribe":
            if accounts.pop(call["params"][0], None) is None:
                return _error(-32602, "Invalid subscription id.")
            return {"result": True}
        if call["method"] != "accountSubscribe":
            return _error(-32601, "Method not found")
        if len(accounts) >= self.most:
            text = "Internal Error: Subscription refused. Node subscription limit reached"
            return _error(-32603, text)
        number, self._number = self._number, self._number + 1
        accounts[number] = call["params"][0]
        return {"result": number}

    async def rpc(self, request: web.Request) -> web.StreamResponse:
        call = await request.json()
        await self._called(call["method"])
        if self.statuses and (status := self.statuses.pop(0)) != 200:
            return web.Response(status=status, text="no")
        if self.raw:
            return web.Response(body=self.raw)
        if refused := self.refusal.get(call["method"]):
            return web.json_response({"jsonrpc": "2.0", "id": call["id"], "error": refused})
        result = {"context": {"apiVersion": "3.1.8", "slot": self.slot}, "value": self._value(call)}
        return web.json_response({"jsonrpc": "2.0", "id": call["id"], "result": result})

    def _value(self, call: dict[str, Any]) -> Any:
        keys, *more = call["params"]
        assert more[-1]["encoding"] == "base64"
        if call["method"] == "getMultipleAccounts":
            assert len(keys) <= 100
            return [self.account(key) for key in keys]
        assert call["method"] == "getTokenAccountsByOwner"
        program = more[0]["programId"]
        return [
            {"pubkey": key, "account": self.account(key)}
            for key, held in self.tokens.items()
            if held.owner == keys and held.program == program
        ]


def _account(lamports: int, owner: str, data: bytes) -> dict[str, Any]:
    text = base64.b64encode(data).decode()
    return {
        "data": [text, "base64"],
        "executable": False,
        "lamports": lamports,
        "owner": owner,
        "rentEpoch": 18446744073709551615,
        "space": len(data),
    }


def _notice(number: int, result: dict[str, Any]) -> dict[str, Any]:
    params = {"result": result, "subscription": number}
    return {"jsonrpc": "2.0", "method": "accountNotification", "params": params}


def _error(code: int, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


@asynccontextmanager
async def a_solana_node() -> AsyncIterator[SolanaServer]:
    """A node with its WebSocket at /ws and its HTTP at /rpc of `port`, as long as the block runs."""
    server = SolanaServer()
    app = web.Application()
    app.add_routes([web.get("/ws", server.socket), web.post("/rpc", server.rpc)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        await server.hang_up()
        await runner.cleanup()
