"""Where state is kept. A kind of store is one module and one entry in `KINDS`."""

from __future__ import annotations

from watcher.store.sqlite.store import SqliteSettings

KINDS = {"sqlite": SqliteSettings}
"""The word after `kind:` → its settings model, which opens the store."""
