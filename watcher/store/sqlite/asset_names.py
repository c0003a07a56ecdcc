"""What assets are called, were called, and are written as elsewhere. The caller owns the transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from datetime import datetime

from watcher.domain.decision import Decision
from watcher.domain.model import Asset
from watcher.store.sqlite.codec import from_ms, storable, to_ms


class AssetNames:
    """What the store has in memory of it, as `Snapshot` has it."""

    def __init__(self) -> None:
        self.symbols: dict[Asset, str] = {}
        self.same: dict[Asset, Asset] = {}
        self.former: dict[Asset, tuple[str, ...]] = {}
        self.named_at: dict[Asset, datetime] = {}

    @classmethod
    def of(cls, conn: sqlite3.Connection, assets: Mapping[int, Asset]) -> AssetNames:
        """Read, but for the symbols."""
        found = cls()
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

    def take(self, conclusion: Decision) -> None:
        """Take over what was committed."""
        if not (conclusion.symbols or conclusion.same or conclusion.former):
            return
        for asset in conclusion.symbols:
            if self.symbols.get(asset):
                self.named_at[asset] = conclusion.at
        self.symbols.update(conclusion.symbols)
        # Anew each time, which is seldom: other threads go through them.
        self.same = {**self.same, **conclusion.same}
        self.former = {**self.former, **conclusion.former}


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
