"""History, as it was recorded. The caller owns the transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from watcher.domain.history.reconstruction import RecordedHistory
from watcher.domain.model import Account, Asset, Change
from watcher.store.codec import from_ms, time, to_ms
from watcher.store.postgres.pool import Connection
from watcher.store.postgres.questions.asking import accounts_of, columns
from watcher.store.sql import history as shared

HELD = """
    SELECT b.account, b.asset, h.after FROM balances b CROSS JOIN LATERAL (
        SELECT c.after FROM changes c
        WHERE c.account = b.account AND c.asset = b.asset AND c.after_at < :since
        ORDER BY c.after_at DESC, c.id DESC LIMIT 1) h
"""
"""The last amount of each holding before a time: by the index, one look-up a holding."""


def recorded(conn: Connection, since: datetime) -> RecordedHistory:
    return shared.recorded(conn, since, HELD)


def oldest(conn: Connection) -> datetime | None:
    """When history begins."""
    row = conn.execute("SELECT after_at FROM changes ORDER BY after_at LIMIT 1").fetchone()
    return time(row[0]) if row is not None else None


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
