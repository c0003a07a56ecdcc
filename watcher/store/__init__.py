"""Where state is kept. A kind of store is one folder and one entry in `KINDS`."""

from __future__ import annotations

from watcher.store.kind import StoreKind
from watcher.store.sqlite.backend import SqliteSettings

KINDS: dict[str, type[StoreKind]] = {"sqlite": SqliteSettings}
"""The word after `kind:` → its settings model, which knows the store."""
