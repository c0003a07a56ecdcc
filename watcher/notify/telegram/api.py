"""Bot API of Telegram over HTTP, and its refusals in its own words.

Own code over aiohttp, which is here already: aiogram holds pydantic below the version that the product needs,
and what is used of the API is seven calls that post JSON. Facts are from https://core.telegram.org/bots/api.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from watcher.domain.messages.delivery import Fault
from watcher.domain.records import replace
from watcher.notify.http_client import HttpAnswer, ServiceClient
from watcher.notify.refusals import ServiceRefusal, answered, said
from watcher.ports.channel import Attachment
from watcher.system.http_client import aiohttp

LONGEST_ANSWER = 4_000_000
"""Bytes of an answer that are read: a hundred updates with long texts are less."""


class BotApiError(Exception):
    """The API did not do what it was asked for."""

    def __init__(self, refusal: ServiceRefusal, status: int = 0) -> None:
        super().__init__(refusal.words)
        self.refusal, self.status = refusal, status


class BotApi:
    """Access to the API as one bot. The token is in every URL: no error of the network is shown as it is."""

    def __init__(self, token: SecretStr, url: str, timeout: float, proxy: SecretStr | None = None) -> None:
        """`timeout`: seconds that an answer may take."""
        self._token, self._http = token, ServiceClient(url, timeout, [token], proxy)

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
        path = f"bot{self._token.get_secret_value()}/{method}"
        timeout = self._http.patience(held)
        answer = await self._http.exchange("POST", path, LONGEST_ANSWER, timeout=timeout, **body)
        if isinstance(answer, ServiceRefusal):
            raise BotApiError(replace(answer, words=self._http.words(answer)))
        return self._result(answer)

    async def close(self) -> None:
        await self._http.close()

    def _result(self, answer: HttpAnswer) -> Any:
        try:
            found = json.loads(answer.body)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict) and found.get("ok") is True and "result" in found:
            return found["result"]
        refusal = answered(*answer)
        words = said(answer.body)
        if not (isinstance(found, dict) and found.get("ok") is False):
            words = f"no answer of a Bot API: HTTP {answer.status} {words}".rstrip()
            refusal = replace(refusal, fault=Fault.PASSING)
        elif not words:
            words = f"HTTP {answer.status}"
        refusal = replace(refusal, words=words)
        raise BotApiError(replace(refusal, words=self._http.words(refusal)), answer.status)


def _form(fields: Mapping[str, Any], name: str, file: Attachment) -> aiohttp.FormData:
    """A request with a file: what is no text goes as JSON in its part."""
    form = aiohttp.FormData()
    for key, value in fields.items():
        form.add_field(key, value if isinstance(value, str) else json.dumps(value))
    form.add_field(name, file.content, filename=file.name, content_type=file.mime)
    return form
