"""What users and scripts see is as it was recorded (`make recordings` records it anew)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.recordings import comparing
from tests.recordings.record import PARTS


@pytest.mark.parametrize("part", PARTS)
def test_what_users_and_scripts_see_is_as_recorded(part: str, tmp_path: Path) -> None:
    changed = comparing.difference(part, PARTS[part](tmp_path.resolve()))
    if changed:
        pytest.fail(f"{comparing.AGAIN}\n{changed}", pytrace=False)
