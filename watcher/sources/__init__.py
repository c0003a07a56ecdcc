"""Where balances come from. A kind of source is one file and one entry in `KINDS`."""

from __future__ import annotations

from watcher.sources.coinstats.source import CoinStatsSettings
from watcher.sources.settings import Discovery, WatchedWallet
from watcher.sources.teos.source import TeosSettings

KINDS: dict[str, type[CoinStatsSettings] | type[TeosSettings]] = {
    "coinstats": CoinStatsSettings,
    "teos": TeosSettings,
}
"""The word after `kind:` → its settings model, which builds the source."""

__all__ = ["KINDS", "Discovery", "WatchedWallet"]
