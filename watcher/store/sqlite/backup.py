"""A consistent copy of the store, also while the daemon writes to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from watcher.domain.values.errors import StoreError
from watcher.store.backup import growing
from watcher.store.sqlite.connection import connect_existing
from watcher.store.sqlite.errors import translated

PAGES = 2000
"""Pages copied in one step."""


def backup(path: Path, target: Path, progress: Callable[[float], None] = lambda _: None) -> None:
    """Copy `path` to `target`, which must not exist, and verify the copy. StoreError if it fails.

    `progress` hears the share that is copied, in the thread that copies.
    """
    with growing(target, "backup") as partial:
        with translated(path):
            source = connect_existing(path, "ro")
        try:
            with translated(partial):
                _copy(source, partial, progress)
        finally:
            source.close()


def _copy(source: sqlite3.Connection, partial: Path, progress: Callable[[float], None]) -> None:
    copy = sqlite3.connect(partial)
    try:
        # In one read transaction: without it each write by the daemon would start the copy over.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        source.backup(
            copy,
            pages=PAGES,
            progress=lambda _, remaining, total: progress(1 - remaining / max(total, 1)),
        )
        source.rollback()
        copy.execute("PRAGMA journal_mode = DELETE")
        found = copy.execute("PRAGMA integrity_check").fetchone()[0]
    finally:
        copy.close()
    if found != "ok":
        raise StoreError(f"the copy is not sound ({found}); the store itself may be damaged")
