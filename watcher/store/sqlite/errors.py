"""SQLite's errors to ours, once."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from watcher.domain.values.errors import StoreBusyError, StoreError
from watcher.system.files import whose

FULL = "the disk is full; make room"
LITTLE = 1 << 20
"""With fewer bytes free than these, a disk that fails to write does so for want of room: SQLite tells of a
full disk only where it writes pages, and not where it makes the files beside the store."""

_PASSING = {
    sqlite3.SQLITE_BUSY: "another process holds the store locked",
    sqlite3.SQLITE_LOCKED: "the store is locked",
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_READONLY: "the store cannot be written; check the file's and the folder's permissions",
    sqlite3.SQLITE_IOERR: "the disk fails to read or write",
    sqlite3.SQLITE_CANTOPEN: "the store cannot be opened; check the path and the folder's permissions",
}
_BROKEN = {
    sqlite3.SQLITE_CORRUPT: "the store is damaged",
    sqlite3.SQLITE_NOTADB: "the file is not a watcher store",
}
_CLOSED = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
_FOLDER = "{0}: is a folder; the store is a file in one, as in {0}/watcher.db"


def _no_room(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < LITTLE
    except OSError:
        return False


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise StoreBusyError for what may pass, StoreError for what will not."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if path.is_dir():
            raise StoreError(_FOLDER.format(path)) from error
        if code in _PASSING:
            words = FULL if code == sqlite3.SQLITE_IOERR and _no_room(path) else _PASSING[code]
            words = (code in _CLOSED and whose(path)) or words
            raise StoreBusyError(f"{path}: {words}") from error
        if code in _BROKEN:
            remedy = "stop watcher, keep the file, and put back a copy made by `watcher backup`"
            raise StoreError(f"{path}: {_BROKEN[code]}; {remedy}") from error
        raise StoreError(f"{path}: {error}") from error
    except IsADirectoryError as error:
        raise StoreError(_FOLDER.format(path)) from error
    except PermissionError as error:
        raise StoreError(f"{path}: {whose(path) or error.strerror or error}") from error
    except OSError as error:
        raise StoreError(f"{error.filename or path}: {error.strerror or error}") from error
