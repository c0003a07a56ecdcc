"""A store on PostgreSQL, and other processes that use it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg

from watcher.store.postgres.backend import PostgresBackend, PostgresSettings
from watcher.store.postgres.pool import Pool
from watcher.store.postgres.store import PostgresStore

SCHEMA = "watcher"


def settings(url: str, schema: str = SCHEMA, pool: int = 4) -> PostgresSettings:
    return PostgresSettings.model_validate({"url": url, "schema": schema, "pool": pool})


def backend(url: str, schema: str = SCHEMA, pool: int = 4) -> PostgresBackend:
    return settings(url, schema, pool).backend(Path("watcher.yaml"))


def pool(url: str, size: int = 1) -> Pool:
    return Pool(settings(url).url, SCHEMA, size)


@asynccontextmanager
async def opened(url: str, schema: str = SCHEMA, pool: int = 4) -> AsyncIterator[PostgresStore]:
    store = await backend(url, schema, pool).open(exclusive=True)
    try:
        yield store
    finally:
        await store.close()


def rows(url: str, sql: str, *values: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True, options=f"-c search_path={SCHEMA}") as conn:
        found = conn.execute(sql, values)
        return found.fetchall() if found.description else []
