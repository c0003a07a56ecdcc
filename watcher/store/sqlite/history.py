"""History, as it was recorded. The caller owns the transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from watcher.domain.history.reconstruction import RecordedHistory
from watcher.domain.model import Account, Asset, Change
from watcher.store.codec import from_ms, number, time, to_ms
from watcher.store.sql import history as shared
from watcher.store.sqlite.connection import StoreConnection

HELD = """
    SELECT b.account, b.asset, (SELECT c.after FROM changes c WHERE c.account = b.account
        AND c.asset = b.asset AND c.after_at < :since ORDER BY c.after_at DESC, c.id DESC LIMIT 1) AS held
    FROM balances b WHERE held IS NOT NULL
"""
"""The last amount of each holding before a time: by the index, one look-up a holding."""


def recorded(conn: StoreConnection, since: datetime) -> RecordedHistory:
    return shared.recorded(conn, since, HELD)


def oldest(conn: sqlite3.Connection) -> datetime | None:
    """When history begins."""
    return time(conn.execute("SELECT min(after_at) FROM changes").fetchone()[0])


FEW = 100
"""Accounts whose history is looked up one by one."""


def history(
    conn: sqlite3.Connection,
    limit: int,
    accounts: Sequence[Account] | None = None,
    since: datetime | None = None,
    assets: Collection[Asset] | None = None,
    skip: int = 0,
) -> list[Change]:
    """Changes, newest first; baselines (`before` None) are left out."""
    sql = (
        "SELECT a.source, a.chain, a.address, s.chain, s.token, s.symbol, c.before, c.after,"
        " c.before_at, c.after_at, c.price_before, c.price_after, c.drift FROM changes c{by}"
        " JOIN accounts a ON a.id = c.account JOIN assets s ON s.id = c.asset"
        " WHERE c.before IS NOT NULL AND c.after_at >= ?"
    )
    wanted = None if accounts is None else set(accounts)
    parameters: list[int | str] = [to_ms(since) if since else -(2**62)]
    if wanted is not None and len(wanted) <= FEW:  # found by index, however much others have moved
        sql += " AND c.account IN (SELECT id FROM accounts WHERE address IN (SELECT value FROM json_each(?)))"
        parameters.append(json.dumps([account.address for account in wanted]))
    by = ""
    if assets is not None and len(assets) <= FEW:  # of one that seldom moved, all of history would be read
        by = " INDEXED BY changes_by_holding"
        sql += " AND c.account IN (SELECT id FROM accounts) AND c.asset IN (SELECT k.id FROM assets k"
        sql += " JOIN json_each(?) j ON k.chain = json_extract(j.value, '$[0]')"
        sql += " AND k.token = json_extract(j.value, '$[1]'))"
        parameters.append(json.dumps(list(assets)))
    sql += " ORDER BY c.after_at DESC, c.id DESC"
    found: list[Change] = []
    for row in conn.execute(sql.format(by=by), parameters):
        account = Account(*row[:3])
        if (wanted is None or account in wanted) and (assets is None or Asset(*row[3:5]) in assets):
            if skip:
                skip -= 1
                continue
            found.append(_change(account, row[3:]))
        if len(found) >= limit:
            break
    return found


def _change(account: Account, row: tuple[Any, ...]) -> Change:
    chain, token, symbol, before, after, before_at, after_at, price_before, price_after, drift = row
    times, prices = (time(before_at), from_ms(after_at)), (number(price_before), number(price_after))
    return Change(
        account, Asset(chain, token), symbol, number(before), Decimal(after), *times, *prices, bool(drift)
    )
