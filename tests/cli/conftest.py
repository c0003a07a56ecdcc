"""Where verbs are tried: a whole installation on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.endtoend.bench import Installation, installation


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Installation]:
    async with installation(tmp_path) as there:
        yield there
