"""WebSocket of a node: its address, which is secret, one connection to it, and why that ended, in words."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from types import TracebackType
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, SecretStr

from watcher import __version__
from watcher.domain.records import Record
from watcher.domain.values.errors import InputError
from watcher.domain.values.text import clean
from watcher.ports.hints import HintSourceError
from watcher.system.addresses import is_loopback
from watcher.system.connections import cause, proxy_for
from watcher.system.http_client import aiohttp, connector

_A_PERSON = re.compile(
    r"unauthori[sz]ed|forbidden|authenticat|api.?key|project.?id|not allowed|permission|payment|quota"
    r"|daily request|monthly|capacity|compute unit|too many requests|rate.?limit|limit reached|upgrade",
    re.IGNORECASE,
)
"""Words of providers about keys and plans. Without a standard for them: as they stand in their documents."""

_PARTING = 2.0
"""Seconds for a word of farewell. On a link on which bytes vanish it cannot be said."""

_SHORTEST_SECRET = 6
_LONGEST_WORDS = 160


def a_socket(url: SecretStr) -> SecretStr:
    return an_address(url, "ws", "providers have an address of their own for it, beside the one for https")


def an_address(url: SecretStr, scheme: str, remedy: str) -> SecretStr:
    """Address of a node, in a scheme with an s behind it, unless it is on this machine."""
    text = url.get_secret_value().strip()
    what = "a WebSocket" if scheme == "ws" else "a node"
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise InputError(f"is not the address of {what}") from None
    if parts.scheme not in {scheme, scheme + "s"} or not host:
        raise InputError(f"must begin with {scheme}s:// and name a host", remedy)
    if parts.scheme == scheme and not is_loopback(host):
        why = f"{scheme} is for this machine only, anybody could read the key"
        raise InputError(f"must begin with {scheme}s://", why)
    if not text.isascii() or not text.isprintable() or " " in text or parts.fragment:
        raise InputError(f"has characters that the address of {what} cannot have")
    return SecretStr(text)


SocketUrl = Annotated[SecretStr, AfterValidator(a_socket)]
"""A node's WebSocket. It may hold a key, in any of its parts."""


class NodeLimits(Record, frozen=True):
    """Limits of one connection: seconds, bytes of one message, and events that may wait to be taken.

    `heartbeat`: a ping that often, and half as long for its answer. The largest message is a block with all
    its transactions: of Ethereum up to 5 MB, of chains with larger blocks a few times that.
    """

    connect: float = 5.0
    call: float = 10.0
    heartbeat: float = 10.0
    largest: int = 32 * 1024 * 1024
    waiting: int = 10_000


class TooLongError(HintSourceError):
    """A message that is longer than any that is read; the connection is over."""


class NodeAddress:
    """Address of a node. What may be a key in it is kept out of all texts."""

    def __init__(self, url: SecretStr, proxy: SecretStr | None) -> None:
        self.url = url.get_secret_value()
        parts = urlsplit(self.url)
        self.host, self._configured = parts.hostname or "", proxy
        self._port, self._scheme = parts.port or 443, parts.scheme
        self.secure = parts.scheme in ("https", "wss")
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


def a_person_must_act(said: str) -> bool:
    """Whether a node's words are about a key or a plan."""
    return _A_PERSON.search(said) is not None


class NodeSocket:
    """Connection to a node, open as long as the block runs. It is not made again.

    HintSourceError says why it could not be made, or why it ended.
    """

    def __init__(self, address: NodeAddress, limits: NodeLimits) -> None:
        self._address, self._limits = address, limits

    async def __aenter__(self) -> NodeSocket:
        self._session = aiohttp.ClientSession(
            connector=connector(secure=self._address.secure),
            headers={"User-Agent": f"balance-watcher/{__version__}"},
            trace_configs=[_following_nobody(self._address.host)],
        )
        try:
            self._socket = await self._connected()
        except BaseException:
            await self._session.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_PARTING):
                    await self._socket.close()  # does nothing where it is closed
        finally:
            await self._session.close()

    async def send(self, message: bytes) -> None:
        try:
            await self._socket.send_str(message.decode())
        except (aiohttp.ClientError, OSError):
            raise self._broken() from None

    async def receive(self) -> bytes:
        """The next message. An error (as after a heartbeat that was missed) is a message to aiohttp, too."""
        try:
            message: Any = await self._socket.receive()
        except (aiohttp.ClientError, OSError):
            raise self._broken() from None
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise self._over(message)
        data: bytes = message.data
        return data

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

    def _over(self, message: Any) -> HintSourceError:
        host, code = self._address.host, self._socket.close_code
        if message.type is aiohttp.WSMsgType.CLOSE:
            said = self._address.words(str(message.extra or ""))
            text = f"{host} closed the connection (code {message.data}" + (f": {said})" if said else ")")
            return HintSourceError(text, refused=a_person_must_act(said))
        if code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG:
            megabytes = self._limits.largest // (1024 * 1024)
            return TooLongError(f"a message of {host} is longer than {megabytes} MB")
        if message.type is aiohttp.WSMsgType.BINARY:
            return HintSourceError(f"{host} sent something that is no JSON-RPC")
        if isinstance(message.data, aiohttp.ServerTimeoutError):
            return HintSourceError(f"{host} does not answer any more")
        return self._broken()

    def _broken(self) -> HintSourceError:
        return HintSourceError(f"{self._address.host} broke the connection")


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
