"""The schema is made once, whoever comes first, and only a watcher that knows it works on it."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

import pytest
from procrastinate.schema import SchemaManager

from tests.store.postgres.given import backend, opened, pool, rows
from watcher.domain.values.errors import StoreError
from watcher.store.postgres.migrate import SchemaVersion, migrate, migrations

KNOWN = len(migrations())


async def test_a_store_is_there_once_it_was_opened(database: str) -> None:
    assert not backend(database).exists()

    async with opened(database):
        assert backend(database).exists()

    assert rows(database, "SELECT version FROM schema_version") == [(KNOWN,)]


def test_several_that_come_at_once_make_the_schema_once(database: str) -> None:
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda _: migrate(pool(database)), range(6)))

    assert found.count(SchemaVersion(0, 0)) == 1
    assert len({each.number for each in found if each.number}) == 1
    assert rows(database, "SELECT count(*) FROM schema_version") == [(1,)]


def test_a_step_that_fails_leaves_nothing_behind(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = (migrations()[0], migrations()[1]._replace(text="CREATE TABLE one (); SELECT 1 / 0"))
    with monkeypatch.context() as patch:
        patch.setattr("watcher.store.postgres.migrate.migrations", lambda: broken)
        with pytest.raises(StoreError, match="division by zero"):
            migrate(pool(database))

    assert rows(database, "SELECT to_regnamespace('watcher')") == [(None,)]
    migrate(pool(database))


@pytest.mark.parametrize(("newer", "oldest", "works"), [(1, 0, True), (1, 1, False)])
async def test_an_older_watcher_works_on_while_what_it_needs_is_there(
    database: str, newer: int, oldest: int, works: bool
) -> None:
    async with opened(database):
        pass
    rows(database, "UPDATE schema_version SET version = %s, min_version = %s", KNOWN + newer, KNOWN + oldest)

    if works:
        async with opened(database):
            return
    with pytest.raises(StoreError, match=f"needs at least {KNOWN + 1}.*use that version"):
        await backend(database).open(exclusive=True)


async def test_a_schema_of_another_program_is_left_alone(database: str) -> None:
    rows(database, "CREATE SCHEMA watcher; CREATE TABLE watcher.accounts (name text)")

    with pytest.raises(StoreError, match="tables of another program"):
        await backend(database).open(exclusive=True)

    assert rows(
        database, "SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('watcher')"
    ) == [(1,)]


async def test_an_empty_schema_that_somebody_made_is_used(database: str) -> None:
    rows(database, "CREATE SCHEMA watcher")

    async with opened(database):
        assert backend(database).exists()


async def test_two_schemas_of_one_database_are_two_stores(database: str) -> None:
    async with opened(database, "one"), opened(database, "two"):
        await asyncio.sleep(0)
    assert backend(database, "two").exists()
    assert not backend(database, "three").exists()


def test_the_engine_has_the_tables_that_its_pinned_version_asks_for() -> None:
    (step,) = [each for each in migrations() if "Procrastinate" in each.text.splitlines()[0]]
    assert version("procrastinate") in step.text.splitlines()[0]
    assert step.text.endswith(SchemaManager.get_schema()), "write the steps from that version to this one"
