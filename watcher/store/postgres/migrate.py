"""Brings the schema to this version: numbered files of SQL, in one transaction, one process at a time.

A change is a new file, and none is ever edited. It only adds, and says nothing: watchers before it work on.
What those need is taken away one version later, by a file that says `-- min_version: N`: the oldest version
that works with it.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from psycopg import sql

from watcher.domain.values.errors import StoreError
from watcher.store.postgres.errors import translated
from watcher.store.postgres.pool import Connection, Pool, take_as_long

FOLDER = Path(__file__).parent / "migrations"
LOCK = 0x7761_7463  # "watc"
"""First number of the advisory lock; the second one is the schema's."""

_OLDEST = re.compile(r"^-- min_version: (\d+)$", re.MULTILINE)


class Migration(NamedTuple):
    """One step. `oldest`: the version of the oldest watcher that works with it, if it says so."""

    number: int
    text: str
    oldest: int | None


@cache
def migrations() -> tuple[Migration, ...]:
    """All steps in their order."""
    found = []
    for number, path in enumerate(sorted(FOLDER.glob("*.sql")), start=1):
        assert path.name.startswith(f"{number:04}_"), path.name  # noqa: S101 (a step is missing, or there twice)
        text = path.read_text(encoding="utf-8")
        oldest = _OLDEST.search(text)
        found.append(Migration(number, text, int(oldest[1]) if oldest else None))
    return tuple(found)


class SchemaVersion(NamedTuple):
    """Version of a schema, and of the oldest watcher that works with it. 0: there is none yet."""

    number: int
    oldest: int


def version_of(conn: Connection) -> SchemaVersion:
    """The version of the schema that this connection works in."""
    if conn.execute("SELECT to_regclass('schema_version')").fetchone() == (None,):
        return SchemaVersion(0, 0)
    row = conn.execute("SELECT version, min_version FROM schema_version").fetchone()
    return SchemaVersion(*row) if row is not None else SchemaVersion(0, 0)


def check_version(place: str, found: SchemaVersion) -> None:
    """StoreError for a schema that this watcher cannot work with."""
    known = len(migrations())
    if found.oldest > known:
        raise StoreError(
            f"{place}: written by a newer watcher (schema {found.number}, which needs at least "
            f"{found.oldest}; this one knows {known}); use that version, or another schema"
        )
    if not found.number:
        raise StoreError(f"{place}: there is no store yet; `watcher run` or `watcher poll` makes it")
    if found.number < known:
        remedy = "`watcher run` or `watcher store migrate` brings it up to date"
        raise StoreError(f"{place}: is of schema {found.number}, this watcher reads {known}; {remedy}")


def migrate(pool: Pool) -> SchemaVersion:
    """Apply what is missing, all of it or nothing; the version that there was before."""
    conn = pool.connect()
    try:
        with translated(pool.place):
            before = version_of(conn)
            if before.number < len(migrations()):
                with conn.transaction():
                    before = _migrate(pool, conn)
            check_version(pool.place, version_of(conn))
            return before
    finally:
        conn.close()


def _migrate(pool: Pool, conn: Connection) -> SchemaVersion:
    take_as_long(conn)
    conn.execute("SET LOCAL lock_timeout = '60s'")
    conn.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (LOCK, pool.schema))
    before = version_of(conn)  # another process may have been quicker
    if not before.number:
        _make_schema(pool, conn)
    for step in migrations()[before.number :]:
        conn.execute(step.text)
        conn.execute(
            "UPDATE schema_version SET version = %s, min_version = coalesce(%s, min_version)",
            (step.number, step.oldest),
        )
    return before


def _make_schema(pool: Pool, conn: Connection) -> None:
    there = conn.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (pool.schema,)).fetchone()
    if not there:  # who owns no database may still own the schema that was made for it
        conn.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(pool.schema)))
    elif conn.execute(
        "SELECT 1 FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(%s)) LIMIT 1", (pool.schema,)
    ).fetchone():
        raise StoreError(
            f"{pool.place}: schema {pool.schema} has tables of another program; name another schema"
        )
    conn.execute("CREATE TABLE schema_version (version integer NOT NULL, min_version integer NOT NULL)")
    conn.execute("INSERT INTO schema_version VALUES (0, 0)")
