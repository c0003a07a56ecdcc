"""One connection to an EVM node: calls with their answers, and what its subscriptions tell, bounded."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import unquote, urlsplit

import aiohttp
import msgspec
from pydantic import SecretStr

from watcher import __version__
from watcher.domain.values.text import clean
from watcher.hints.evm.wire import BlockHead, Moved, NodeAnswer, UnreadableError, read_event, read_message
from watcher.ports.hints import HintSourceError
from watcher.system.connections import cause, proxy_for

_REFUSED = re.compile(
    r"unauthori[sz]ed|forbidden|authenticat|api.?key|project.?id|not allowed|permission|payment|quota"
    r"|daily request|monthly|capacity|compute unit|too many requests|rate.?limit|limit reached|upgrade",
    re.IGNORECASE,
)
"""Words of providers about keys and plans. Without a standard for them: as they stand in their documents."""

_NO_METHOD = -32601
_LIMIT = -32005
"""Codes of JSON-RPC, and of EIP-1474 (limit exceeded)."""

_SHORTEST_SECRET = 6
_LONGEST_WORDS = 160


@dataclass(frozen=True, slots=True)
class NodeLimits:
    """Limits of one connection: seconds, bytes of one message, and events that may wait to be taken.

    `heartbeat`: a ping that often, and half as long for its answer. The largest message is a block with all
    its transactions: of Ethereum up to 5 MB, of chains with larger blocks a few times that.
    """

    connect: float = 5.0
    call: float = 10.0
    heartbeat: float = 10.0
    largest: int = 32 * 1024 * 1024
    waiting: int = 10_000


class RefusedCallError(Exception):
    """A node's answer that is a refusal, in words fit for people. `refused`: a person must act."""

    def __init__(self, said: str, *, refused: bool) -> None:
        super().__init__(said)
        self.said, self.refused = said, refused


class TooLongError(HintSourceError):
    """A message that is longer than any that is read; the connection is over."""


class NodeAddress:
    """Address of a node. What may be a key in it is kept out of all texts."""

    def __init__(self, url: SecretStr, proxy: SecretStr | None) -> None:
        self.url = url.get_secret_value()
        parts = urlsplit(self.url)
        self.host, self._configured = parts.hostname or "", proxy
        self._port, self._scheme = parts.port or 443, parts.scheme
        pieces = {*parts.path.split("/"), parts.query, *re.split("[&=]", parts.query)}
        pieces |= {parts.username or "", parts.password or "", parts.path, self.url}
        pieces |= {unquote(piece) for piece in pieces}
        found = sorted((each for each in pieces if len(each) >= _SHORTEST_SECRET), key=len, reverse=True)
        self._secret = re.compile("|".join(map(re.escape, found)), re.IGNORECASE) if found else None

    def proxy(self) -> str | None:
        """The proxy to go through; ValueError if the environment names one that is not spoken to."""
        return proxy_for(self._scheme.replace("ws", "http"), self.host, self._port, self._configured)

    def words(self, text: str) -> str:
        """Somebody else's words, cleaned, without what is secret, and short."""
        said = clean(self._secret.sub("***", text) if self._secret else text)
        return said if len(said) <= _LONGEST_WORDS else said[: _LONGEST_WORDS - 1] + "…"


class EvmNode:
    """Connection to a node, open as long as the block runs. It is not made again.

    HintSourceError says why it could not be made, or why it ended; what was told until then is taken first.
    """

    def __init__(self, address: NodeAddress, watched: Collection[str], limits: NodeLimits) -> None:
        self.newest: BlockHead | None = None
        """The last head that was told; it may still wait to be taken."""
        self._address, self._watched, self._limits = address, watched, limits
        self._calls: dict[int, asyncio.Future[NodeAnswer]] = {}
        self._number = 0
        self._events: asyncio.Queue[BlockHead | Moved | None] = asyncio.Queue()
        self._failure: HintSourceError | None = None

    async def __aenter__(self) -> EvmNode:
        self._session = aiohttp.ClientSession(
            headers={"User-Agent": f"balance-watcher/{__version__}"},
            trace_configs=[_following_nobody(self._address.host)],
        )
        try:
            self._socket = await self._connected()
        except BaseException:
            await self._session.close()
            raise
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.cancel()
        with suppress(asyncio.CancelledError):
            await self._reader
        try:
            if self._failure is None:
                await self._socket.close()
        finally:
            await self._session.close()

    async def event(self) -> BlockHead | Moved:
        """What a subscription tells next."""
        event = await self._events.get()
        if event is None:
            raise self._ended()
        return event

    async def ask(self, method: str, *parameters: Any) -> msgspec.Raw:
        """The answer to a call that must have one. HintSourceError: it was refused, or there is none."""
        try:
            return await self.call(method, *parameters)
        except RefusedCallError as error:
            text = f"{self._address.host} refuses {method}: {error.said}"
            raise HintSourceError(text, refused=error.refused) from None

    async def call(self, method: str, *parameters: Any) -> msgspec.Raw:
        """The answer to a call. RefusedCallError: it is a refusal. HintSourceError: there is none."""
        if self._failure is not None:
            raise self._failure
        self._number += 1
        number = self._number
        words = {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}
        coming: asyncio.Future[NodeAnswer] = asyncio.get_running_loop().create_future()
        self._calls[number] = coming
        try:
            async with asyncio.timeout(self._limits.call):
                await self._socket.send_str(msgspec.json.encode(words).decode())
                answer = await coming
        except TimeoutError:
            seconds = f"{self._limits.call:g}"
            text = f"{self._address.host} did not answer {method} within {seconds} s"
            raise HintSourceError(text) from None
        except (aiohttp.ClientError, OSError):
            raise self._ended() from None
        finally:
            self._calls.pop(number, None)
        if answer.error is None:
            return answer.result
        code, said = answer.error
        refused = code in (_NO_METHOD, _LIMIT) or _REFUSED.search(said) is not None
        raise RefusedCallError(self._address.words(said) or f"error {code}", refused=refused)

    def misread(self, error: UnreadableError) -> HintSourceError:
        """What is said of an answer that cannot be read."""
        return HintSourceError(f"{self._address.host} sent {error}")

    async def _connected(self) -> aiohttp.ClientWebSocketResponse[bool]:
        host, proxy = self._address.host, None
        try:
            proxy = self._address.proxy()
            async with asyncio.timeout(self._limits.connect):
                return await self._session.ws_connect(
                    self._address.url,
                    proxy=proxy,
                    heartbeat=self._limits.heartbeat,
                    max_msg_size=self._limits.largest,
                    timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
                    decode_text=False,
                )
        except TimeoutError:
            text = f"{host} took no connection within {self._limits.connect:g} s"
            raise HintSourceError(text) from None
        except aiohttp.WSServerHandshakeError as error:
            raise _turned_away(host, error.status) from None
        except (aiohttp.ClientError, OSError) as error:
            raise HintSourceError(await cause(error, host, proxied=proxy is not None)) from None
        except ValueError as error:  # of the proxy that the environment names
            raise HintSourceError(str(error), refused=True) from None

    async def _read(self) -> None:
        """Take what comes until the connection ends: an error (as after a heartbeat that was missed), too,
        is a message here."""
        try:
            while self._failure is None:
                message: Any = await self._socket.receive()
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._failure = self._taken(message.data)
                else:
                    self._failure = self._over(message)
        except (aiohttp.ClientError, OSError):
            self._failure = self._ended()
        finally:
            for coming in self._calls.values():
                if not coming.done():
                    coming.set_exception(self._ended())
            self._events.put_nowait(None)

    def _taken(self, data: bytes) -> HintSourceError | None:
        """Hand one message on; the failure that ends the connection, if it is one."""
        try:
            message = read_message(data)
            if isinstance(message, NodeAnswer):
                coming = self._calls.get(message.id)
                if coming is not None and not coming.done():
                    coming.set_result(message)
                return None
            event = None if message is None else read_event(message, self._watched)
        except UnreadableError as error:
            return self.misread(error)
        if isinstance(event, BlockHead):
            self.newest = event
        if event is not None:
            self._events.put_nowait(event)
        if self._events.qsize() <= self._limits.waiting:
            return None
        return HintSourceError(f"{self._address.host} tells more than can be taken")

    def _over(self, message: Any) -> HintSourceError:
        host, code = self._address.host, self._socket.close_code
        if message.type is aiohttp.WSMsgType.CLOSE:
            said = self._address.words(str(message.extra or ""))
            text = f"{host} closed the connection (code {message.data}" + (f": {said})" if said else ")")
            return HintSourceError(text, refused=_REFUSED.search(said) is not None)
        if code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG:
            megabytes = self._limits.largest // (1024 * 1024)
            return TooLongError(f"a message of {host} is longer than {megabytes} MB")
        if message.type is aiohttp.WSMsgType.BINARY:
            return HintSourceError(f"{host} sent something that is no JSON-RPC")
        if isinstance(message.data, aiohttp.ServerTimeoutError):
            return HintSourceError(f"{host} does not answer any more")
        return HintSourceError(f"{host} broke the connection")

    def _ended(self) -> HintSourceError:
        return self._failure or HintSourceError(f"{self._address.host} broke the connection")


def _following_nobody(host: str) -> aiohttp.TraceConfig:
    """A key in the address is for the node alone."""

    async def refuse(_session: object, _context: object, moved: aiohttp.TraceRequestRedirectParams) -> None:
        raise _turned_away(host, moved.response.status)

    tracing = aiohttp.TraceConfig()
    tracing.on_request_redirect.append(refuse)
    return tracing


def _turned_away(host: str, status: int) -> HintSourceError:
    if status in {401, 403}:
        return HintSourceError(f"{host} answered {status}: it does not take the key in the url", refused=True)
    if status in {402, 429}:
        return HintSourceError(f"{host} answered {status}: what it allows is used up", refused=True)
    if status >= 500:
        return HintSourceError(f"{host} answered {status}")
    text = f"{host} answered {status} and opened no WebSocket; is the url right?"
    return HintSourceError(text, refused=True)
