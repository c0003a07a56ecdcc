"""`explorers:` of a configuration: pages that show an account of a chain, beside those that ship."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from watcher.config.document import Document
from watcher.config.wallets import WalletSettings
from watcher.domain.values.chains import canonical
from watcher.domain.values.explorers import ADDRESS, SHIPPED
from watcher.domain.values.spelling import nearest

_PATTERN = re.compile(r"https?://[A-Za-z0-9.:-]+/[A-Za-z0-9._~/#?&=%+:@!,-]*")
_BRACED = re.compile(r"\{\w*\}")
"""A place to put something into; a slip in the word is said as what it is."""
REMEDY = f"as in https://eth.blockscout.com/address/{ADDRESS}"


def read_explorers(document: Document, wallets: Sequence[WalletSettings]) -> Mapping[str, str]:
    """The pattern of each chain, by its one spelling; what is wrong with one is reported in the document."""
    node = document.root.get("explorers")
    if node is None or node.value is None:
        return SHIPPED
    if not isinstance(node.value, dict):
        document.report(("explorers",), "explorers must be a mapping", "write 'CHAIN: web address' below it")
        return SHIPPED
    known = _known(wallets)
    found: dict[str, str] = {}
    for chain, pattern in node.children():
        loc = ("explorers", chain)
        if canonical(str(chain)) not in {canonical(each) for each in known}:
            document.report(loc, f"there is no chain '{chain}'", nearest(str(chain), known), key=True)
        if fault := _fault(pattern.value):
            document.report(loc, f"explorers.{chain} {fault}", REMEDY)
        else:
            found[canonical(str(chain))] = str(pattern.value)
    return {**SHIPPED, **found}


def _known(wallets: Sequence[WalletSettings]) -> set[str]:
    from watcher.sources.coinstats.chains import KNOWN

    return {*KNOWN, *(chain for wallet in wallets for chain in wallet.account_chains)}


def _fault(pattern: object) -> str:
    """What is wrong with a pattern; empty if nothing is."""
    if not isinstance(pattern, str) or not _PATTERN.fullmatch(_BRACED.sub("", pattern)):
        return "must be a web address"
    return "" if _BRACED.findall(pattern) == [ADDRESS] else f"must have {ADDRESS} in it, once"
