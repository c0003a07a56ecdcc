"""The suites of the store, its queries and its commands run over every implementation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.postgresql import Cluster
from watcher.ports.store import Store, StoreBackend
from watcher.store import KINDS
from watcher.store.memory.store import MemoryStore
from watcher.store.postgres.backend import PostgresSettings
from watcher.store.postgres.store import prepare

ALONE = ["memory", *(word for word, kind in KINDS.items() if not kind.shared)]
"""Stores that one process has to itself: each decision sees all accounts."""
_NUMBERS = count(1)
_AS_SAID = (
    "CREATE OR REPLACE FUNCTION watcher.booked_at(said bigint) RETURNS bigint LANGUAGE sql AS 'SELECT said'"
)
"""What is booked has the time that a test says, not the server's."""


@pytest.fixture(scope="session")
def made_once(postgresql: Cluster) -> str:
    """A database with the tables of a store, from which each test's own is copied."""
    pool = PostgresSettings.model_validate({"url": postgresql.create("contract")}).connections()
    prepare(pool)
    pool.close()
    with postgresql.connect("contract") as conn:
        conn.execute(_AS_SAID)
    return "contract"


@pytest.fixture
def store_database(postgresql: Cluster, made_once: str) -> Iterator[str]:
    """The URL of a database with an empty store."""
    name = f"contract_{next(_NUMBERS)}"
    yield postgresql.create(name, made_once)
    postgresql.drop(name)


def backend_of(kind: str, settings: dict[str, Any], folder: Path = Path()) -> StoreBackend:
    return KINDS[kind].model_validate(settings).backend(folder / "watcher.yaml")


@pytest.fixture(params=["memory", *KINDS])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    shared = request.param == "postgresql"
    settings = {"url": request.getfixturevalue("store_database")} if shared else {}
    opened = await backend_of(request.param, settings, tmp_path).open(exclusive=True)
    try:
        yield opened
    finally:
        await opened.close()
