"""Many rows in few statements.

Each statement gives the interpreter up and takes it back, while the event loop wants it too: one for
each row would cost more than the writing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

AT_ONCE = 50
"""Rows of one statement."""


def insert(
    conn: sqlite3.Connection, into: str, columns: int, rows: Sequence[tuple[Any, ...]], on_conflict: str = ""
) -> None:
    """Insert rows of so many columns. `into`: from INSERT up to the list of columns."""
    whole = len(rows) - len(rows) % AT_ONCE
    for start in range(0, whole, AT_ONCE):
        some = rows[start : start + AT_ONCE]
        conn.execute(_statement(into, columns, AT_ONCE, on_conflict), tuple(chain.from_iterable(some)))
    if whole < len(rows):
        conn.executemany(_statement(into, columns, 1, on_conflict), rows[whole:])


@lru_cache
def _statement(into: str, columns: int, rows: int, on_conflict: str) -> str:
    row = f"({', '.join('?' * columns)})"
    return f"{into} VALUES {', '.join([row] * rows)} {on_conflict}"
