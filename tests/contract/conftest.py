"""The suites of the store, its queries and its commands run over every implementation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from watcher.ports.store import Store
from watcher.store import KINDS
from watcher.store.memory.store import MemoryStore


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    opened = await KINDS[request.param]().backend(tmp_path / "watcher.yaml").open(exclusive=True)
    try:
        yield opened
    finally:
        await opened.close()
