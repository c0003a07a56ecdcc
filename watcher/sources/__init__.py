"""Sources of balances. A kind of source is one folder and one entry in `KINDS`."""

from __future__ import annotations

from collections.abc import Mapping

from watcher.sources.coinstats.settings import CoinStatsSettings
from watcher.sources.kind import SourceKind
from watcher.sources.teos.settings import TeosSettings

KINDS: Mapping[str, type[SourceKind]] = {"coinstats": CoinStatsSettings, "teos": TeosSettings}
"""The word after `kind:` → the kind that reads the settings there, and builds the source."""
