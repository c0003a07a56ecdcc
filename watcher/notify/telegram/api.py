"""Bot API of Telegram over HTTP, and its refusals in its own words.

Own code over aiohttp, which is here already: aiogram holds pydantic below the version that the product needs,
and what is used of the API is seven calls that post JSON. Facts are from https://core.telegram.org/bots/api.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from pydantic import SecretStr

from watcher.domain.messages.delivery import Fault
from watcher.domain.values.text import clean
from watcher.notify.refusals import ServiceRefusal, asked_to_wait, blame, moved_to, said, unreached
from watcher.ports.channel import Attachment
from watcher.system.connections import cause, proxy_for, turned_away

LONGEST_ANSWER = 4_000_000
"""Bytes of an answer that are read: a hundred updates with long texts are less."""

LONGEST_DETAIL = 300
"""Characters of what Telegram says that are kept."""


class BotApiError(Exception):
    """The API did not do what it was asked for."""

    def __init__(self, refusal: ServiceRefusal, status: int = 0) -> None:
        super().__init__(refusal.words)
        self.refusal, self.status = refusal, status


class BotApi:
    """Access to the API as one bot. The token is in every URL: no error of the network is shown as it is."""

    def __init__(self, token: SecretStr, url: str, timeout: float, proxy: SecretStr | None = None) -> None:
        """`timeout`: seconds that an answer may take."""
        self._token, self._url, self._timeout, self._proxy = token, url, timeout, proxy
        parts = urlsplit(url)
        self._scheme, self._host = parts.scheme, parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._session: aiohttp.ClientSession | None = None

    async def call(
        self,
        method: str,
        fields: Mapping[str, Any],
        file: tuple[str, Attachment] | None = None,
        *,
        held: float = 0,
    ) -> Any:
        """What a method returns. `file`: goes as this field. `held`: seconds that the API may hold the answer
        back beside the usual time. BotApiError if there is no such answer."""
        given = {name: value for name, value in fields.items() if value is not None}
        body: dict[str, Any] = {"json": given} if file is None else {"data": _form(given, *file)}
        proxy = None
        try:
            proxy = proxy_for(self._scheme, self._host, self._port, self._proxy)
            async with self._opened().post(
                f"{self._url}/bot{self._token.get_secret_value()}/{method}",
                **body,
                proxy=proxy,
                allow_redirects=False,  # the token is in the URL, and meant for nobody else
                timeout=aiohttp.ClientTimeout(
                    total=self._timeout + held, sock_connect=min(15.0, self._timeout)
                ),
            ) as response:
                raw = await _read(response)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise BotApiError(await self._unreached(error, proxied=proxy is not None)) from None
        return self._result(response.status, response.headers.get("Retry-After", ""), raw)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session

    def _result(self, status: int, wait: str, raw: bytes) -> Any:
        try:
            found = json.loads(raw)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict) and found.get("ok") is True and "result" in found:
            return found["result"]
        words = self._masked(said(raw))
        known = isinstance(found, dict) and found.get("ok") is False
        shown = words if known and words else f"no answer of a Bot API: HTTP {status} {words}".rstrip()
        raise BotApiError(
            ServiceRefusal(
                shown,
                blame(status, words) if known else Fault.PASSING,
                asked_to_wait(status, wait, raw),
                moved=moved_to(raw) if status == 400 else "",
            ),
            status,
        )

    async def _unreached(self, error: Exception, *, proxied: bool) -> ServiceRefusal:
        """Why there is no answer at all."""
        where = f"{self._host}:{self._port}"
        if isinstance(error, aiohttp.ClientHttpProxyError):
            return ServiceRefusal(turned_away(error.status, where), Fault.CHANNEL)
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            return ServiceRefusal(f"{where}: no connection in time")
        if isinstance(error, TimeoutError):
            return ServiceRefusal(f"{where}: no answer in time", maybe_sent=True)
        if isinstance(error, aiohttp.ClientError | OSError):
            # What lies under it: aiohttp's own errors pass for those of ssl, and are not like them.
            under = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
            found = unreached(under, where)
            never = isinstance(error, aiohttp.ClientConnectorError)
            words = await cause(error, self._host, proxied=proxied)
            return replace(found, words=words, maybe_sent=found.maybe_sent and not never)
        return ServiceRefusal(clean(str(error)), Fault.CHANNEL)  # the environment names a proxy that is none

    def _masked(self, text: str) -> str:
        return clean(text.replace(self._token.get_secret_value(), "***"))[:LONGEST_DETAIL]


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The answer as far as it can be one; a longer one is none, and its rest is not waited for."""
    found = bytearray()
    async for piece in response.content.iter_any():
        found += piece
        if len(found) > LONGEST_ANSWER:
            response.close()
            break
    return bytes(found[: LONGEST_ANSWER + 1])


def _form(fields: Mapping[str, Any], name: str, file: Attachment) -> aiohttp.FormData:
    """A request with a file: what is no text goes as JSON in its part."""
    form = aiohttp.FormData()
    for key, value in fields.items():
        form.add_field(key, value if isinstance(value, str) else json.dumps(value))
    form.add_field(name, file.content, filename=file.name, content_type=file.mime)
    return form
