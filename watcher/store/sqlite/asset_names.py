"""What assets are called, were called, and are written as elsewhere. The caller owns the transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from watcher.domain.decision import Decision
from watcher.domain.model import Asset
from watcher.store.codec import storable, to_ms


def write(
    conn: sqlite3.Connection,
    symbols: Mapping[Asset, str],
    ids: Mapping[Asset, int],
    conclusion: Decision,
) -> None:
    """`symbols`: those of before; the first one that an asset gets is not dated."""
    rows = [
        (storable(symbol), to_ms(conclusion.at) if symbols.get(asset) else None, ids[asset])
        for asset, symbol in conclusion.symbols.items()
    ]
    conn.executemany("UPDATE assets SET symbol = ?, named_at = ? WHERE id = ?", rows)
    same = [(ids[asset], ids[new]) for new, asset in conclusion.same.items()]
    conn.executemany("UPDATE assets SET same_as = ? WHERE id = ?", same)
    former = [(json.dumps(list(map(storable, was))), ids[asset]) for asset, was in conclusion.former.items()]
    conn.executemany("UPDATE assets SET former = ? WHERE id = ?", former)
