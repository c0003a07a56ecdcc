"""Hint sources: "look at this account now". A kind is one folder or file, and one entry in `KINDS`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watcher.system.registry import Registry

if TYPE_CHECKING:
    from watcher.hints.kind import HintKind

KINDS: Registry[HintKind] = Registry(
    __name__,
    {
        "coinstats-portfolio": "coinstats_portfolio.settings:PortfolioHints",
        "electrum": "electrum.settings:ElectrumHints",
        "evm": "evm.settings:EvmHintKind",
        "solana": "solana.settings:SolanaHintKind",
        "teos": "teos.settings:TeosHints",
        "teos-poll": "teos_poll.settings:TeosPollHints",
        "webhook": "webhook.settings:WebhookSettings",
    },
)
"""The word after `kind:` → the kind that reads the settings there, and builds the hint source."""
