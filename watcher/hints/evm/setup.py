"""Setup of an EVM node: its chain, and its address, which is a secret."""

from __future__ import annotations

from collections.abc import Sequence

from watcher.domain.model import Account
from watcher.domain.values.chains import canonical
from watcher.hints.setup import HintDraft, HintSetup
from watcher.ports.dialogue import Dialogue

BLOCKS_OR_NOT = {
    "blocks": "native coins too: each block is read with its transactions",
    "balances": "native coins too: each balance is asked for after each block; for a node of your own",
    "none": "tokens alone, which costs a provider's customer the least",
}


def setup_for(chains: Sequence[str]) -> HintSetup:
    """The offer to somebody with accounts on these chains."""

    def draft(dialogue: Dialogue, _accounts: Sequence[Account]) -> HintDraft:
        chain = chains[0]
        if len(chains) > 1:
            chain = dialogue.choose("Of which chain is the node", dict.fromkeys(chains, "one node"), chain)
        native = dialogue.choose("What it tells", BLOCKS_OR_NOT, "blocks")
        name = canonical(chain)
        variable = f"{name.upper().replace('-', '_')}_WSS_URL"
        settings = {"url": f'"${{{variable}}}"', "chains": f"[{chain}]", "native": native}
        return HintDraft(f"{name}-node", settings, {variable: f"WebSocket of the {name} node, as wss://…"})

    words = " and ".join((*chains[:3], *(["others"] if len(chains) > 3 else [])))
    return HintSetup(f"an EVM node, your own or a provider's, for {words}", draft)
