"""What a chart is made of: the amounts and prices of holdings over a time, and when accounts were read.

Long histories are thinned here already, by SQLite: of each stretch of time the lowest, the highest and
the last row, and the one that spans the longest time without a reading.
"""

# ruff: noqa: S608 - only constants of this file are joined into statements

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from watcher.domain.history.timeline import Gap, Point
from watcher.domain.model import Account, Asset
from watcher.ports.queries import (
    ChartData,
    ChartQuery,
    Holding,
    Track,
)
from watcher.store.codec import from_ms, number, time, to_ms
from watcher.store.sql.happenings import marks
from watcher.store.sql.history import runs
from watcher.store.sql.reading_times import looked
from watcher.store.sqlite.connection import StoreConnection

STRETCHES = 1000
"""Stretches of time into which a long history is cut: as many as a chart has room for."""

WHOLE = 3 * STRETCHES
"""Rows up to which nothing is thinned."""


def read(conn: StoreConnection, wanted: ChartQuery) -> ChartData:
    """The caller owns the transaction."""
    found, prices, times, held = [], {}, {}, []
    for account in wanted.accounts:
        row = conn.execute(
            "SELECT id FROM accounts WHERE source = ? AND chain = ? AND address = ?", account
        ).fetchone()
        if row is None:
            continue
        for asset_id, asset, symbol in _assets(conn, row[0], wanted.asset):
            found.append(_track(conn, wanted, (row[0], asset_id), account, asset, symbol))
            if asset not in prices:
                prices[asset] = _prices(conn, wanted, asset_id)
        times[account] = looked(conn, wanted, account, row[0])
        if wanted.wallet:
            held += _held(conn, row[0], account)
    return ChartData(
        tuple(found),
        prices,
        times,
        tuple(runs(conn)),
        tuple(marks(conn, wanted)) if wanted.wallet else (),
        tuple(held),
    )


def known_since(conn: sqlite3.Connection, accounts: Sequence[Account]) -> datetime | None:
    """When one of these accounts was first read; None if none was."""
    sql = (
        "SELECT min((SELECT coalesce(before_at, after_at) FROM changes WHERE account = b.account"
        " AND asset = b.asset ORDER BY after_at LIMIT 1)) FROM balances b WHERE b.account ="
        " (SELECT id FROM accounts WHERE source = ? AND chain = ? AND address = ?)"
    )
    found = [time(conn.execute(sql, account).fetchone()[0]) for account in accounts]
    return min((at for at in found if at is not None), default=None)


def _held(conn: sqlite3.Connection, key: int, account: Account) -> list[Holding]:
    rows = conn.execute(
        "SELECT s.chain, s.token, s.symbol, s.price IS NOT NULL FROM balances b JOIN assets s"
        " ON s.id = b.asset WHERE b.account = ?",
        (key,),
    )
    return [
        Holding(account, Asset(chain, token), symbol, bool(priced)) for chain, token, symbol, priced in rows
    ]


def _assets(conn: sqlite3.Connection, account: int, only: Asset | None) -> list[tuple[int, Asset, str]]:
    sql = (
        "SELECT s.id, s.chain, s.token, s.symbol FROM balances b JOIN assets s ON s.id = b.asset"
        " WHERE b.account = ?"
    )
    if only is None:
        asked = "NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.account = b.account AND q.asset = b.asset)"
        rows = conn.execute(f"{sql} AND s.price IS NOT NULL AND {asked}", (account,))
    else:
        rows = conn.execute(f"{sql} AND s.chain = ? AND s.token = ?", (account, *only))
    return [(key, Asset(chain, token), symbol) for key, chain, token, symbol in rows.fetchall()]


_COLUMNS = "after_at, after, before_at, before, id"
_CHANGES = (
    f"SELECT {_COLUMNS} FROM changes"
    " WHERE account = :account AND asset = :asset AND after_at > :since AND after_at <= :until"
)
_THINNED = f"""
    WITH chosen AS MATERIALIZED (
        SELECT {_COLUMNS}, after_at / :stretch AS stretch, CAST(after AS REAL) AS size FROM changes
        WHERE account = :account AND asset = :asset AND after_at > :since AND after_at <= :until)
    SELECT {_COLUMNS} FROM (
        SELECT {_COLUMNS}, max(id) FROM chosen GROUP BY stretch
        UNION SELECT {_COLUMNS}, max(size) FROM chosen GROUP BY stretch
        UNION SELECT {_COLUMNS}, min(size) FROM chosen GROUP BY stretch
        UNION SELECT {_COLUMNS}, max(after_at - before_at) FROM chosen GROUP BY stretch)
    GROUP BY id
"""


def _track(
    conn: sqlite3.Connection,
    wanted: ChartQuery,
    ids: tuple[int, int],
    account: Account,
    asset: Asset,
    symbol: str,
) -> Track:
    asked = {"account": ids[0], "asset": ids[1], **_times(wanted)}
    count = conn.execute(f"SELECT count(*) FROM ({_CHANGES})", asked).fetchone()[0]
    rows = conn.execute(_CHANGES if count <= WHOLE else _THINNED, asked).fetchall()
    rows.sort(key=lambda row: (row[0], row[4]))
    before = conn.execute(
        f"SELECT {_COLUMNS} FROM changes WHERE account = :account AND asset = :asset AND after_at <= :since"
        " ORDER BY after_at DESC, id DESC LIMIT 1",
        asked,
    ).fetchall()
    points = [Point(from_ms(row[0]), Decimal(row[1])) for row in before + rows]
    if not before and rows and rows[0][3] is not None:  # it held nothing of this asset until then
        points.insert(0, Point(wanted.since, Decimal(rows[0][3])))
    spans = tuple(Gap(from_ms(row[2]), from_ms(row[0])) for row in rows if row[2] is not None)
    return Track(account, asset, symbol, tuple(points), spans)


def _times(wanted: ChartQuery) -> dict[str, int]:
    since, until = to_ms(wanted.since), to_ms(wanted.until)
    return {"since": since, "until": until, "stretch": max((until - since) // STRETCHES, 1)}


_PRICES = "SELECT at, price FROM prices WHERE asset = :asset AND at > :since AND at <= :until"
_THINNED_PRICES = f"""
    WITH chosen AS MATERIALIZED (
        SELECT at, price, at / :stretch AS stretch, CAST(price AS REAL) AS size FROM ({_PRICES}))
    SELECT at, price FROM (
        SELECT at, price, max(at) FROM chosen GROUP BY stretch
        UNION SELECT at, price, max(size) FROM chosen GROUP BY stretch
        UNION SELECT at, price, min(size) FROM chosen GROUP BY stretch)
    GROUP BY at
"""


def _prices(conn: sqlite3.Connection, wanted: ChartQuery, asset: int) -> tuple[Point, ...]:
    asked = {"asset": asset, **_times(wanted)}
    count = conn.execute(f"SELECT count(*) FROM ({_PRICES})", asked).fetchone()[0]
    rows = conn.execute(_PRICES if count <= WHOLE else _THINNED_PRICES, asked).fetchall()
    sql = "SELECT at, price FROM prices WHERE asset = :asset AND at <= :since ORDER BY at DESC LIMIT 1"
    before = conn.execute(sql, asked).fetchall()
    return tuple(Point(from_ms(at), number(price)) for at, price in before + sorted(rows))
