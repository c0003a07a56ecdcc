"""The `assets:` of a configuration: what is said of assets, held against the wallets that there are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase

from watcher.config.document import Document
from watcher.config.problems import checked
from watcher.domain.model import Wallet
from watcher.domain.readings.asset_policies import AssetEntry
from watcher.domain.values.normalization import one_form
from watcher.domain.values.spelling import nearest


def read_assets(
    document: Document, wallets: Sequence[Wallet], sources: Collection[str]
) -> tuple[AssetEntry, ...]:
    """The sound entries; what is wrong with the others is reported in the document."""
    node = document.root.get("assets")
    if node is None or node.value is None:
        return ()
    if not isinstance(node.value, list):
        document.report(("assets",), "assets must be a list", "begin each entry with '- match: {assets: …}'")
        return ()
    known = {
        "wallets": {wallet.name for wallet in wallets},
        "tags": {tag for wallet in wallets for tag in wallet.tags},
        "sources": set(sources),
    }
    found = []
    for index in range(len(node.value)):
        entry = checked(document, ("assets", index), AssetEntry)
        if entry is None:
            continue
        found.append(entry)
        for key, names in known.items():
            for number, pattern in enumerate(getattr(entry.match, key)):
                if not any(fnmatchcase(one_form(name), pattern) for name in names):
                    what = f"no {key.removesuffix('s')} is called '{pattern}'"
                    document.report(("assets", index, "match", key, number), what, nearest(pattern, names))
    return tuple(found)
