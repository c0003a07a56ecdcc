"""A long past, written straight into a store that a daemon has read its accounts into."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

DAYS = 90
_VALUE = (
    "CASE {i} % 2 WHEN 0 THEN amount ELSE amount || CASE instr(amount, '.') WHEN 0 THEN '.7' ELSE '7' END END"
)


def fill(path: Path, rows: int) -> None:
    """So many changes over 90 days, as many of each balance, the last of them to what it is now."""
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("PRAGMA synchronous = OFF")
        conn.execute("BEGIN")
        indexes = conn.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'changes'"
        ).fetchall()
        for name, _ in indexes:
            conn.execute(f"DROP INDEX {name}")
        conn.execute("DELETE FROM changes")
        (balances,) = conn.execute("SELECT count(*) FROM balances").fetchone()
        each = rows // balances
        step = DAYS * 86_400_000 // each
        before, after = _VALUE.format(i="(i + 1)"), _VALUE.format(i="i")
        conn.execute(
            f"""
            WITH RECURSIVE n (i) AS (SELECT :first UNION ALL SELECT i - 1 FROM n WHERE i > 0)
            INSERT INTO changes (account, asset, before, after, before_at, after_at)
            SELECT account, asset, CASE i WHEN :first THEN NULL ELSE {before} END, {after},
                CASE i WHEN :first THEN NULL ELSE since - (i + 1) * :step END, since - i * :step
            FROM n CROSS JOIN balances
            """,  # noqa: S608 (our own words)
            {"first": each - 1, "step": step},
        )
        conn.execute("UPDATE accounts SET watched_since = watched_since - ?", (DAYS * 86_400_000,))
        for _, statement in indexes:
            conn.execute(statement)
        conn.execute("COMMIT")
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    os.sync()  # or the first polls would wait for all of it
