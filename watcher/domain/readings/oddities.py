"""What of an answer could not be used, in words for the operator."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from watcher.domain.model import Asset, Reading

MOST = 3
"""So many are named; the rest is counted."""

LONGEST = 40
"""Characters of a symbol, which comes from the API."""


def unread_in(reading: Reading, ignored: Collection[Asset], stale: Sequence[Asset]) -> str:
    """Which assets this reading mentions in a way that nobody should act on, and why; empty if none.

    `ignored`: assets that no rule sees. `stale`: those whose amounts this reading did not settle for
    another reason, which its notes have.
    """
    said = [
        f"{reading.symbols.get(asset, asset.token)[:LONGEST]} on {asset.chain}: {why}"
        for asset, why in reading.unclear.items()
        if asset not in ignored
    ]
    if not said and any(asset not in ignored for asset in stale):
        said = list(reading.notes)
    more = len(said) - MOST
    return "; ".join(said[:MOST]) + (f"; and {more} more" if more > 0 else "")
