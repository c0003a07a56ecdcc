"""Wishes: what the rules of the packs tell people, a sentence each, and packs without some of their rules.

A pack is for wallets of one purpose, which is their tag.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from importlib.resources import files

PACK_OF: Mapping[str, str] = {"treasury": "treasury", "hot": "hot-wallet", "gas": "gas", "issued": "issuer"}
"""Purpose → the pack of rules for it."""

WISHES: Mapping[str, Mapping[str, str]] = {
    "treasury": {
        "treasury-out": "1 % of a coin has left",
        "treasury-large-out": "a quarter of a coin has left within a day",
        "treasury-in": "$100 or more arrive",
        "treasury-asset-gone": "a coin worth $100 or more is gone",
        "treasury-new-asset": "a new coin worth $10 or more arrives",
        "treasury-silent": "a wallet could not be read for a day",
    },
    "hot": {
        "hot-wallet-large-out": "$10,000 or more leave at once",
        "hot-wallet-too-full": "a coin is worth more than $100,000",
        "hot-wallet-too-empty": "less than 1,000 USDC or USDT are left",
        "hot-wallet-silent": "a wallet could not be read for 6 hours",
    },
    "gas": {
        "gas-low": "less than 0.05 ETH are left",
        "gas-empty": "less than 0.005 ETH are left",
        "gas-runway": "what is left lasts less than 3 days",
        "gas-refilled": "a wallet was refilled",
        "gas-silent": "a wallet could not be read for 12 hours",
    },
    "issued": {
        "issued-moved": "any amount moves",
        "issued-large-move": "10 % move",
        "issued-gone": "an asset is gone",
        "issued-silent": "a wallet could not be read for an hour",
    },
}
"""Purpose → id of a rule → what its operator wants to know. Levels are changed in the rule file."""

_NEEDS_MORE = {"issued-not-covered"}
"""Rules of a pack that speak of wallets which nobody was asked for."""

_RULE = re.compile(r"(?m)^(?=  - id: )")
_TEST = re.compile(r"(?m)^(?=  - name: )")


def rule_files(purposes: Collection[str], unwanted: Collection[str] = ()) -> dict[str, str]:
    """Path below `rules/` → text: the packs for these purposes without the unwanted rules, and their tests.

    A test that speaks of a rule that is left out is left out too.
    """
    found: dict[str, str] = {}
    for purpose in dict.fromkeys(purposes):
        pack, out = PACK_OF[purpose], {*unwanted, *_NEEDS_MORE}
        folder = files("watcher") / "packs"
        head, *rules = _RULE.split((folder / f"{pack}.yaml").read_text(encoding="utf-8"))
        kept = [rule for rule in rules if _name(rule) not in out]
        if not kept:
            continue
        found[f"{pack}.yaml"] = (head + "".join(kept)).rstrip() + "\n"
        gone = [name for name in map(_name, rules) if name in out]
        head, *tests = _TEST.split((folder / "tests" / f"{pack}.yaml").read_text(encoding="utf-8"))
        sound = [test for test in tests if not any(re.search(rf"\b{name}\b", test) for name in gone)]
        if sound:
            found[f"tests/{pack}.yaml"] = (head + "".join(sound)).rstrip() + "\n"
    return found


def _name(rule: str) -> str:
    """The id with which the text of a rule begins."""
    return rule.removeprefix("  - id: ").split(maxsplit=1)[0]
