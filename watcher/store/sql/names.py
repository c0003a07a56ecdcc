"""Accounts and assets by their numbers, and what assets are called. The caller owns the transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping

from watcher.domain.model import Account, Asset
from watcher.store.codec import from_ms
from watcher.store.snapshot import AssetNames, OtherNames
from watcher.store.sql.database import Database


def accounts(database: Database) -> dict[int, Account]:
    """Each account that was ever read, by its number."""
    rows = database.stream("SELECT id, source, chain, address FROM accounts")
    return {row[0]: Account(*row[1:]) for row in rows}


def assets(database: Database) -> dict[int, Asset]:
    """Each asset that was ever seen, by its number."""
    return {row[0]: Asset(*row[1:]) for row in database.stream("SELECT id, chain, token FROM assets")}


def asset_names(database: Database, numbers: Mapping[int, Asset]) -> AssetNames:
    """What assets are called, were called, and are written as elsewhere; but for the symbols."""
    found = AssetNames()
    sql = (
        "SELECT id, same_as, former, named_at FROM assets"
        " WHERE same_as IS NOT NULL OR former IS NOT NULL OR named_at IS NOT NULL"
    )
    for number, same_as, former, named_at in database.rows(sql):
        asset = numbers[number]
        if same_as is not None:
            found.same[asset] = numbers[same_as]
        if former is not None:
            found.former[asset] = tuple(json.loads(former))
        if named_at is not None:
            found.named_at[asset] = from_ms(named_at)
    return found


def other_names(database: Database) -> OtherNames:
    found = asset_names(database, assets(database))
    return found.same, found.former
