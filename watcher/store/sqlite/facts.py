"""What a source has learnt for good, such as the units of its assets. The caller owns the transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime

from watcher.store.sqlite.codec import to_ms


def of(conn: sqlite3.Connection, source: str) -> dict[str, str]:
    return dict(conn.execute("SELECT name, value FROM facts WHERE source = ?", (source,)).fetchall())


def keep(conn: sqlite3.Connection, source: str, found: Mapping[str, str], now: datetime) -> None:
    conn.executemany(
        "INSERT OR REPLACE INTO facts (source, name, value, at) VALUES (?, ?, ?, ?)",
        [(source, name, value, to_ms(now)) for name, value in found.items()],
    )
