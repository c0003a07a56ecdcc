"""Partitions: what grows for ever stands in tables by month or by week, so that what is old goes as a whole.

Each is made ahead of its time. What there was no table for stands in the rest, and moves once there is one.
"""

# ruff: noqa: S608 (only names of this file and numbers are joined into statements)

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from watcher.store.codec import from_ms, to_ms
from watcher.store.postgres.pool import Connection

WEEK = timedelta(days=7)
TIMES = {"changes": "after_at", "prices": "at", "requests": "reserved_at"}
"""Table → the column by which it is cut."""

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || %s, 3))"
_NAME = re.compile(r"^(\w+?)_from_(\d+)$")


class Partition(NamedTuple):
    """A table for a time; both in milliseconds."""

    table: str
    since: int
    until: int

    @property
    def name(self) -> str:
        return f"{self.table}_from_{self.since}"


def partition_of(table: str, at: datetime) -> Partition:
    """The table of a time."""
    if table == "requests":
        since = from_ms(to_ms(at) // to_ms(from_ms(0) + WEEK) * to_ms(from_ms(0) + WEEK))
        return Partition(table, to_ms(since), to_ms(since + WEEK))
    since = datetime(at.year, at.month, 1, tzinfo=UTC)
    return Partition(table, to_ms(since), to_ms((since + timedelta(days=32)).replace(day=1)))


def make_ahead(conn: Connection, now: datetime) -> None:
    """Make what is needed now and next. The caller owns the transaction."""
    there = {each.name for table in TIMES for each in there_are(conn, table)}
    for table in TIMES:
        first = partition_of(table, now)
        for each in (first, partition_of(table, from_ms(first.until))):
            if each.name not in there:
                _make(conn, each)


def there_are(conn: Connection, table: str) -> Iterator[Partition]:
    """Those that there are, oldest first."""
    rows = conn.execute(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = %s::regclass",
        (table,),
    )
    found = [int(name[2]) for (text,) in rows if (name := _NAME.match(text))]
    for since in sorted(found):
        yield partition_of(table, from_ms(since))


def _make(conn: Connection, new: Partition) -> None:
    """Only attached when it is whole: nobody waits for that who reads or writes the others."""
    conn.execute(_LOCK, (new.table,))
    if new in list(there_are(conn, new.table)):
        return  # another member was quicker
    time, rest = TIMES[new.table], f"{new.table}_rest"
    conn.execute(f"CREATE TABLE {new.name} (LIKE {new.table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
    within = f"{time} >= {new.since} AND {time} < {new.until}"
    moved = f"WITH moved AS (DELETE FROM {rest} WHERE {within} RETURNING *)"
    conn.execute(f"{moved} INSERT INTO {new.name} SELECT * FROM moved")
    conn.execute(
        f"ALTER TABLE {new.table} ATTACH PARTITION {new.name} FOR VALUES FROM ({new.since}) TO ({new.until})"
    )
