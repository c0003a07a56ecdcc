"""What rules remember, and what history tells them. The caller owns the transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from watcher.domain.model import Account, Asset, Change
from watcher.domain.rules.lookback import Baseline, BaselineOf, ChangesIn
from watcher.store.codec import from_ms, time, to_ms
from watcher.store.postgres.pool import Connection

_HOLDING = """
    account = (SELECT id FROM accounts WHERE source = %s AND chain = %s AND address = %s)
    AND asset = (SELECT id FROM assets WHERE chain = %s AND token = %s)
"""
_COLUMNS = "before, after, before_at, after_at, price_before, price_after"


def changes_in(conn: Connection, asked: ChangesIn) -> tuple[Change, ...]:
    """The changes of one holding within a time, found by index however long history is."""
    sql = (
        f"SELECT {_COLUMNS} FROM changes WHERE {_HOLDING} AND after_at > %s AND after_at <= %s"  # noqa: S608
        " ORDER BY after_at, id"
    )
    where = (*asked.account, *asked.asset, to_ms(asked.since), to_ms(asked.until))
    return changes(asked.account, asked.asset, conn.execute(sql, where))


def newest(conn: Connection, account: Account, asset: Asset, most: int) -> tuple[Change, ...]:
    """The last so many changes of one holding, oldest first; baselines are left out."""
    sql = (
        f"SELECT {_COLUMNS} FROM changes WHERE {_HOLDING} AND before IS NOT NULL"  # noqa: S608
        " ORDER BY after_at DESC, id DESC LIMIT %s"
    )
    rows = conn.execute(sql, (*account, *asset, most)).fetchall()
    return changes(account, asset, reversed(rows))


def changes(account: Account, asset: Asset, rows: Iterable[Sequence[Any]]) -> tuple[Change, ...]:
    return tuple(
        Change(account, asset, "", before, after, time(before_at), from_ms(after_at), *prices)
        for before, after, before_at, after_at, *prices in rows
    )


def mark_of(conn: Connection, asked: BaselineOf) -> Baseline | None:
    """The amount that a rule compares the next change of a holding with."""
    sql = f"SELECT fingerprint, amount, at, price FROM marks WHERE {_HOLDING} AND rule = %s"  # noqa: S608
    row = conn.execute(sql, (*asked.account, *asked.asset, asked.rule)).fetchone()
    if row is None:
        return None
    fingerprint, amount, at, price = row
    return Baseline(asked.rule, fingerprint, asked.account, asked.asset, amount, from_ms(at), price)
