"""What pages remember of each other stays with the thread that makes them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.web.given import serving
from watcher.web.forms import Forms
from watcher.web.templating import Templating


async def test_the_pages_and_the_tables_as_files_share_no_memo(tmp_path: Path) -> None:
    async with serving(tmp_path) as page:
        templating = Templating(page.snapshots, Forms())
        here = templating.memo
        there = await asyncio.to_thread(lambda: templating.memo)
        assert here is templating.memo
        assert here is not there
