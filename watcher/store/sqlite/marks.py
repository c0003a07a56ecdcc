"""What rules remember, and what history tells them, as rows and back. The caller owns the transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from watcher.domain.model import Account, Asset, Change
from watcher.domain.rules.lookback import Baseline, BaselineOf, ChangesIn
from watcher.store.codec import canonical, from_ms, number, optional, time, to_ms

_CHANGES = (
    "SELECT before, after, before_at, after_at, price_before, price_after FROM changes"
    " WHERE account = ? AND asset = ? AND after_at > ? AND after_at <= ? ORDER BY after_at, id"
)


_NEWEST = (
    "SELECT before, after, before_at, after_at, price_before, price_after FROM changes"
    " WHERE account = ? AND asset = ? AND before IS NOT NULL"
    " ORDER BY after_at DESC, id DESC LIMIT ?"
)


def changes_in(
    conn: sqlite3.Connection, asked: ChangesIn, account: int | None, asset: int | None
) -> tuple[Change, ...]:
    """The changes of one holding within a time, found by index however long history is."""
    rows = conn.execute(_CHANGES, (account, asset, to_ms(asked.since), to_ms(asked.until)))
    return _changes(asked.account, asked.asset, rows)


def newest(conn: sqlite3.Connection, account: Account, asset: Asset, most: int) -> tuple[Change, ...]:
    """The last so many changes of one holding, oldest first; baselines are left out."""
    rows = conn.execute(_NEWEST, (*holding(conn, account, asset), most)).fetchall()
    return _changes(account, asset, reversed(rows))


def holding(conn: sqlite3.Connection, account: Account, asset: Asset) -> tuple[int | None, int | None]:
    """The keys of both; None for what the store does not know."""
    one = "SELECT id FROM accounts WHERE source = ? AND chain = ? AND address = ?"
    other = "SELECT id FROM assets WHERE chain = ? AND token = ?"
    first, second = conn.execute(one, account).fetchone(), conn.execute(other, asset).fetchone()
    return first and first[0], second and second[0]


def _changes(account: Account, asset: Asset, rows: Iterable[tuple[Any, ...]]) -> tuple[Change, ...]:
    where, found = (account, asset, ""), []
    text, amount = None, None  # what one change led to, the next one mostly begins with
    for before, after, before_at, after_at, price_before, price in rows:
        was = amount if before == text else number(before)
        text, amount = after, Decimal(after)
        times = (time(before_at), from_ms(after_at))
        found.append(Change(*where, was, amount, *times, number(price_before), number(price)))
    return tuple(found)


def mark_of(
    conn: sqlite3.Connection, asked: BaselineOf, account: int | None, asset: int | None
) -> Baseline | None:
    sql = "SELECT fingerprint, amount, at, price FROM marks WHERE account = ? AND asset = ? AND rule = ?"
    row = conn.execute(sql, (account, asset, asked.rule)).fetchone()
    if row is None:
        return None
    fingerprint, amount, at, price = row
    return Baseline(
        asked.rule, fingerprint, asked.account, asked.asset, Decimal(amount), from_ms(at), number(price)
    )


def mark(conn: sqlite3.Connection, asked: BaselineOf) -> Baseline | None:
    """The same for who has no keys."""
    return mark_of(conn, asked, *holding(conn, asked.account, asked.asset))


def changes(conn: sqlite3.Connection, asked: ChangesIn) -> tuple[Change, ...]:
    return changes_in(conn, asked, *holding(conn, asked.account, asked.asset))


def remember(
    conn: sqlite3.Connection,
    marks: Iterable[Baseline],
    accounts: Mapping[Account, int],
    assets: Mapping[Asset, int],
) -> None:
    """A mark replaces the one before of the same rule and holding."""
    rows = [
        (
            accounts[mark.account], assets[mark.asset], mark.rule, mark.fingerprint, canonical(mark.amount),
            optional(mark.price), to_ms(mark.at),
        )
        for mark in marks
    ]  # fmt: skip
    conn.executemany(
        "INSERT OR REPLACE INTO marks (account, asset, rule, fingerprint, amount, price, at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        rows,
    )


def forget_holdings(conn: sqlite3.Connection, holdings: Iterable[tuple[int, int]]) -> None:
    """Forget what rules remembered of these holdings."""
    conn.executemany("DELETE FROM marks WHERE account = ? AND asset = ?", holdings)


def forget(conn: sqlite3.Connection, standing: Mapping[str, str]) -> None:
    """Drop what rules remembered that are there no more; what was another wording's is marked so for good."""
    rules = (json.dumps(dict(standing)),)
    conn.execute("DELETE FROM marks WHERE rule NOT IN (SELECT key FROM json_each(?))", rules)
    conn.execute(
        "UPDATE marks SET fingerprint = '' WHERE fingerprint <> '' AND NOT EXISTS"
        " (SELECT 1 FROM json_each(?) j WHERE j.key = marks.rule AND j.value = marks.fingerprint)",
        rules,
    )
