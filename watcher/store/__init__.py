"""Where state is kept. A kind of store is one folder and one entry in `KINDS`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watcher.system.registry import Registry

if TYPE_CHECKING:
    from watcher.store.kind import StoreKind

KINDS: Registry[StoreKind] = Registry(
    __name__,
    {"sqlite": "sqlite.backend:SqliteSettings", "postgresql": "postgres.backend:PostgresSettings"},
)
"""The word after `kind:` → its settings model, which knows the store."""


def engines() -> dict[str, str]:
    """Name and version of the libraries that keep a store within this process."""
    from watcher.store.sqlite.location import ENGINE

    return ENGINE
