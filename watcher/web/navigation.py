"""Navigation: the ways between the pages, those that are used most first."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

_FIRST = {
    "/": "Overview",
    "/alerts": "Alerts",
    "/wallets": "Wallets",
    "/portfolio": "Portfolio",
    "/assets": "Assets",
    "/rules": "Rules",
}
_MORE = {
    "/budget": "Budget",
    "/outbox": "Deliveries",
    "/silences": "Silences",
    "/channels": "Channels",
    "/quarantine": "Quarantine",
    "/audit": "Audit",
}


class Navigation(NamedTuple):
    """The ways of every page, by path. `more`: those that are shown when they are asked for."""

    first: dict[str, str]
    more: dict[str, str]


def navigation(paths: Collection[str]) -> Navigation:
    """The ways to those pages that there are."""
    return Navigation(
        *({path: name for path, name in part.items() if path in paths} for part in (_FIRST, _MORE))
    )
