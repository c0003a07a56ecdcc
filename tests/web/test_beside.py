"""What is worked out beside the pages is kept for a while, and no longer than it is good for."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import pytest

from tests.web.given import Page, fill, serving
from watcher.domain.values.errors import StoreError
from watcher.ports.queries import Queries
from watcher.web.beside import WorkedOut
from watcher.web.snapshot import PageSnapshot


def counted(page: Page, *, failing: int = 0) -> WorkedOut[str, int]:
    """Works out how often it was asked to, after it has failed so often."""
    asked = 0

    def make(_key: str, _reader: Queries, _snapshot: PageSnapshot) -> int:
        nonlocal asked
        asked += 1
        if asked <= failing:
            raise StoreError("locked")
        return asked

    return WorkedOut(page.snapshots, make, 1)


async def test_it_serves_all_who_ask_within_a_minute(tmp_path: Path) -> None:
    async with serving(tmp_path) as page:
        await fill(page.store)
        reports = counted(page)
        assert await reports.get("a", waits=None) == 1
        await page.clock.advance(50)
        assert await reports.get("a", waits=None) == 1
        await page.clock.advance(20)
        assert await reports.get("a", waits=None) == 2


@pytest.mark.parametrize(("later", "shown"), [(120, 1), (3600, None)])
async def test_while_a_newer_one_is_worked_out_one_of_late_stands_in_and_none_of_long_ago(
    tmp_path: Path, later: int, shown: int | None
) -> None:
    async with serving(tmp_path) as page:
        await fill(page.store)
        may_end, asked = Event(), 0

        def make(_key: str, _reader: Queries, _snapshot: PageSnapshot) -> int:
            nonlocal asked
            asked += 1
            assert asked == 1 or may_end.wait(30)
            return asked

        reports = WorkedOut(page.snapshots, make, 1)
        assert await reports.get("a", waits=None) == 1
        await page.clock.advance(later)
        assert await reports.get("a") == shown
        may_end.set()
        assert await reports.get("a", waits=None) == 2


async def test_a_store_that_failed_for_a_moment_is_asked_again_soon(tmp_path: Path) -> None:
    async with serving(tmp_path) as page:
        await fill(page.store)
        reports = counted(page, failing=1)
        assert await reports.get("a", waits=None) is None
        assert await reports.get("a", waits=None) is None
        await page.clock.advance(6)
        assert await reports.get("a", waits=None) == 2
