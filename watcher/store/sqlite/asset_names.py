"""What assets are called, were called, and are written as elsewhere. The caller owns the transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from watcher.domain.decision import Decision
from watcher.domain.model import Asset
from watcher.store.codec import from_ms, storable, to_ms
from watcher.store.snapshot import AssetNames, OtherNames


def read_names(conn: sqlite3.Connection, assets: Mapping[int, Asset]) -> AssetNames:
    """Read, but for the symbols."""
    found = AssetNames()
    columns = "same_as, former, named_at"
    sql = f"SELECT id, {columns} FROM assets WHERE coalesce({columns}) NOT NULL"  # noqa: S608
    for number, same_as, former, named_at in conn.execute(sql):
        asset = assets[number]
        if same_as is not None:
            found.same[asset] = assets[same_as]
        if former is not None:
            found.former[asset] = tuple(json.loads(former))
        if named_at is not None:
            found.named_at[asset] = from_ms(named_at)
    return found


def other_names(conn: sqlite3.Connection) -> OtherNames:
    rows = conn.execute("SELECT id, chain, token FROM assets")
    names = read_names(conn, {number: Asset(chain, token) for number, chain, token in rows})
    return names.same, names.former


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
