"""Where the store is, whichever way it is spelt, and where else one of the same configuration may be."""

from __future__ import annotations

import stat
from pathlib import Path
from sqlite3 import sqlite_version

from watcher.domain.values.errors import StoreError
from watcher.system.files import follows

ENGINE = {"SQLite": sqlite_version}
"""Name and version of the library that keeps it."""


def named(path: Path) -> Path:
    """The file behind a link that may be followed: its lock and journals lie beside the file itself."""
    return path.resolve() if follows(path) else path


def check_place(path: Path) -> None:
    """StoreError for a file that has a second name: two locks, and two journals, would be kept of it."""
    try:
        found = path.lstat()
    except OSError:
        return  # whoever opens it says it better
    if stat.S_ISLNK(found.st_mode):
        raise StoreError(f"{path}: is a symbolic link of somebody else's; name the file itself as the store")
    if found.st_nlink > 1 and stat.S_ISREG(found.st_mode):
        raise StoreError(
            f"{path}: the file has another name too (a hard link), and two journals of one store ruin it; "
            f"stop watcher, find the name with `find / -xdev -samefile {path}`, and remove it"
        )


def other_store(store: Path, config: Path) -> Path | None:
    """Another store of this configuration.

    Earlier versions put it into DIR/DIR where the configuration was named as `-c DIR/watcher.yaml`. And a
    configuration that is a link has its store beside the link, or beside the file, as it was named.
    """
    base = config.parent
    try:
        inside = store.relative_to(base)
    except ValueError:
        return None
    ways = dict.fromkeys((base.parts, base.resolve().parts))
    bases = [base.joinpath(*parts[start:]) for parts in ways for start in range(1, len(parts))]
    for each in (*bases, config.resolve().parent):
        place = each / inside
        if not place.is_file() or (store.exists() and place.samefile(store)):
            continue
        if each == config.resolve().parent or not (each / config.name).exists():
            return place  # beside a configuration of its own it would be that one's
    return None
