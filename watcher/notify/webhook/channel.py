"""Channel to a machine: what is owed as JSON, by POST, signed if there is a secret."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import urlsplit

from pydantic import SecretStr

from watcher.domain.messages.delivery import Delivery, NotSent, SendResult, Sent
from watcher.notify.apprise.urls import secrets_of
from watcher.notify.http_client import ServiceClient
from watcher.notify.refusals import ServiceRefusal
from watcher.notify.webhook.message import Post
from watcher.ports.channel import UNGROUPED

Compose = Callable[[Sequence[Delivery], datetime], Iterable[Sequence[Post]]]
"""Deliveries, and the time now → what is posted for them, in rounds: within one, order does not matter."""


class WebhookChannel:
    """Channel to one web address. A receiver gathers for itself, if it wants to."""

    burst = UNGROUPED

    def __init__(
        self,
        name: str,
        url: SecretStr,
        compose: Compose,
        timeout: float,
        secret: SecretStr | None = None,
        proxy: SecretStr | None = None,
    ) -> None:
        """`timeout`: seconds that one body may take."""
        self.name = name
        self._url, self._secret, self._compose = url, secret, compose
        parts = urlsplit(url.get_secret_value())
        known = f"{parts.hostname}:{parts.port}"
        hidden = (SecretStr(part) for part in secrets_of(url.get_secret_value()) if part not in known)
        self._client = ServiceClient(f"{parts.scheme}://{parts.netloc}", timeout, hidden, proxy)

    def remember(self, facts: Mapping[str, str]) -> None:
        """A receiver tells nothing that must be known again."""

    async def send(self, deliveries: Sequence[Delivery]) -> SendResult:
        """One body, or several if there is much: what was posted before one that failed is posted again with
        it, under the same ids."""
        for posts in self._compose(deliveries, _now()):
            answers = await asyncio.gather(*map(self._post, posts))
            refusals = [each for each in answers if isinstance(each, ServiceRefusal)]
            if refusals:
                return self._not_sent(refusals[0])
        return Sent()

    async def close(self) -> None:
        await self._client.close()

    async def _post(self, post: Post) -> bytes | ServiceRefusal:
        headers = {"Content-Type": "application/json", "Watcher-Delivery": post.delivery}
        if self._secret is not None:
            at = str(int(_now().timestamp()))
            signature = signed(self._secret.get_secret_value(), at, post.body)
            headers |= {"Watcher-Timestamp": at, "Watcher-Signature": f"v1={signature}"}
        parts = urlsplit(self._url.get_secret_value())
        path = parts.path.lstrip("/") + (f"?{parts.query}" if parts.query else "")
        return await self._client.ask("POST", path, data=post.body, headers=headers)

    def _not_sent(self, refusal: ServiceRefusal) -> NotSent:
        """In one line, and of the URL nothing but the host."""
        where, words = self._client.where, self._client.words(refusal)
        words = words if words.startswith(where) else f"{where}: {words}"
        return NotSent(words, refusal.retry_after, refusal.maybe_sent, refusal.fault)


def signed(secret: str, timestamp: str, body: bytes) -> str:
    """The HMAC-SHA256 of timestamp, a dot and the body, in hexadecimal."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, sha256).hexdigest()


def _now() -> datetime:
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
