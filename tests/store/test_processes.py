"""Several processes on one store, and processes that die."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.contract.given import ETH, HOT, NOW, book, changed, keep, known, plan
from tests.store.given import first_line, opened, overwrite, process, rows
from watcher.domain.values.errors import StoreInUseError
from watcher.store.sqlite.store import SqliteStore

_BEGIN = """
import asyncio, sys
from pathlib import Path
from tests.contract.given import *
from watcher.store.sqlite.store import SqliteStore
path = Path(sys.argv[1])
"""
HOLDER = (
    _BEGIN
    + """
async def main():
    store = await SqliteStore.open(path, exclusive=True)
    print("open", flush=True)
    sys.stdin.readline()
asyncio.run(main())
"""
)
RESERVER = (
    _BEGIN
    + """
async def main():
    store = await SqliteStore.open(path, exclusive=True)
    await keep(store, accounts=(known(HOT, ethereum="1"),), changes=(changed(HOT, ETH, None, "1"),))
    await book(store, 40, plan(100))
    print("booked", flush=True)
    sys.stdin.readline()
asyncio.run(main())
"""
)
SPENDER = (
    _BEGIN
    + """
async def main():
    store = await SqliteStore.open(path, exclusive=False)
    print("open", flush=True)
    sys.stdin.readline()
    granted = 0
    while await book(store, 7, plan(1000)):
        granted += 1
    print(granted, flush=True)
    await store.close()
asyncio.run(main())
"""
)
WRITER = (
    _BEGIN
    + """
async def main():
    store = await SqliteStore.open(path, exclusive=True)
    number = 0
    while True:
        number += 1
        state = known(HOT, after(seconds=number), ethereum=str(number))
        owed = delivery(f"d{number}", created=after(seconds=number))
        await keep(store, accounts=(state,), deliveries=(owed,),
                   changes=(changed(HOT, ETH, str(number - 1), str(number), after(seconds=number)),))
        if number == 30:
            print("busy", flush=True)
asyncio.run(main())
"""
)


async def test_two_daemons_never_run_on_one_store(tmp_path: Path) -> None:
    path = tmp_path / "watcher.db"
    with process(HOLDER, path) as holder:
        try:
            assert first_line(holder) == "open"

            with pytest.raises(StoreInUseError, match=f"process {holder.pid}"):
                await SqliteStore.open(path, exclusive=True)
            async with opened(path, exclusive=False) as store:
                assert await book(store, 40, plan(100))
        finally:
            holder.kill()

    async with opened(path, exclusive=True):
        pass


async def test_a_lock_is_given_up_when_the_store_closes(tmp_path: Path) -> None:
    path = tmp_path / "watcher.db"
    async with opened(path, exclusive=True):
        with pytest.raises(StoreInUseError, match=str(os.getpid())):
            await SqliteStore.open(path, exclusive=True)

    async with opened(path, exclusive=True):
        pass


async def test_a_lock_is_given_up_when_opening_fails(tmp_path: Path) -> None:
    path = tmp_path / "watcher.db"
    overwrite(path, b"no database" * 1000)
    for _ in range(2):
        with pytest.raises(Exception, match="not a watcher store"):
            await SqliteStore.open(path, exclusive=True)


async def test_a_booking_outlives_the_process_that_made_it(tmp_path: Path) -> None:
    path = tmp_path / "watcher.db"
    with process(RESERVER, path) as running:
        assert first_line(running) == "booked"
        running.send_signal(signal.SIGKILL)
    assert path.with_name("watcher.db-wal").stat().st_size > 0

    async with opened(path, exclusive=True) as store:
        assert await store.spent("coinstats", NOW) == 40
        assert await book(store, 61, plan(100)) is None
        assert (await store.load([HOT])).accounts == {HOT: known(HOT, ethereum="1")}


async def test_a_process_killed_while_writing_leaves_whole_conclusions(tmp_path: Path) -> None:
    path = tmp_path / "watcher.db"
    with process(WRITER, path) as running:
        assert first_line(running) == "busy"
        running.send_signal(signal.SIGKILL)

    async with opened(path, exclusive=True) as store:
        amount = (await store.load([HOT])).accounts[HOT].amounts[ETH]
    assert amount >= 30
    assert rows(path, "SELECT count(*), max(CAST(after AS INTEGER)) FROM changes") == [(amount, amount)]
    assert rows(path, "SELECT count(*) FROM deliveries") == [(amount,)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


async def test_two_processes_together_never_pass_the_cap(tmp_path: Path) -> None:
    path = tmp_path / "watcher.db"
    async with opened(path):
        pass
    both = [process(SPENDER, path) for _ in range(2)]
    for running in both:
        assert first_line(running) == "open"

    granted = [int(running.communicate("\n", timeout=60)[0]) for running in both]

    assert sum(granted) == 1000 // 7
    assert rows(path, "SELECT sum(credits), sum(calls) FROM spending") == [(142 * 7, 142)]


async def test_processes_that_make_the_store_at_once_all_get_it(tmp_path: Path) -> None:
    path = tmp_path / "watcher.db"
    running = [process(SPENDER, path) for _ in range(3)]

    lines = [first_line(each) for each in running]
    for each in running:
        each.communicate("\n", timeout=60)

    assert lines == ["open"] * 3
    assert rows(path, "SELECT sum(credits) FROM spending") == [(142 * 7,)]


async def test_a_change_by_another_process_is_the_baseline_of_the_next_decision(tmp_path: Path) -> None:
    path = tmp_path / "watcher.db"
    async with opened(path, exclusive=True) as daemon:
        await keep(daemon, accounts=(known(HOT, ethereum="1"),), changes=(changed(HOT, ETH, None, "1"),))
        async with opened(path) as hand:
            await keep(hand, accounts=(known(HOT, ethereum="2"),), changes=(changed(HOT, ETH, "1", "2"),))

        assert (await daemon.load([HOT])).accounts[HOT].amounts == {ETH: 2}


MAKER = """
import sys
from pathlib import Path
path = Path(sys.argv[1])
for name in ("numpy", "pandas"):  # as if installed: to load one ends the process
    (path.parent / f"{name}.py").write_text("raise SystemExit('loaded')")
sys.path.insert(0, str(path.parent))
from watcher.store.sqlite.transactions import Transactions
Transactions(path).close()
print("made")
try:
    import numpy
except SystemExit:
    print("and others may have it")
"""


def test_a_new_store_loads_no_libraries_that_it_has_no_use_for(tmp_path: Path) -> None:
    with process(MAKER, tmp_path / "watcher.db") as running:
        assert running.communicate(timeout=60)[0].splitlines() == ["made", "and others may have it"]
