"""The suites of the store, its queries and its commands run over every implementation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from watcher.ports.store import Store, StoreBackend
from watcher.store import KINDS
from watcher.store.memory.store import MemoryStore

ALONE = ["memory", *(word for word, kind in KINDS.items() if not kind.shared)]
"""Stores that one process has to itself: each decision sees all accounts."""


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
