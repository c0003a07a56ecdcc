"""Sources of balances. A kind of source is one folder and one entry in `KINDS`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watcher.system.registry import Registry

if TYPE_CHECKING:
    from watcher.sources.kind import SourceKind

KINDS: Registry[SourceKind] = Registry(
    __name__, {"coinstats": "coinstats.settings:CoinStatsSettings", "teos": "teos.settings:TeosSettings"}
)
"""The word after `kind:` → the kind that reads the settings there, and builds the source."""
