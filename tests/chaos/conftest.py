"""What the tests that try to break it start from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.chaos.stand import Stand, Zygote, stand
from tests.disk import disk


@pytest.fixture
async def zygote() -> AsyncIterator[Zygote]:
    async with Zygote() as zygote:
        yield zygote


@pytest.fixture
async def there(tmp_path: Path, zygote: Zygote) -> AsyncIterator[Stand]:
    async with stand(tmp_path / "stand", zygote, 1) as there:
        yield there


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with disk(folder):
        yield folder
