"""The schema's migrations: numbered without a gap, and with each of them the version of the schema grows."""

from __future__ import annotations

from sqlite_utils import Database

from watcher.store.sqlite.connection import VERSION
from watcher.store.sqlite.migrations import migrations

UNCOUNTED = 1
"""The twelfth and the thirteenth came as one version."""


def names() -> list[str]:
    return [each.name for each in migrations.pending(Database(memory=True))]


def test_migrations_are_numbered_in_their_order() -> None:
    assert [name[:4] for name in names()] == [f"m{number:03}" for number in range(1, len(names()) + 1)]


def test_a_new_migration_raises_the_version_or_no_store_would_get_it() -> None:
    assert len(names()) == VERSION + UNCOUNTED
