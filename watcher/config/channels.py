"""What channels say of one another."""

from __future__ import annotations

from collections.abc import Mapping

from watcher.config.document import Document
from watcher.domain.alerts.fallback import circles
from watcher.domain.values.spelling import nearest
from watcher.notify.kind import ChannelKind


def check_fallbacks(document: Document, channels: Mapping[str, ChannelKind]) -> None:
    """Report fallbacks that are no channel, or that lead back to where they come from."""
    written = {name: kind.fallback for name, kind in channels.items() if kind.fallback is not None}
    section = document.root.get("channels")
    known = set(section.plain_keys()) if section is not None else set()
    for name, fallback in written.items():
        place = ("channels", name, "fallback")
        if fallback not in known:
            document.report(place, f"there is no channel '{fallback}'", nearest(fallback, known - {name}))
    for name in circles(written):
        remedy = "name a channel that does not fall back on this one"
        document.report(("channels", name, "fallback"), "the fallback leads back to this channel", remedy)
