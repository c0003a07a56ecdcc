"""A consistent copy of the store, also while the daemon writes to it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from watcher.domain.values.errors import StoreError
from watcher.store.sqlite.connection import connect_existing
from watcher.store.sqlite.errors import translated
from watcher.system.files import opened

PAGES = 2000
"""Pages copied in one step."""


def backup(path: Path, target: Path, progress: Callable[[float], None] = lambda _: None) -> None:
    """Copy `path` to `target`, which must not exist, and verify the copy. StoreError if it fails.

    `progress` hears the share that is copied, in the thread that copies.
    """
    if os.path.lexists(target):
        raise StoreError(f"{target}: is there already; a backup overwrites nothing, choose another name")
    if not target.parent.is_dir():
        raise StoreError(f"{target}: the folder {target.parent} does not exist; make it first")
    with translated(path):
        source = connect_existing(path, "ro")
    partial = partial_of(target)
    try:
        os.close(opened(partial, os.O_RDWR | os.O_EXCL))
        with translated(partial):
            _copy(source, partial, progress)
        partial.rename(target)
    except FileExistsError:
        raise StoreError(f"{partial}: is there already, from another backup; remove it first") from None
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    finally:
        source.close()


def partial_of(target: Path) -> Path:
    """Where a copy grows until it is whole and verified."""
    return target.with_name(target.name + ".partial")


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
