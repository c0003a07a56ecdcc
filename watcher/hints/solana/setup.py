"""Setup of a Solana node: its address, which is a secret."""

from __future__ import annotations

from watcher.hints.setup import HintDraft, HintSetup


def setup_for() -> HintSetup:
    """The offer to somebody with accounts on Solana."""
    variable = "SOLANA_WSS_URL"
    draft = HintDraft(
        "solana-node", {"url": f'"${{{variable}}}"'}, {variable: "WebSocket of the Solana node, as wss://…"}
    )
    return HintSetup("a Solana node, your own or a provider's", lambda _dialogue, _accounts: draft)
