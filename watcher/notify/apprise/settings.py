"""Settings of a channel through apprise. apprise itself is loaded when such a channel is built."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Literal

from pydantic import SecretStr

from watcher.domain.messages.delivery import Delivery
from watcher.notify.kind import ChannelKind, Patience
from watcher.ports.channel import PLAINLY, Presentation
from watcher.system.addresses import Proxy
from watcher.system.imports import unseen

if TYPE_CHECKING:
    from watcher.notify.apprise.channel import AppriseChannel


class AppriseSettings(ChannelKind):
    """One apprise URL. `timeout`: how long one message may take before it is tried again."""

    kind: Literal["apprise"] = "apprise"
    url: SecretStr
    """Address of the service as apprise writes it, as in `tgram://…` or `mailtos://…`. A secret."""
    proxy: Proxy | None = None
    """Proxy on the way, for services over HTTP; left out: as HTTPS_PROXY, HTTP_PROXY and NO_PROXY say."""
    pictures: bool = False
    """Whether a chart goes with each alert (extra `charts`), where the service takes attachments."""
    timeout: Patience = timedelta(seconds=30)
    """How long one message may take before it is tried again; 0.1s to 10m."""

    def build(self, name: str, shown: Presentation = PLAINLY) -> AppriseChannel:
        return _loaded()(name, self.url, self.timeout.total_seconds(), self.proxy, shown, self.priority)

    @property
    def wants_pictures(self) -> bool:
        return self.pictures

    @property
    def takes_pictures(self) -> bool:
        return self.build("").takes_pictures

    @property
    def rings(self) -> bool | None:
        return self.build("").rings

    @property
    def hears_priority(self) -> bool:
        return self.rings is True

    def loudness(self, deliveries: Sequence[Delivery]) -> str:
        return self.build("").loudness(deliveries)

    @property
    def destination(self) -> str:
        return self.url.get_secret_value().strip()


@cache
def _loaded() -> type[AppriseChannel]:
    # requests would load what guesses in which alphabet an answer is that does not say so; without it, that
    # is UTF-8, and a warning.
    with unseen("chardet", "charset_normalizer"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from watcher.notify.apprise.channel import AppriseChannel

        return AppriseChannel
