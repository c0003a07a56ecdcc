"""A connection to the store's file: private and durable, or for reading only."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from watcher.domain.values.errors import StoreError
from watcher.store.sqlite.location import check_place
from watcher.system.files import make_folder, opened

VERSION = 13
"""`user_version` of the schema that this watcher writes; a file with a higher one is left alone."""

BUSY_SECONDS = 5.0


def connect(path: Path) -> sqlite3.Connection:
    """Open for writing; a new file is readable by its owner only, and so are its journals."""
    check_place(path)
    make_folder(path.parent)
    os.close(opened(path))
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


def connect_memory(_path: Path) -> sqlite3.Connection:
    """A database that is gone when it is closed."""
    conn = sqlite3.connect(":memory:", isolation_level=None)
    conn.execute("PRAGMA foreign_keys = ON")
    return conn


def connect_readonly(path: Path) -> sqlite3.Connection:
    """Open for reading beside a running daemon."""
    if not path.exists():
        raise StoreError(f"{path}: there is no store yet; `watcher run` or `watcher poll` makes it")
    check_place(path)
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)
