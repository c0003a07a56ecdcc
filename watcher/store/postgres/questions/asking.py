"""How questions are asked: rows as they come, and names as arrays."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from watcher.domain.model import Account
from watcher.store.postgres.pool import Connection


def number(conn: Connection, sql: str, asked: Sequence[Any] | Mapping[str, Any] = ()) -> int:
    """The one number that is the answer."""
    found: int = next(value for (value,) in conn.execute(sql, asked))
    return found


def columns(names: Sequence[str], rows: Collection[tuple[str, ...]]) -> dict[str, list[str]]:
    """Rows as an array for each of their columns: what `unnest` takes."""
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def accounts_of(conn: Connection, wanted: Collection[Account]) -> dict[int, Account]:
    """Those of these accounts that were ever read, by their numbers."""
    sql = (
        "SELECT id, source, chain, address FROM accounts JOIN unnest(%(sources)s::text[], %(chains)s::text[],"
        " %(addresses)s::text[]) AS w (source, chain, address) USING (source, chain, address)"
    )
    rows = conn.execute(sql, columns(("sources", "chains", "addresses"), set(wanted)))
    return {row[0]: Account(*row[1:]) for row in rows}
