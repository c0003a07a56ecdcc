"""Setup of a webhook: who posts, and with which key."""

from __future__ import annotations

from collections.abc import Sequence

from watcher.domain.model import Account
from watcher.domain.values.chains import EVM, canonical
from watcher.hints.setup import HintDraft, HintSetup
from watcher.ports.dialogue import Dialogue

SCHEMES = {
    "generic": "a script of yours",
    "alchemy": "Alchemy, Address Activity",
    "quicknode": "QuickNode, Webhooks or Streams",
    "helius": "Helius, for Solana",
}
KEYS = {
    "generic": "Key to sign with, from `openssl rand -hex 32`",
    "alchemy": "Signing key of the webhook at Alchemy",
    "quicknode": "Security token of the webhook at QuickNode",
    "helius": "authHeader of the webhook at Helius, from `openssl rand -hex 32`",
}
_NONE = "-"


def _draft(dialogue: Dialogue, accounts: Sequence[Account]) -> HintDraft:
    scheme = dialogue.choose("Who posts", SCHEMES, "generic")
    settings = {"scheme": scheme}
    if scheme == "alchemy":
        settings["chains"] = f"{{{', '.join(_networks(dialogue, accounts))}}}"
    variable = f"{scheme.upper()}_SIGNING_KEY"
    name = "scripts" if scheme == "generic" else scheme
    dialogue.say(f"  It is posted to /hints/{name} of the status page's server, so that must be reached.")
    return HintDraft(name, {**settings, "signing_key": f'"${{{variable}}}"'}, {variable: KEYS[scheme]})


def _networks(dialogue: Dialogue, accounts: Sequence[Account]) -> list[str]:
    """What Alchemy calls each chain; of one alone its document says it: ETH_MAINNET."""
    found = []
    for chain in dict.fromkeys(each.chain for each in accounts if canonical(each.chain) in EVM):
        usual = "ETH_MAINNET" if canonical(chain) == "ethereum" else _NONE
        network = dialogue.ask(f"Alchemy's name of {chain} ({_NONE}: no hints for it)", usual)
        found += [f"{network}: {chain}"] if network != _NONE else []
    return found


SETUP = HintSetup("posts of Alchemy, QuickNode or Helius, or of a script of yours", _draft)
