"""A month of 200 accounts on a clock that is moved: nothing grows but history."""

from __future__ import annotations

import gc
import os
import sqlite3
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from tests.service.year import Year
from watcher.domain.credits.allowance import CreditPlan
from watcher.store.sqlite.store import SqliteStore

DAYS, ACCOUNTS, POLLS = 30, 200, 2000
SETTLED = 10
"""Days after which every account was read and nothing is new any more."""


class Sizes(NamedTuple):
    """What could grow: bytes in memory, open files, threads, bytes of the store, rows of history."""

    memory: int
    files: int
    threads: int
    store: int
    changes: int


def sizes(path: Path) -> Sizes:
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * 4096
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as conn:
        ((changes,),) = conn.execute("SELECT count(*) FROM changes")
    files = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 (names are enough)
    return Sizes(resident, files, threading.active_count(), path.stat().st_size, changes)


async def test_in_a_month_nothing_grows_but_history(tmp_path: Path) -> None:
    path = tmp_path / "watcher.db"
    store = await SqliteStore.open(path, exclusive=True)
    year = Year(store, CreditPlan(40 * POLLS), ACCOUNTS)
    await year.start()
    began, days = year.clock.now(), []
    for day in range(1, DAYS + 1):
        await year.run(began + timedelta(days=day))
        while await store.tidy(year.clock.now()):
            pass
        days.append(sizes(path))
    await store.close()

    settled, last = days[SETTLED - 1], days[-1]
    assert sum(map(len, year.polls.values())) > 0.8 * POLLS
    assert len(year.polls) == ACCOUNTS
    assert last.files == settled.files
    assert last.threads == settled.threads
    assert last.memory - settled.memory < 10 * 2**20
    # A request in the log for 35 days, and a change for ever: 300 bytes a poll are plenty for both.
    polls = POLLS * (DAYS - SETTLED) / DAYS
    assert last.store - settled.store <= 400 * polls + 200 * (last.changes - settled.changes)
