"""Hint sources: "look at this account now". A kind is one folder or file, and one entry in `KINDS`."""

from __future__ import annotations

from collections.abc import Mapping

from watcher.hints.coinstats_portfolio.settings import PortfolioHints
from watcher.hints.electrum.settings import ElectrumHints
from watcher.hints.evm.settings import EvmHintKind
from watcher.hints.kind import HintKind
from watcher.hints.solana.settings import SolanaHintKind
from watcher.hints.teos.settings import TeosHints
from watcher.hints.teos_poll.settings import TeosPollHints
from watcher.hints.webhook.settings import WebhookSettings

KINDS: Mapping[str, type[HintKind]] = {
    "coinstats-portfolio": PortfolioHints,
    "electrum": ElectrumHints,
    "evm": EvmHintKind,
    "solana": SolanaHintKind,
    "teos": TeosHints,
    "teos-poll": TeosPollHints,
    "webhook": WebhookSettings,
}
"""The word after `kind:` → the kind that reads the settings there, and builds the hint source."""
