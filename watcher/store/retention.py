"""What is too old to keep, dropped in steps small enough never to hold up a poll."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta

from watcher.store.text import to_ms

STEP = 500
"""Rows deleted in one transaction."""

POLL_LOG = timedelta(days=35)
SETTLED_DELIVERIES = timedelta(days=90)
PRICES = timedelta(days=400)
RESOLVED_ALERTS = timedelta(days=400)
FREED_PAGES = 200

# Balances, changes and the hours of spending are kept for ever: they are the history, and small.
_RULES = (
    ("requests", "reserved_at < ? AND ended_at IS NOT NULL", POLL_LOG),
    ("deliveries", "created < ? AND state IN ('sent', 'dropped', 'given_up')", SETTLED_DELIVERIES),
    ("messages", "at < ? AND id NOT IN (SELECT message FROM deliveries)", SETTLED_DELIVERIES),
    ("alerts", "state = 'resolved' AND resolved_at < ?", RESOLVED_ALERTS),
)


def tidy(conn: sqlite3.Connection, now: datetime) -> bool:
    """One step: drop up to `STEP` rows of the first table that has any; whether to come again.

    The caller owns the transaction.
    """
    for table, where, age in _RULES:
        sql = f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} WHERE {where} LIMIT {STEP})"  # noqa: S608
        if conn.execute(sql, (to_ms(now - age),)).rowcount > 0:
            return True
    sql = (
        "DELETE FROM prices WHERE (asset, at) IN (SELECT asset, at FROM prices WHERE at < ?"  # noqa: S608
        f" AND at NOT IN (SELECT price_at FROM assets WHERE id = prices.asset) LIMIT {STEP})"
    )
    return conn.execute(sql, (to_ms(now - PRICES),)).rowcount > 0


def give_back(conn: sqlite3.Connection) -> None:
    """Return some freed pages to the file system; never a whole VACUUM."""
    conn.execute(f"PRAGMA incremental_vacuum({FREED_PAGES})").fetchall()
