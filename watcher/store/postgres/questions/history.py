"""What a backtest reads: history from some time on, as it was recorded."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from watcher.domain.history.reconstruction import RecordedHistory
from watcher.domain.model import Account, Asset, Change, Quote
from watcher.store.codec import from_ms, time, to_ms
from watcher.store.postgres.pool import Connection, stream
from watcher.store.postgres.questions import polls
from watcher.store.postgres.questions.asking import accounts, accounts_of, columns
from watcher.store.postgres.questions.past import names as read_names

HELD = """
    SELECT b.account, b.asset, h.after FROM balances b CROSS JOIN LATERAL (
        SELECT c.after FROM changes c
        WHERE c.account = b.account AND c.asset = b.asset AND c.after_at < %(since)s
        ORDER BY c.after_at DESC, c.id DESC LIMIT 1) h
"""
"""The last amount of each holding before a time: by the index, one look-up a holding."""


def recorded(conn: Connection, since: datetime) -> RecordedHistory:
    """Everything from `since` on, and what was held before. The caller owns the transaction."""
    names = accounts(conn)
    assets: dict[int, Asset] = {}
    symbols: dict[Asset, str] = {}
    for key, chain, token, symbol in conn.execute("SELECT id, chain, token, symbol FROM assets"):
        assets[key] = Asset(chain, token)
        symbols[assets[key]] = symbol
    log, others = polls.records(conn, since, names, assets), read_names(conn, assets)
    return RecordedHistory(
        changes=_changes(conn, since, names, assets, symbols),
        held=_held(conn, since, names, assets),
        prices=_prices(conn, since, assets),
        symbols=symbols,
        polls=log,
        runs=polls.runs(conn),
        same=others.same,
        former=others.former,
        known_from=log[0].at if log else None,
    )


def oldest(conn: Connection) -> datetime | None:
    """When history begins."""
    row = conn.execute("SELECT after_at FROM changes ORDER BY after_at LIMIT 1").fetchone()
    return time(row[0]) if row is not None else None


def _changes(
    conn: Connection,
    since: datetime,
    names: Mapping[int, Account],
    assets: Mapping[int, Asset],
    symbols: Mapping[Asset, str],
) -> list[Change]:
    sql = (
        "SELECT account, asset, before, after, before_at, after_at, price_before, price_after"
        " FROM changes WHERE after_at >= %s ORDER BY after_at, id"
    )
    found = []
    for account, key, before, after, before_at, after_at, *prices in stream(conn, sql, (to_ms(since),)):
        asset = assets[key]
        times = (time(before_at), from_ms(after_at))
        found.append(Change(names[account], asset, symbols[asset], before, after, *times, *prices))
    return found


def _held(
    conn: Connection, since: datetime, names: Mapping[int, Account], assets: Mapping[int, Asset]
) -> dict[Account, dict[Asset, Decimal]]:
    found: dict[Account, dict[Asset, Decimal]] = {}
    for account, asset, held in stream(conn, HELD, {"since": to_ms(since)}):
        found.setdefault(names[account], {})[assets[asset]] = held
    return found


def _prices(conn: Connection, since: datetime, assets: Mapping[int, Asset]) -> dict[Asset, list[Quote]]:
    """The prices kept since then, each asset's last one before that included."""
    sql = (
        "SELECT p.asset, p.at, p.price FROM prices p LEFT JOIN"
        " (SELECT asset, max(at) AS at FROM prices WHERE at <= %(since)s GROUP BY asset) b USING (asset)"
        " WHERE p.at >= coalesce(b.at, 0) ORDER BY p.asset, p.at"
    )
    found: dict[Asset, list[Quote]] = {}
    for asset, at, price in stream(conn, sql, {"since": to_ms(since)}):
        found.setdefault(assets[asset], []).append(Quote(price, from_ms(at)))
    return found


def history(
    conn: Connection,
    limit: int,
    accounts: Sequence[Account] | None = None,
    since: datetime | None = None,
    assets: Collection[Asset] | None = None,
    skip: int = 0,
) -> list[Change]:
    """Changes, newest first; baselines (`before` None) are left out."""
    where, asked = _wanted(conn, accounts, since, assets)
    sql = (
        "SELECT a.source, a.chain, a.address, s.chain, s.token, s.symbol, c.before, c.after, c.before_at,"  # noqa: S608
        " c.after_at, c.price_before, c.price_after, c.drift"
        " FROM changes c JOIN accounts a ON a.id = c.account JOIN assets s ON s.id = c.asset"
        f" WHERE {where} ORDER BY c.after_at DESC, c.id DESC LIMIT %(limit)s OFFSET %(skip)s"
    )
    return [_change(row) for row in conn.execute(sql, {**asked, "limit": limit, "skip": skip})]


def _wanted(
    conn: Connection,
    wanted: Sequence[Account] | None,
    since: datetime | None,
    assets: Collection[Asset] | None,
) -> tuple[str, dict[str, Any]]:
    """Found by index, however much others have moved."""
    where, asked = ["c.before IS NOT NULL"], dict[str, Any]()
    if since is not None:
        where.append("c.after_at >= %(since)s")
        asked["since"] = to_ms(since)
    if wanted is not None:
        where.append("c.account = ANY(%(accounts)s)")
        asked["accounts"] = list(accounts_of(conn, wanted))
    if assets is not None:
        where.append(
            "c.asset = ANY(ARRAY(SELECT id FROM assets JOIN unnest(%(on)s::text[], %(tokens)s::text[])"
            " AS w (chain, token) USING (chain, token)))"
        )
        asked |= columns(("on", "tokens"), set(assets))
    return " AND ".join(where), asked


def _change(row: tuple[Any, ...]) -> Change:
    held, times, more = row[5:8], (time(row[8]), from_ms(row[9])), row[10:]
    return Change._make((Account(*row[:3]), Asset(*row[3:5]), *held, *times, *more, False))
