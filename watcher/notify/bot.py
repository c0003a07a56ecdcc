"""Settings that all channels have to which a bot writes over its service's own API."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from pydantic import SecretStr, model_validator

from watcher.notify.kind import ChannelKind, Patience
from watcher.system.addresses import ApiKey, BaseUrl, Proxy, check_tunnel


class BotKind(ChannelKind):
    """Settings of a channel that is a bot. The base of such kinds."""

    token: ApiKey
    """The bot's token."""
    pictures: bool = False
    """Whether a chart goes with each alert (extra `charts`)."""
    timeout: Patience = timedelta(seconds=30)
    """How long one request may take before the message is tried again."""
    proxy: Proxy | None = None
    """Proxy on the way; left out: as HTTPS_PROXY and NO_PROXY say."""
    api_url: BaseUrl
    """Where the service's API is."""

    @model_validator(mode="after")
    def _a_proxy_gets_a_tunnel(self) -> Self:
        check_tunnel("api_url", self.api_url, self.proxy)
        return self

    @property
    def _reached(self) -> tuple[SecretStr, str, float, SecretStr | None]:
        """Token, address, seconds that a request may take, and the proxy: what a client is made of."""
        return self.token, self.api_url, self.timeout.total_seconds(), self.proxy

    @property
    def wants_pictures(self) -> bool:
        return self.pictures

    @property
    def takes_pictures(self) -> bool:
        return True
