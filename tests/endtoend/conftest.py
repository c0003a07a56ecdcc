"""What every end-to-end test starts from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.endtoend.bench import Installation, installation


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Installation]:
    async with installation(tmp_path) as there:
        yield there
