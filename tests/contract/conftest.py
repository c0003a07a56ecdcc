"""The store port's suite runs over every store, and the fake."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes import FakeStore
from watcher.ports.store import Store
from watcher.store import KINDS
from watcher.store.sqlite.in_memory import InMemoryStore


@pytest.fixture(params=["fake", "scratch", *KINDS])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "fake":
        yield FakeStore()
        return
    if request.param == "scratch":
        scratch = InMemoryStore()
        yield scratch
        await scratch.close()
        return
    opened = await KINDS[request.param]().backend(tmp_path / "watcher.yaml").open(exclusive=True)
    try:
        yield opened
    finally:
        await opened.close()
