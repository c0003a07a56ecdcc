"""HTTP client of the channels that speak to a service themselves: one session, and why there was no answer.

Redirects are never followed: a token would go to a stranger, and what answers elsewhere is not who was meant.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from pydantic import SecretStr
from yarl import URL

from watcher import __version__
from watcher.domain.messages.delivery import Fault
from watcher.domain.values.errors import InputError
from watcher.domain.values.text import clean
from watcher.notify.refusals import LONGEST_BODY, ServiceRefusal, answered, refused_in_words, unreached
from watcher.system.connections import proxy_for, turned_away
from watcher.system.http_client import aiohttp, connector

LONGEST_DETAIL = 300
"""Characters of what a service says that are kept."""

_LONGEST_CONNECT = 15.0
_MOST_OF_IT = 0.8
_REUSED_FOR = 3.0
"""Seconds for which an idle connection is kept. One that the service closes while a message is on its way
leaves nobody the wiser whether it arrived."""


class RedirectedError(aiohttp.ClientError):
    """The service sends whoever asks to another address."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


class HttpAnswer(NamedTuple):
    """Answer over HTTP. `wait`: its `Retry-After`."""

    status: int
    wait: str
    body: bytes


class ServiceClient:
    """Client of one service under one address. The session opens with the first request, on the running loop.

    `timeout`: seconds that one request may take; `hidden`: what must not be shown, whoever repeats it.
    """

    def __init__(
        self, root: str, timeout: float, hidden: Iterable[SecretStr], proxy: SecretStr | None = None
    ) -> None:
        self.root = root if root.endswith("/") else f"{root}/"
        self._hidden = tuple(hidden)
        self._timeout, self._configured = timeout, proxy
        self._session: aiohttp.ClientSession | None = None

    @property
    def where(self) -> str:
        """Host and port, which are no secret."""
        url = URL(self.root)
        return f"{url.host}:{url.port}"

    def proxy(self) -> str | None:
        """The proxy to go through. InputError if the environment names one that is not spoken to."""
        url = URL(self.root)
        return proxy_for(url.scheme, url.host or "", url.port or 443, self._configured)

    def patience(self, held: float = 0) -> aiohttp.ClientTimeout:
        """How long a request may take. `held`: seconds for which the service may hold the answer back."""
        connect = min(_LONGEST_CONNECT, self._timeout * _MOST_OF_IT)
        return aiohttp.ClientTimeout(total=self._timeout + held, sock_connect=connect)

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            tracing = aiohttp.TraceConfig()
            tracing.on_request_redirect.append(_refuse)
            self._session = aiohttp.ClientSession(
                connector=connector(secure=URL(self.root).scheme == "https", keepalive_timeout=_REUSED_FOR),
                timeout=self.patience(),
                headers={"User-Agent": f"balance-watcher/{__version__}"},
                trace_configs=[tracing],
            )
        return self._session

    async def ask(self, method: str, path: str, **request: Any) -> bytes | ServiceRefusal:
        """The body of a good answer, or why there is none. `request`: as aiohttp takes it."""
        answer = await self.exchange(method, path, **request)
        if isinstance(answer, ServiceRefusal):
            return answer
        if answer.status < 300 and not refused_in_words(answer.body):
            return answer.body
        return answered(answer.status, answer.wait, answer.body)

    async def exchange(
        self, method: str, path: str, longest: int = LONGEST_BODY, **request: Any
    ) -> HttpAnswer | ServiceRefusal:
        """An answer, whatever it says, or why there is none. `longest`: bytes of it that are read."""
        try:
            url = f"{self.root}{path}"
            async with self.session.request(method, url, proxy=self.proxy(), **request) as response:
                body = await _beginning(response, longest)
                return HttpAnswer(response.status, response.headers.get("Retry-After", ""), body)
        except (aiohttp.ClientError, OSError, InputError) as error:
            return self.no_answer(error)

    def no_answer(self, error: Exception) -> ServiceRefusal:
        """Why a request had no answer. A connection that was never made carried nothing."""
        where = self.where
        if isinstance(error, RedirectedError):
            return answered(error.status, "", b"")
        if isinstance(error, aiohttp.ClientHttpProxyError):
            return ServiceRefusal(f"{where}: {turned_away(error.status, where)}", Fault.CHANNEL)
        if isinstance(error, aiohttp.ClientProxyConnectionError):
            proxy = f"{error.host}:{error.port}"
            return ServiceRefusal(f"{where}: the proxy {proxy} cannot be reached", Fault.CHANNEL)
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            return ServiceRefusal(f"{where}: no connection in time")
        if isinstance(error, TimeoutError):
            return ServiceRefusal(f"{where}: no answer within {self._timeout:g} s", maybe_sent=True)
        if isinstance(error, aiohttp.InvalidURL):
            return ServiceRefusal("that is no address", Fault.CHANNEL)
        if isinstance(error, InputError):  # of the proxy that the environment names
            return ServiceRefusal(str(error), Fault.CHANNEL)
        found = unreached(error.__cause__ or error, where)  # aiohttp's own words say less
        never = isinstance(error, aiohttp.ClientConnectorError) or found.fault is Fault.CHANNEL
        return ServiceRefusal(found.words, found.fault, maybe_sent=not never)

    def words(self, refusal: ServiceRefusal) -> str:
        """What a refusal says, for people: one line, not long, and without a secret."""
        text = refusal.words
        for secret in self._hidden:
            text = text.replace(secret.get_secret_value(), "***")
        return clean(text)[:LONGEST_DETAIL]

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


async def _beginning(response: aiohttp.ClientResponse, longest: int) -> bytes:
    """An answer as far as it is read. The rest of a longer one is not waited for."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) >= longest:
            response.close()
            break
    return bytes(body)


async def _refuse(_session: object, _context: object, moved: aiohttp.TraceRequestRedirectParams) -> None:
    raise RedirectedError(moved.response.status)
