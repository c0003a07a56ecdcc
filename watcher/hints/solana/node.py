"""One Solana node: its WebSocket for what it tells, and its HTTP address for what it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from watcher import __version__
from watcher.hints.json_rpc import CallRefusedError, Peer, object_in, refusal_in
from watcher.hints.web_socket import NodeAddress, NodeLimits, NodeSocket, a_person_must_act
from watcher.ports.hints import HintSourceError
from watcher.system.connections import cause
from watcher.system.http_client import aiohttp, connector

TOO_MANY = 429
PAUSES = (2.0, 5.0, 15.0)
"""Status of an answer to whoever asks too often, and seconds before asking again."""


class SolanaNode:
    """The node at two addresses. `commitment`: how sure it must be of what it tells and answers."""

    def __init__(
        self, socket: NodeAddress, rpc: NodeAddress, limits: NodeLimits, commitment: str = "confirmed"
    ) -> None:
        self.host, self.commitment = socket.host, commitment
        self._socket, self._rpc, self._limits = socket, rpc, limits

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[SolanaLine]:
        """A connection, for as long as the block runs."""
        timeout = aiohttp.ClientTimeout(total=self._limits.call, sock_connect=self._limits.connect)
        headers = {"User-Agent": f"balance-watcher/{__version__}"}
        async with (
            NodeSocket(self._socket, self._limits) as wire,
            aiohttp.ClientSession(
                connector=connector(secure=self._rpc.secure), headers=headers, timeout=timeout
            ) as session,
        ):
            peer = Peer(wire, self.host, self._limits.call)
            yield SolanaLine(peer, session, self._rpc, self._limits, self.commitment)


class SolanaLine:
    """Connection to a node. `peer`: the other end of its WebSocket."""

    def __init__(
        self,
        peer: Peer,
        session: aiohttp.ClientSession,
        rpc: NodeAddress,
        limits: NodeLimits,
        commitment: str,
    ) -> None:
        self.peer = peer
        self._session, self._rpc, self._limits = session, rpc, limits
        self.how = {"encoding": "base64", "commitment": commitment}
        """Options of every call."""

    async def ask(self, method: str, *params: Any) -> Any:
        """The result of a call over HTTP. CallRefusedError: the node says no. HintSourceError: no answer."""
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": [*params, self.how]}
        for pause in (*PAUSES, None):
            status, data = await self._post(msgspec.json.encode(call))
            if status != TOO_MANY or pause is None:
                break
            await asyncio.sleep(pause)
        return self._result(status, data)

    async def _post(self, body: bytes) -> tuple[int, bytes]:
        host, proxy = self._rpc.host, None
        headers = {"Content-Type": "application/json"}
        try:
            proxy = self._rpc.proxy()
            async with self._session.post(
                self._rpc.url, data=body, headers=headers, proxy=proxy, allow_redirects=False
            ) as response:
                return response.status, await self._read(response)
        except TimeoutError:
            raise HintSourceError(f"{host} did not answer within {self._limits.call:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise HintSourceError(await cause(error, host, proxied=proxy is not None)) from None
        except ValueError as error:  # of the proxy that the environment names
            raise HintSourceError(str(error), refused=True) from None

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        chunks, size = [], 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > self._limits.largest:
                megabytes = self._limits.largest // (1024 * 1024)
                raise HintSourceError(f"an answer of {self._rpc.host} is longer than {megabytes} MB")
            chunks.append(chunk)
        return b"".join(chunks)

    def _result(self, status: int, data: bytes) -> Any:
        host = self._rpc.host
        if status in {401, 402, 403}:
            raise HintSourceError(f"{host} answered {status}: it does not take the key", refused=True)
        if status in {404, 405} or 300 <= status < 400:
            what = f"{host} answered {status} to a call over HTTP; is rpc_url right?"
            raise HintSourceError(what, refused=True)
        if status == TOO_MANY or status >= 500:
            raise HintSourceError(f"{host} answered {status}")
        answer = object_in(data, host)
        if answer.get("error") is None:
            return answer.get("result")
        refusal = refusal_in(answer["error"])
        said = self._rpc.words(refusal.words)
        if a_person_must_act(said):
            raise HintSourceError(f"{host} refuses: {said}", refused=True)
        raise CallRefusedError(refusal.code, said)

    async def subscribe(self, accounts: Sequence[str]) -> tuple[dict[int, str], str]:
        """Subscription → its account, and the first reason why an account has none; empty if all have."""
        found: dict[int, str] = {}
        refused = ""
        asked = [(each, await self.peer.ask("accountSubscribe", [each, self.how])) for each in accounts]
        for account, number in asked:
            try:
                subscription = await self.peer.answer(number)
            except CallRefusedError as error:
                refused = refused or self._rpc.words(error.words)
                continue
            if isinstance(subscription, int):
                found[subscription] = account
        return found, refused
