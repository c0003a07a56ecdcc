"""Files that copies of a store grow in, whatever copies it: none is there by its name before it is whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from watcher.domain.values.errors import StoreError
from watcher.system.files import opened


def partial_of(target: Path) -> Path:
    """Where a copy grows until it is whole and verified."""
    return target.with_name(target.name + ".partial")


@contextmanager
def growing(target: Path, what: str) -> Iterator[Path]:
    """An empty file of this user alone, which gets the name of the target when the block ends well. `what` it
    is, in a word. StoreError if something is there."""
    if os.path.lexists(target):
        raise StoreError(f"{target}: is there already; a {what} overwrites nothing, choose another name")
    if not target.parent.is_dir():
        raise StoreError(f"{target}: the folder {target.parent} does not exist; make it first")
    partial = partial_of(target)
    try:
        os.close(opened(partial, os.O_RDWR | os.O_EXCL))
    except FileExistsError:
        raise StoreError(f"{partial}: is there already, from another {what}; remove it first") from None
    except OSError as error:
        raise StoreError(f"{partial}: {error.strerror or error}") from error
    try:
        yield partial
        partial.rename(target)
    finally:
        for end in ("", "-wal", "-shm"):
            partial.with_name(partial.name + end).unlink(missing_ok=True)
