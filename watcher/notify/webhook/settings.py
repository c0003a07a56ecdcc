"""Settings of a webhook. What sends is loaded when such a channel is built."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, SecretStr, model_validator

from watcher.domain.values.errors import InputError
from watcher.notify.kind import ChannelKind, Patience
from watcher.ports.channel import PLAINLY, Presentation
from watcher.system.addresses import Proxy, check_tunnel, is_public, is_web_address

if TYPE_CHECKING:
    from watcher.notify.webhook.channel import WebhookChannel

SHORTEST_SECRET = 16
"""Characters of a secret that nobody guesses who has seen one signed body."""

_MAKE_ONE = "make one of 32 (openssl rand -hex 32)"


def _a_web_address(url: SecretStr) -> SecretStr:
    if not is_web_address(url):
        raise InputError("must be a web address", "begin it with https://")
    return url


def _a_secret(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().strip():
        raise InputError("is empty", f"leave it out, or {_MAKE_ONE}")
    return secret


class WebhookChannelSettings(ChannelKind):
    """JSON by POST to one web address."""

    kind: Literal["webhook"] = "webhook"
    url: Annotated[SecretStr, AfterValidator(_a_web_address)]
    """Web address that is posted to. A secret."""
    secret: Annotated[SecretStr, AfterValidator(_a_secret)] | None = None
    """What each body is signed with (HMAC-SHA256), so that its receiver knows from whom it is."""
    format: Literal["watcher", "alertmanager"] = "watcher"
    """`watcher`: as `watcher schema --webhook` says; `alertmanager`: as Alertmanager's webhooks."""
    timeout: Patience = timedelta(seconds=30)
    """How long the receiver may take for one body before it is sent again."""
    proxy: Proxy | None = None
    """Proxy on the way; left out: as HTTPS_PROXY and NO_PROXY say."""

    @model_validator(mode="after")
    def _a_proxy_gets_a_tunnel(self) -> Self:
        check_tunnel("url", self.destination, self.proxy)
        return self

    def build(self, name: str, shown: Presentation = PLAINLY) -> WebhookChannel:
        from watcher.notify.webhook.alertmanager import group_posts
        from watcher.notify.webhook.channel import WebhookChannel
        from watcher.notify.webhook.message import message_posts

        posts = group_posts if self.format == "alertmanager" else message_posts
        compose = partial(posts, name, shown, self.priority)
        url, timeout = SecretStr(self.destination), self.timeout.total_seconds()
        return WebhookChannel(name, url, compose, timeout, self.secret, self.proxy)

    @property
    def destination(self) -> str:
        return self.url.get_secret_value().strip()

    @property
    def doubts(self) -> Sequence[tuple[str, str, str]]:
        found, length = [], len(self.secret.get_secret_value()) if self.secret is not None else None
        if length is not None and length < SHORTEST_SECRET:
            found.append(("secret", f"has only {length} characters, and can be guessed", _MAKE_ONE))
        if self._parts.scheme == "http" and is_public(self._parts.hostname or ""):
            what = "goes through the open net as http://, and shows there all that is told"
            found.append(("url", what, "take https://"))
        return found

    @property
    def _parts(self) -> SplitResult:
        return urlsplit(self.url.get_secret_value().strip())
