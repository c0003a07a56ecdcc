"""What pages remember of each other stays with the thread that makes them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.web.given import serving
from watcher.web.forms import Forms
from watcher.web.templating import Templating, _templates


async def test_the_pages_and_the_tables_as_files_share_no_memo(tmp_path: Path) -> None:
    async with serving(tmp_path) as page:
        templating = Templating(page.snapshots, Forms())
        here = templating.memo
        there = await asyncio.to_thread(lambda: templating.memo)
        assert here is templating.memo
        assert here is not there


def test_files_of_a_newer_version_are_not_mixed_into_the_pages_of_a_daemon_that_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever upgrades in place restarts when they come to it; until then the pages are whole."""
    kept = _templates().get_template("alerts.html")
    monkeypatch.setattr(kept, "_uptodate", lambda: False)
    assert _templates().get_template("alerts.html") is kept
