"""A connection to the store's file: made private, durable, and of this version."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from sqlite_utils import Database

from watcher.domain.errors import StoreError
from watcher.store.migrations import migrations
from watcher.store.views import create_views

VERSION = 1
"""`user_version` of the schema that this watcher writes; a file with a higher one is left alone."""

BUSY_SECONDS = 5.0


def connect(path: Path) -> sqlite3.Connection:
    """Open for writing; a new file is readable by its owner only, and so are its journals."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    conn = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    if path.stat().st_size == 0:
        # Only possible before the first table: pages of deleted rows can then be given back in steps.
        conn.execute("PRAGMA auto_vacuum = INCREMENTAL")
    conn.execute("PRAGMA journal_mode = WAL")
    # A reservation must survive a power cut, or credits could be spent twice.
    conn.execute("PRAGMA synchronous = FULL")
    conn.execute("PRAGMA foreign_keys = ON")
    conn.execute("PRAGMA journal_size_limit = 16777216")
    return conn


def connect_readonly(path: Path) -> sqlite3.Connection:
    """Open for reading beside a running daemon."""
    if not path.exists():
        raise StoreError(f"{path}: there is no store yet; `watcher run` or `watcher poll` makes it")
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)


def migrate(path: Path, conn: sqlite3.Connection) -> None:
    """Bring the schema to this version, with a copy of the old file beside it."""
    found = conn.execute("PRAGMA user_version").fetchone()[0]
    if found > VERSION:
        raise StoreError(
            f"{path}: written by a newer watcher (schema {found}, this one knows {VERSION}); "
            "use that version, or another store"
        )
    if found == VERSION:
        return
    if found:
        copy = path.with_name(f"{path.name}.before-{VERSION}.bak")
        if not copy.exists():
            os.close(os.open(copy, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            with sqlite3.connect(copy) as target:
                conn.backup(target)
            target.close()
    db = Database(conn)
    migrations.apply(db)
    create_views(db)
    conn.execute(f"PRAGMA user_version = {VERSION}")
