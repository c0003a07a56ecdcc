"""One daemon a store: a lock that the kernel takes back when the process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from watcher.domain.values.errors import StoreInUseError
from watcher.system.files import opened


class StoreLock:
    """Held from creation to `release`. StoreInUseError names the process that holds it already."""

    def __init__(self, store: Path) -> None:
        path = store.with_name(store.name + ".lock")
        self._file = opened(path)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(self._file, 20, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._file)
            raise StoreInUseError(
                f"{store}: another watcher daemon (process {holder}) works on this store; stop it first"
            ) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        os.close(self._file)
