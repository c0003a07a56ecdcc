"""What is too old to keep, dropped in steps too small to hold up a poll, or as whole tables."""

# ruff: noqa: S608 (only constants of this file are joined into statements)

from __future__ import annotations

from datetime import datetime

from watcher.store.ages import (
    FINE_PRICES,
    GONE_MEMBERS,
    POLL_LOG,
    PRICES,
    RESOLVED_ALERTS,
    SETTLED_DELIVERIES,
    SPELLS,
    TRANSITIONS,
)
from watcher.store.codec import to_ms
from watcher.store.postgres.partitions import Partition, make_ahead, there_are
from watcher.store.postgres.pool import Connection

STEP = 500
"""Rows deleted in one transaction."""

ASSETS = 20
"""Assets whose prices of a month are thinned in one transaction."""

_TABLES = (
    ("requests_rest", "reserved_at < %s", POLL_LOG),
    ("hinted", "at < %s", POLL_LOG),
    ("deliveries", "created < %s AND state <> 'pending'", SETTLED_DELIVERIES),
    (
        "messages",
        "at < %s AND NOT EXISTS (SELECT 1 FROM deliveries WHERE message = messages.id)",
        SETTLED_DELIVERIES,
    ),
    ("flaps", "last < %s", TRANSITIONS),
    ("spells", "until < %s", SPELLS),
    ("silences", "until < %s", RESOLVED_ALERTS),
    ("event_acks", "at < %s", RESOLVED_ALERTS),
    ("alerts", "state = 'resolved' AND owed IS NULL AND resolved_at < %s", RESOLVED_ALERTS),
    ("prices_rest", "at < %s", PRICES),
    ("members", "seen < %s AND NOT held('name', name)", GONE_MEMBERS),
)
_WHOLE = (("requests", POLL_LOG), ("prices", PRICES))
_NEXT_ASSETS = "SELECT id FROM assets WHERE id > %s ORDER BY id LIMIT %s"
_THIN = (
    "DELETE FROM {0} p WHERE asset = ANY(%s::bigint[]) AND EXISTS (SELECT 1 FROM {0} later"
    " WHERE later.asset = p.asset AND later.at > p.at AND later.at < (p.at / 3600000 + 1) * 3600000)"
)
_THINNED = "thinned to the last of each hour"


class PostgresRetention:
    """Remembers how far the thinning of prices has come; a month is thinned once, when all of it is old."""

    def __init__(self) -> None:
        self._asset = 0
        """Assets up to this one are done."""

    def step(self, conn: Connection, now: datetime) -> bool:
        """One step, in the caller's transaction; whether to come again soon."""
        make_ahead(conn, now)
        for table, where, age in _TABLES:
            chosen = f"SELECT ctid FROM {table} WHERE {where} LIMIT {STEP} FOR UPDATE SKIP LOCKED"
            sql = f"DELETE FROM {table} WHERE ctid = ANY(ARRAY({chosen})) RETURNING 1"
            if conn.execute(sql, (to_ms(now - age),)).fetchone() is not None:
                return True
        for table, age in _WHOLE:
            for each in there_are(conn, table):
                if each.until < to_ms(now - age):
                    conn.execute(f"DROP TABLE {each.name}")
                    return True
        return self._prices(conn, now)

    def _prices(self, conn: Connection, now: datetime) -> bool:
        coarse = to_ms(now - FINE_PRICES)
        for month in there_are(conn, "prices"):
            if month.until <= coarse and not _is_thinned(conn, month):
                assets = [number for (number,) in conn.execute(_NEXT_ASSETS, (self._asset, ASSETS))]
                conn.execute(_THIN.format(month.name), (assets,))
                self._asset = assets[-1] if assets else 0
                if len(assets) < ASSETS:
                    self._asset = 0
                    conn.execute(f"COMMENT ON TABLE {month.name} IS '{_THINNED}'")
                return True
        return False


def _is_thinned(conn: Connection, month: Partition) -> bool:
    row = conn.execute("SELECT obj_description(%s::regclass, 'pg_class')", (month.name,)).fetchone()
    return row == (_THINNED,)
