"""The state of every account, read from disk as a whole and held in memory by the store thread."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Mapping
from decimal import Decimal
from functools import partial

from watcher.domain.decision import Snapshot
from watcher.domain.model import EMPTY, Account, Asset, Quote
from watcher.store.codec import from_ms
from watcher.store.rows import STATE, Times, doubt_from, flap_from, state_from
from watcher.store.snapshot import SnapshotCache
from watcher.store.sql import alerts
from watcher.store.sql.names import asset_names
from watcher.store.sqlite import quarantine
from watcher.store.sqlite.connection import StoreConnection

SHORT = 4
"""Amounts of so few characters are kept once for all; longer ones are seldom equal."""


class SqliteSnapshotCache(SnapshotCache):
    """Cache over one connection, with the row ids of accounts and assets; after a failure it is read anew."""

    def __init__(self, conn: StoreConnection) -> None:
        super().__init__()
        self.account_ids: dict[Account, int] = {}
        self.asset_ids: dict[Asset, int] = {}
        assets: dict[int, Asset] = {}
        symbols: dict[Asset, str] = {}
        for row in conn.execute("SELECT id, chain, token, symbol, price, price_at, doubt FROM assets"):
            asset = assets[row[0]] = Asset(sys.intern(row[1]), row[2])
            self.assets[asset] = asset
            self.asset_ids[asset] = row[0]
            symbols[asset] = row[3]
            if row[4] is not None:
                self.quotes[asset] = Quote(Decimal(row[4]), from_ms(row[5]))
            if row[6] is not None:
                self.doubts[asset] = doubt_from(row[6])
        self.names = asset_names(conn, assets)
        self.names.symbols = symbols
        amounts = _amounts(conn, assets)
        shut = quarantine.read(conn, assets)
        times = Times()
        for row in conn.execute(f"SELECT id, {', '.join(STATE)}, source, chain, address FROM accounts"):  # noqa: S608
            account = Account(sys.intern(row[-3]), sys.intern(row[-2]), row[-1])
            self.account_ids[account] = row[0]
            state = state_from(account, amounts.get(row[0], EMPTY), row[1:-3], times)
            self.states[account] = quarantine.kept(state, shut[row[0]]) if row[0] in shut else state
        for alert in alerts.live(conn):
            self.put(alert)
        for alert in alerts.owing(conn):
            self.index(alert)
        flaps = "SELECT rule, subject, times, since, said FROM flaps"
        self.flaps = dict(flap_from(row) for row in conn.execute(flaps))
        self.silences = tuple(alerts.silences(conn))


def read(conn: StoreConnection) -> Snapshot:
    """All of it at once."""
    return SqliteSnapshotCache(conn).whole()


def _amounts(conn: sqlite3.Connection, assets: Mapping[int, Asset]) -> dict[int, dict[Asset, Decimal]]:
    """What each account holds: one row an account, which is thrice as quick as one a balance."""
    by_text = {str(number): asset for number, asset in assets.items()}
    amounts: dict[int, dict[Asset, Decimal]] = {}
    shared: dict[str, Decimal] = {}
    sql = "SELECT account, group_concat(asset), group_concat(amount) FROM balances GROUP BY account"
    for account, numbers, joined in conn.execute(sql):
        texts = joined.split(",")
        shortest = min(map(len, texts))
        held = map(Decimal if shortest > SHORT else partial(_number, shared), texts)
        amounts[account] = dict(zip(map(by_text.__getitem__, numbers.split(",")), held, strict=True))
    return amounts


def _number(shared: dict[str, Decimal], text: str) -> Decimal:
    amount = shared.get(text)
    if amount is None:
        amount = Decimal(text)
        if len(text) <= SHORT:
            shared[text] = amount
    return amount
