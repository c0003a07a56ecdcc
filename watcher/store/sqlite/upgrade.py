"""Brings a store's schema to this version, with a copy of the old file beside it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from watcher.domain.values.errors import StoreError
from watcher.store.backup import partial_of
from watcher.store.sqlite.backup import backup
from watcher.store.sqlite.connection import VERSION
from watcher.system.imports import unseen


def upgrade(path: Path, conn: sqlite3.Connection) -> None:
    """Apply what is missing, all of it or nothing. StoreError for a file that is not ours to change."""
    found = _version(conn)
    if found > VERSION:
        raise StoreError(
            f"{path}: written by a newer watcher (schema {found}, this one knows {VERSION}); "
            "use that version, or another store"
        )
    if found == VERSION:
        return
    if found:
        _copy_aside(path)
    conn.execute("BEGIN IMMEDIATE")
    try:
        if _version(conn) == found:  # or another process was quicker
            _apply(path, conn)
        conn.execute("COMMIT")
    except BaseException:
        if conn.in_transaction:
            conn.execute("ROLLBACK")
        raise


def _apply(path: Path, conn: sqlite3.Connection) -> None:
    # Only a new store or an old one needs it: every other start is quicker and smaller without. It would load
    # numpy and pandas where they are installed, for types that no store of ours has.
    with unseen("numpy", "pandas"):
        from sqlite_utils import Database

        from watcher.store.sqlite.migrations import migrations
        from watcher.store.sqlite.views import create_views

    tables = {name for (name,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if tables and migrations.migrations_table not in tables:
        raise StoreError(f"{path}: is the database of another program; name another file as the store")
    db = Database(conn)
    migrations.apply(db)
    create_views(db)
    conn.execute(f"PRAGMA user_version = {VERSION}")


def _copy_aside(path: Path) -> None:
    """Copy the file as it is now. A copy of another time gives way, once the new one is verified."""
    copy = path.with_name(f"{path.name}.before-{VERSION}.bak")
    fresh = copy.with_name(f"{copy.name}.new")
    for left in (fresh, partial_of(fresh)):  # by a crash
        left.unlink(missing_ok=True)
    backup(path, fresh)
    fresh.replace(copy)


def _version(conn: sqlite3.Connection) -> int:
    return int(conn.execute("PRAGMA user_version").fetchone()[0])
