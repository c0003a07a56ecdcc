"""Setup of an Electrum server: its chain and its address."""

from __future__ import annotations

import json
from collections.abc import Sequence

from watcher.domain.model import Account
from watcher.hints.setup import HintDraft, HintSetup
from watcher.ports.dialogue import Dialogue


def setup_for(chains: Sequence[str]) -> HintSetup:
    """The offer to somebody with accounts on these chains."""

    def draft(dialogue: Dialogue, _accounts: Sequence[Account]) -> HintDraft:
        chain = chains[0]
        if len(chains) > 1:
            chain = dialogue.choose("Of which chain", dict.fromkeys(chains, "an Electrum server"), chain)
        url = dialogue.ask("Address of the Electrum server, as ssl://HOST:50002")
        return HintDraft(f"{chain}-electrum", {"url": json.dumps(url), "chains": f"[{chain}]"})

    return HintSetup(f"an Electrum server, for {' and '.join(chains)}", draft)
