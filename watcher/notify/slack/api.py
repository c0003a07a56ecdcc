"""Slack's web API through its own library, with refusals in our words.

The library would take a proxy from the environment whatever NO_PROXY says, try again by itself, and log
what it sends: all of that is ours to decide.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from watcher.domain.values.errors import InputError
from watcher.notify.http_client import ServiceClient
from watcher.notify.refusals import ServiceRefusal, answered
from watcher.ports.channel import Attachment
from watcher.system.http_client import aiohttp

if TYPE_CHECKING:
    from slack_sdk.errors import SlackApiError
    from slack_sdk.web.async_client import AsyncWebClient

_SILENT = logging.Logger("slack", logging.CRITICAL + 1)
"""The library prints texts and answers; what matters of them is in the refusals."""


class SlackApi:
    """Access to one workspace as one bot. The library is loaded with the first call."""

    def __init__(
        self, token: SecretStr, api_url: str, timeout: float, proxy: SecretStr | None = None
    ) -> None:
        self.timeout, self._token = timeout, token
        bare = SecretStr(token.get_secret_value().partition("-")[2] or token.get_secret_value())
        self._http = ServiceClient(api_url, timeout, (token, bare), proxy)

    async def call(self, method: str, payload: Mapping[str, Any]) -> Mapping[str, Any] | ServiceRefusal:
        """The answer of one method to a payload, or why it did nothing."""
        await _loaded()
        from slack_sdk.errors import SlackApiError, SlackClientError

        try:
            answer = await self._client().api_call(method, json=dict(payload))
        except SlackApiError as error:
            return _refusal(error)
        except (aiohttp.ClientError, OSError, InputError) as error:
            return self._http.no_answer(error)
        except SlackClientError as error:
            return ServiceRefusal(type(error).__name__)
        found: Mapping[str, Any] = answer.data if isinstance(answer.data, dict) else {}
        return found

    async def upload(
        self, channel: str, thread: str, attachments: Sequence[Attachment]
    ) -> ServiceRefusal | None:
        """Put files into a thread; None if Slack took them."""
        await _loaded()
        from slack_sdk.errors import SlackApiError, SlackClientError

        files = [{"filename": each.name, "content": each.content, "title": each.name} for each in attachments]
        try:
            await self._client().files_upload_v2(file_uploads=files, channel=channel, thread_ts=thread)
        except SlackApiError as error:
            return _refusal(error)
        except SlackClientError:  # its words hold a name of the file, and whatever the place for it answered
            return ServiceRefusal("the place for uploads did not take it")
        except (aiohttp.ClientError, OSError, InputError) as error:
            return self._http.no_answer(error)
        return None

    @property
    def session(self) -> aiohttp.ClientSession:
        return self._http.session

    def proxy(self) -> str | None:
        """The proxy to go through. InputError if the environment names one that is not spoken to."""
        return self._http.proxy()

    def no_answer(self, error: Exception) -> ServiceRefusal:
        """Why a connection was not made, or ended."""
        return self._http.no_answer(error)

    def words(self, refusal: ServiceRefusal) -> str:
        """What a refusal says, for people, without a secret."""
        return self._http.words(refusal)

    async def close(self) -> None:
        await self._http.close()

    def _client(self) -> AsyncWebClient:
        """The library's client. InputError if the environment names a proxy that is not spoken to."""
        from slack_sdk.web.async_client import AsyncWebClient

        client = AsyncWebClient(
            token=self._token.get_secret_value(),
            base_url=self._http.root,
            session=self._http.session,
            logger=_SILENT,
            retry_handlers=[],  # repeats are the deliverer's, and only its
        )
        client.proxy = self._http.proxy()
        return client


async def _loaded() -> None:
    """Load the library in a thread: it takes a tenth of a second and more, and the loop has other work."""
    await asyncio.to_thread(import_module, "slack_sdk.web.async_client")


def _refusal(error: SlackApiError) -> ServiceRefusal:
    """What Slack's answer says. An answer that is no JSON comes from something before Slack."""
    response: Any = error.response
    status: int = response.status_code if hasattr(response, "status_code") else response.status
    data = getattr(response, "data", "")
    body = data.encode() if isinstance(data, str) else json.dumps(data).encode()
    return answered(status, response.headers.get("Retry-After", ""), body)
