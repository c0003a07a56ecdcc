"""What a statement is made of: amounts and prices at both ends of a time, and all that happened between."""

# ruff: noqa: S608 - only constants of this file are joined into statements

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Generator, Mapping
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any

from watcher.domain.history.timeline import Gap
from watcher.domain.model import Account, Asset, Change, Quote
from watcher.ports.period import MovedHolding, StatementData, Step
from watcher.store.codec import from_ms, number, time, to_ms
from watcher.store.sql import alerts, events, ledger
from watcher.store.sql.history import runs
from watcher.store.sql.names import assets as all_assets
from watcher.store.sqlite.connection import StoreConnection
from watcher.store.sqlite.history import HELD

Names = Mapping[int, Account]


def read(
    conn: StoreConnection,
    accounts: Collection[Account],
    since: datetime,
    until: datetime,
    *,
    holdings: bool = True,
) -> StatementData:
    """The caller owns the transaction."""
    asked, names = {"since": to_ms(since), "until": to_ms(until)}, _accounts(conn, accounts)
    assets, symbols = dict[int, Asset](), dict[int, str]()
    for key, chain, token, symbol in conn.execute("SELECT id, chain, token, symbol FROM assets"):
        assets[key], symbols[key] = Asset(chain, token), symbol
    begins = conn.execute("SELECT min(reserved_at) FROM requests").fetchone()[0]
    return StatementData(
        _held(conn, asked, names, assets) if holdings else {},
        tuple(_changes(conn, asked, names, assets, symbols)) if holdings else (),
        _prices(conn, asked["since"], assets),
        _prices(conn, asked["until"], assets),
        tuple(alerts.within(conn, since, until)),
        tuple(events.within(conn, since, until)),
        _unread(conn, asked, names),
        tuple(runs(conn)),
        ledger.tallies(conn, asked["since"], asked["until"]),
        time(begins),
        ledger.spent_by(conn, asked["since"], asked["until"]),
    )


def moved(
    conn: StoreConnection,
    accounts: Collection[Account],
    since: datetime,
    until: datetime,
    stretches: int,
    asset: Asset | None = None,
) -> Generator[MovedHolding, None, None]:
    """Each holding that changed, row by row, for there may be very many. The caller owns the transaction."""
    asked = {"since": to_ms(since), "until": to_ms(until), "stretches": stretches, **_only(asset)}
    names = _accounts(conn, accounts)
    assets = all_assets(conn)
    within = f"FROM changes WHERE after_at >= :since AND after_at < :until{_ONE if asset is not None else ''}"
    held = (
        "SELECT b.account, b.asset, (SELECT c.after FROM changes c WHERE c.account = b.account"
        " AND c.asset = b.asset AND c.after_at < :since ORDER BY c.after_at DESC, c.id DESC LIMIT 1)"
        f" FROM (SELECT DISTINCT account, asset {within}) b ORDER BY b.account, b.asset"
    )
    steps = (
        "SELECT account, asset, before, after, (after_at - :since) * :stretches / (:until - :since), drift"
        f" {within} ORDER BY account, asset, after_at, id"
    )
    by_holding = groupby(conn.execute(steps, asked), key=itemgetter(0, 1))
    for (account, key, before), (_, rows) in zip(conn.execute(held, asked), by_holding, strict=True):
        found = tuple(Step(number(row[2]), Decimal(row[3]), row[4], bool(row[5])) for row in rows)
        if account in names:
            yield MovedHolding(names[account], assets[key], number(before), found)


_ONE = (
    " AND asset IN (SELECT id FROM assets WHERE chain = :chain AND token = :token)"
    " AND account IN (SELECT id FROM accounts)"  # by the index of holdings
)


def price_steps(
    conn: sqlite3.Connection, since: datetime, until: datetime, stretches: int, asset: Asset | None = None
) -> dict[Asset, list[Quote]]:
    """The caller owns the transaction."""
    one = "s.chain = :chain AND s.token = :token" if asset is not None else "1"
    sql = (
        "SELECT s.chain, s.token, p.price, p.at FROM assets s JOIN prices p ON p.asset = s.id AND p.at ="
        f" (SELECT max(q.at) FROM prices q WHERE q.asset = s.id AND q.at < :since) WHERE {one}"
    )
    within = (
        "SELECT s.chain, s.token, p.price, max(p.at) FROM assets s JOIN prices p ON p.asset = s.id"
        f" AND p.at >= :since AND p.at < :until WHERE {one}"
        " GROUP BY s.id, (p.at - :since) * :stretches / (:until - :since) ORDER BY s.id, 4"
    )
    asked = {"since": to_ms(since), "until": to_ms(until), "stretches": stretches, **_only(asset)}
    found: dict[Asset, list[Quote]] = {}
    for query in (sql, within):
        for chain, token, price, at in conn.execute(query, asked):
            found.setdefault(Asset(chain, token), []).append(Quote(Decimal(price), from_ms(at)))
    return found


def _only(asset: Asset | None) -> dict[str, Any]:
    return asset._asdict() if asset is not None else {}


def _accounts(conn: sqlite3.Connection, accounts: Collection[Account]) -> Names:
    wanted = set(accounts)
    rows = conn.execute("SELECT id, source, chain, address FROM accounts")
    return {row[0]: each for row in rows if (each := Account(*row[1:])) in wanted}


def _held(
    conn: sqlite3.Connection, asked: Mapping[str, int], names: Names, assets: Mapping[int, Asset]
) -> dict[tuple[Account, Asset], Decimal]:
    """The last amount of each holding before the beginning."""
    rows = conn.execute(HELD, asked)
    return {
        (names[account], assets[asset]): Decimal(held) for account, asset, held in rows if account in names
    }


def _changes(
    conn: sqlite3.Connection,
    asked: Mapping[str, int],
    names: Names,
    assets: Mapping[int, Asset],
    symbols: Mapping[int, str],
) -> list[Change]:
    sql = (
        "SELECT account, asset, before, after, before_at, after_at, price_before, price_after, drift"
        " FROM changes WHERE after_at >= :since AND after_at < :until ORDER BY after_at, id"
    )
    found = []
    for row in conn.execute(sql, asked):
        account, asset, before, after, before_at, after_at, price_before, price_after, drift = row
        if account in names:
            times, prices = (time(before_at), from_ms(after_at)), (number(price_before), number(price_after))
            held = (assets[asset], symbols[asset], number(before), Decimal(after))
            found.append(Change(names[account], *held, *times, *prices, bool(drift)))
    return found


def _prices(conn: sqlite3.Connection, at: int, assets: Mapping[int, Asset]) -> dict[Asset, Quote]:
    sql = (
        "SELECT s.id, p.price, p.at FROM assets s JOIN prices p ON p.asset = s.id AND p.at ="
        " (SELECT max(q.at) FROM prices q WHERE q.asset = s.id AND q.at < ?)"
    )
    return {
        assets[asset]: Quote(Decimal(price), from_ms(seen)) for asset, price, seen in conn.execute(sql, (at,))
    }


def _unread(
    conn: sqlite3.Connection, asked: Mapping[str, int], names: Names
) -> dict[Account, tuple[Gap, ...]]:
    found: dict[Account, tuple[Gap, ...]] = {}
    sql = "SELECT account, since, until FROM spells WHERE until > :since AND since < :until ORDER BY since"
    for account, since, until in conn.execute(sql, asked):
        if account in names:
            known = found.get(names[account], ())
            found[names[account]] = (*known, Gap(from_ms(since), from_ms(until)))
    return found
