"""What a chart is made of: the amounts and prices of holdings over a time, and when accounts were read.

Long histories are thinned here already, by the database: of each stretch of time the lowest, the highest and
the last row, and the one that spans the longest time without a reading.
"""

# ruff: noqa: S608 - only constants of this file are joined into statements

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from watcher.domain.history.timeline import Gap, Point
from watcher.domain.model import Account, Asset
from watcher.ports.queries import ChartData, ChartQuery, Holding, Track
from watcher.store.codec import from_ms, time, to_ms
from watcher.store.postgres.pool import Connection, stream
from watcher.store.postgres.questions.asking import accounts_of
from watcher.store.sql.happenings import marks
from watcher.store.sql.history import runs
from watcher.store.sql.reading_times import looked

STRETCHES = 1000
"""Stretches of time into which a long history is cut: as many as a chart has room for."""

WHOLE = 3 * STRETCHES
"""Rows up to which nothing is thinned."""

Rows = dict[tuple[int, int], list[tuple[Any, ...]]]
"""Rows by the numbers of account and asset."""


def read(conn: Connection, wanted: ChartQuery) -> ChartData:
    """The caller owns the transaction."""
    keys = {account: key for key, account in accounts_of(conn, wanted.accounts).items()}
    names = {keys[account]: account for account in wanted.accounts if account in keys}
    since, until = to_ms(wanted.since), to_ms(wanted.until)
    asked = {"since": since, "until": until, "stretch": max((until - since) // STRETCHES, 1)}
    held = conn.execute(_HELD, {"accounts": list(names)}).fetchall()
    shown = [row for row in held if _shown(wanted, row)]
    prices = _prices(conn, asked, {row[1]: Asset(row[2], row[3]) for row in shown})
    return ChartData(
        tuple(_tracks(conn, wanted, asked, names, shown)),
        prices,
        {account: looked(conn, wanted, account, key) for key, account in names.items()},
        tuple(runs(conn)),
        tuple(marks(conn, wanted)) if wanted.wallet else (),
        tuple(Holding(names[row[0]], Asset(row[2], row[3]), row[4], row[5]) for row in held)
        if wanted.wallet
        else (),
    )


_HELD = """
    SELECT b.account, b.asset, s.chain, s.token, s.symbol, s.price IS NOT NULL, q.asset IS NOT NULL
    FROM balances b JOIN assets s ON s.id = b.asset LEFT JOIN quarantine q USING (account, asset)
    WHERE b.account = ANY(%(accounts)s) ORDER BY array_position(%(accounts)s, b.account), b.asset
"""


def _shown(wanted: ChartQuery, row: Sequence[Any]) -> bool:
    _, _, chain, token, _, priced, shut = row
    return (chain, token) == wanted.asset if wanted.asset is not None else priced and not shut


def known_since(conn: Connection, accounts: Sequence[Account]) -> datetime | None:
    """When one of these accounts was first read; None if none was."""
    sql = (
        "SELECT min(f.at) FROM balances b CROSS JOIN LATERAL ("
        " SELECT coalesce(before_at, after_at) AS at FROM changes WHERE account = b.account"
        " AND asset = b.asset ORDER BY after_at LIMIT 1) f WHERE b.account = ANY(%s)"
    )
    row = conn.execute(sql, (list(accounts_of(conn, accounts)),)).fetchone()
    return time(row[0]) if row is not None else None


def _tracks(
    conn: Connection,
    wanted: ChartQuery,
    asked: Mapping[str, Any],
    names: Mapping[int, Account],
    shown: Sequence[Sequence[Any]],
) -> Iterable[Track]:
    keys = [(row[0], row[1]) for row in shown]
    counts = {(row[0], row[1]): row[2] for row in conn.execute(_COUNT, {**asked, **_of(keys)})}
    before = _by_holding(conn, _BEFORE, asked, keys)
    within = _by_holding(conn, _CHANGES, asked, [key for key in keys if counts.get(key, 0) <= WHOLE])
    within |= _by_holding(conn, _THINNED, asked, [key for key in keys if counts.get(key, 0) > WHOLE])
    for account, asset, chain, token, symbol, *_ in shown:
        last, rows = before.get((account, asset), []), within.get((account, asset), [])
        points = [Point(from_ms(row[0]), row[1]) for row in last + rows]
        if not last and rows and rows[0][3] is not None:  # it held nothing of this asset until then
            points.insert(0, Point(wanted.since, rows[0][3]))
        spans = tuple(Gap(from_ms(row[2]), from_ms(row[0])) for row in rows if row[2] is not None)
        yield Track(names[account], Asset(chain, token), symbol, tuple(points), spans)


def _of(keys: Sequence[tuple[int, int]]) -> dict[str, list[int]]:
    return {"accounts": [key[0] for key in keys], "assets": [key[1] for key in keys]}


def _by_holding(
    conn: Connection, sql: str, asked: Mapping[str, Any], keys: Sequence[tuple[int, int]]
) -> Rows:
    found: Rows = {}
    for account, asset, *row in stream(conn, sql, {**asked, **_of(keys)}) if keys else ():
        found.setdefault((account, asset), []).append(tuple(row))
    return found


_HOLDINGS = "unnest(%(accounts)s::bigint[], %(assets)s::bigint[]) AS h (account, asset)"
_COLUMNS = "account, asset, after_at, after, before_at, before, id"
_WITHIN = (
    f"FROM {_HOLDINGS} JOIN changes USING (account, asset)"
    " WHERE after_at > %(since)s AND after_at <= %(until)s"
)
_COUNT = f"SELECT account, asset, count(*) {_WITHIN} GROUP BY account, asset"
_CHANGES = f"SELECT {_COLUMNS} {_WITHIN} ORDER BY after_at, id"
_BEFORE = f"""
    SELECT account, asset, after_at, after, before_at, before, id FROM {_HOLDINGS} CROSS JOIN LATERAL (
        SELECT after_at, after, before_at, before, id FROM changes
        WHERE account = h.account AND asset = h.asset AND after_at <= %(since)s
        ORDER BY after_at DESC, id DESC LIMIT 1) c
"""


def _chosen(order: str) -> str:
    """Of each stretch the first row in an order."""
    return (
        f"(SELECT DISTINCT ON (account, asset, stretch) {_COLUMNS} FROM chosen"
        f" ORDER BY account, asset, stretch, {order})"
    )


_ORDERS = ("id DESC", "after DESC, id", "after, id", "after_at - before_at DESC NULLS LAST, id")
_THINNED = f"""
    WITH chosen AS MATERIALIZED (SELECT {_COLUMNS}, after_at / %(stretch)s AS stretch {_WITHIN})
    SELECT {_COLUMNS} FROM ({" UNION ".join(map(_chosen, _ORDERS))}) few ORDER BY after_at, id
"""


def _prices(
    conn: Connection, asked: Mapping[str, Any], assets: Mapping[int, Asset]
) -> dict[Asset, tuple[Point, ...]]:
    """Prices of each of these assets, the last one before the time included."""
    found: dict[int, list[Point]] = {key: [] for key in assets}
    counts = conn.execute(_COUNT_PRICES, {**asked, "assets": list(assets)}).fetchall()
    few, many = ([key for key, rows in counts if (rows > WHOLE) is long] for long in (False, True))
    for sql, keys in ((_PRICE_BEFORE, list(assets)), (_PRICES, few), (_THINNED_PRICES, many)):
        for key, at, price in stream(conn, sql, {**asked, "assets": keys}) if keys else ():
            found[key].append(Point(from_ms(at), price))
    return {assets[key]: tuple(points) for key, points in found.items()}


_PRICED = "FROM prices WHERE asset = ANY(%(assets)s) AND at > %(since)s AND at <= %(until)s"
_COUNT_PRICES = f"SELECT asset, count(*) {_PRICED} GROUP BY asset"
_PRICES = f"SELECT asset, at, price {_PRICED} ORDER BY at"
_PRICE_BEFORE = """
    SELECT a.asset, p.at, p.price FROM unnest(%(assets)s::bigint[]) AS a (asset) CROSS JOIN LATERAL (
        SELECT at, price FROM prices WHERE asset = a.asset AND at <= %(since)s ORDER BY at DESC LIMIT 1) p
"""
_SOME = "(SELECT DISTINCT ON (asset, stretch) asset, at, price FROM chosen ORDER BY asset, stretch, {})"
_LAST_AND_EXTREMES = " UNION ".join(map(_SOME.format, ("at DESC", "price DESC", "price")))
_THINNED_PRICES = f"""
    WITH chosen AS MATERIALIZED (SELECT asset, at, price, at / %(stretch)s AS stretch {_PRICED})
    SELECT asset, at, price FROM ({_LAST_AND_EXTREMES}) few
    ORDER BY at
"""
