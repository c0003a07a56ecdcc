"""What is too old to keep, dropped in steps small enough never to hold up a poll."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta

from watcher.store.ages import (
    FINE_PRICES,
    POLL_LOG,
    PRICES,
    RESOLVED_ALERTS,
    SETTLED_DELIVERIES,
    SPELLS,
    TRANSITIONS,
)
from watcher.store.codec import to_ms

STEP = 500
"""Rows deleted in one transaction."""

ASSETS = 20
"""Assets whose prices are looked through in one transaction, at most."""

PRICE_ROWS = 1000
"""Prices looked through in one transaction: some 10 ms."""

PRICES_EVERY = timedelta(days=1)
OVERLAP = timedelta(days=2)
FREED_PAGES = 200

_TABLES = (
    ("requests", "reserved_at < ?", POLL_LOG),
    ("hinted", "at < ?", POLL_LOG),
    ("deliveries", "created < ? AND state <> 'pending'", SETTLED_DELIVERIES),
    (
        "messages",
        "at < ? AND NOT EXISTS (SELECT 1 FROM deliveries WHERE message = messages.id)",
        SETTLED_DELIVERIES,
    ),
    ("flaps", "last < ?", TRANSITIONS),
    ("spells", "until < ?", SPELLS),
    ("silences", "until < ?", RESOLVED_ALERTS),
    ("event_acks", "at < ?", RESOLVED_ALERTS),
    ("alerts", "state = 'resolved' AND owed IS NULL AND resolved_at < ?", RESOLVED_ALERTS),
)

_SLICE_ENDS = "SELECT at FROM prices WHERE asset = ? AND at >= ? AND at < ? ORDER BY at LIMIT 1 OFFSET ?"
_DROP_PRICES = (
    "DELETE FROM prices WHERE asset = :asset AND at >= :since AND at < :until AND (at < :old"
    " AND at < (SELECT max(at) FROM prices WHERE asset = :asset)"
    " OR EXISTS (SELECT 1 FROM prices p WHERE p.asset = prices.asset AND p.at > prices.at"
    " AND p.at < (prices.at / 3600000 + 1) * 3600000))"
)


class Retention:
    """Remembers how far the look through the prices has come; it is made once a day, asset by asset."""

    def __init__(self) -> None:
        self._asset, self._from = 0, 0
        """Assets up to this one are done; of the next one, prices from this time on are not."""
        self._began: datetime | None = None
        self._thinned: datetime | None = None

    def step(self, conn: sqlite3.Connection, now: datetime) -> bool:
        """One step, in the caller's transaction; whether to come again soon."""
        for table, where, age in _TABLES:
            chosen = f"SELECT rowid FROM {table} WHERE {where} LIMIT {STEP}"  # noqa: S608
            sql = f"DELETE FROM {table} WHERE rowid IN ({chosen})"  # noqa: S608
            if conn.execute(sql, (to_ms(now - age),)).rowcount > 0:
                return True
        return self._prices(conn, now)

    def _prices(self, conn: sqlite3.Connection, now: datetime) -> bool:
        if self._began is None:
            if self._thinned is not None and abs(now - self._thinned) < PRICES_EVERY:
                return False
            self._began, self._asset, self._from = now, 0, 0
        sql = "SELECT id FROM assets WHERE id > ? ORDER BY id LIMIT ?"
        assets = [number for (number,) in conn.execute(sql, (self._asset, ASSETS))]
        left = PRICE_ROWS
        for asset in assets:
            left = self._slice(conn, asset, left, now)
            if left <= 0:
                return True
        if len(assets) == ASSETS:
            return True
        self._thinned, self._began = self._began, None
        return False

    def _slice(self, conn: sqlite3.Connection, asset: int, rows: int, now: datetime) -> int:
        """Look through so many prices of one asset; how many more there is time for."""
        # The first look after a start goes through all of it, later ones only through what has aged since.
        first = 0 if self._thinned is None else to_ms(self._thinned - FINE_PRICES - OVERLAP)
        old, coarse = to_ms(now - PRICES), to_ms(now - FINE_PRICES)
        since = max(first, self._from)
        end = conn.execute(_SLICE_ENDS, (asset, since, coarse, rows)).fetchone()
        until = coarse if end is None else end[0]
        if end is None:
            seen = conn.execute(
                "SELECT count(*) FROM prices WHERE asset = ? AND at >= ? AND at < ?", (asset, since, until)
            ).fetchone()[0]
            self._asset, self._from = asset, 0
        else:
            seen, self._from = rows, until
        if seen:
            conn.execute(_DROP_PRICES, {"asset": asset, "since": since, "until": until, "old": old})
        return rows - int(seen)


def give_back(conn: sqlite3.Connection) -> None:
    """Return some freed pages to the file system; never a whole VACUUM."""
    # As a script: `execute` stops after the first page.
    conn.executescript(f"PRAGMA incremental_vacuum({FREED_PAGES})")
