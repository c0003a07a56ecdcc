"""A snapshot that serves others is never one from before something was changed here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.web.given import fill, serving
from watcher.domain.decision import Snapshot
from watcher.domain.model import Account
from watcher.web import PageSnapshots


async def test_what_was_read_while_something_was_changed_serves_nobody_else(tmp_path: Path) -> None:
    async with serving(tmp_path) as page:
        await fill(page.store)
        changed = [True, False]

        async def past(accounts: Sequence[Account]) -> Snapshot:
            found = await page.store.load(accounts)
            if changed.pop(0):
                snapshots.forget()
            return found

        snapshots = PageSnapshots(page.snapshots.settings, page.store, {}, page.clock, past=past)
        before = await snapshots.current()
        after = await snapshots.current()
        assert after is not before
        assert await snapshots.current() is after
        await snapshots.close()
