"""Store of the application: opened, locked, copied."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from watcher.config.configuration import store_path
from watcher.config.settings import Settings
from watcher.domain.values.errors import StoreInUseError
from watcher.store.sqlite.lock import StoreLock


async def open_store(settings: Settings, *, exclusive: bool) -> Any:
    """The store that the settings name; `exclusive` for the one daemon."""
    store_path(settings)
    kind: Any = settings.store
    return await kind.build(settings.base_dir, exclusive=exclusive)


@contextmanager
def as_only_deliverer(settings: Settings) -> Iterator[bool]:
    """Whether no daemon works on the store; none can begin until the end of the block.

    Two processes that send what one store owes would send it twice.
    """
    try:
        lock = StoreLock(store_path(settings))
    except StoreInUseError:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


async def backup_store(
    settings: Settings, target: Path, progress: Callable[[float], None] = lambda _: None
) -> None:
    """Copy the store, verified, while a daemon may be writing to it. `progress` hears how far it is."""
    from watcher.store.sqlite.backup import backup

    await asyncio.to_thread(backup, store_path(settings), target, progress)
