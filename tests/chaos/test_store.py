"""The store's bad days: the real daemon on real files that fail."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from tests.chaos.stand import Life, Stand, eventually, long
from tests.endtoend.bench import EVM
from watcher.domain.values.errors import StoreBusyError
from watcher.store.sqlite.connection import VERSION
from watcher.store.sqlite.migrations import migrations
from watcher.store.sqlite.store import SqliteStore


def move(there: Stand, amount: str) -> None:
    there.sim.world.set_amount(EVM, "ethereum", "ETH", amount, symbol="ETH", price="3000", coin_id="ethereum")


async def polled(there: Stand, times: int = 2) -> None:
    for log in (there.coinstats, there.teos):
        await log.until_taken(log.taken + times)


async def ended(there: Stand, life: Life) -> int:
    return await there.zygote.kill(life, signal.SIGTERM)


def sound(there: Stand) -> bool:
    return there.query("PRAGMA integrity_check") == [("ok",)]


async def test_a_full_disk_is_said_costs_nothing_and_once_there_is_room_it_goes_on(
    there: Stand, small_disk: Path
) -> None:
    there.elsewhere = small_disk / "watcher.db"
    there.write(more=there.heartbeat)
    life = await there.start()
    await polled(there)
    await there.beating(2)
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass
    await there.logged("the disk is full; make room")
    await there.logged("no heartbeat: ", "the disk is full")
    beats = len(there.beats)
    move(there, "0.3")
    await asyncio.sleep(1)
    asked = there.coinstats.taken
    await asyncio.sleep(2)
    assert there.coinstats.taken - asked <= 1, "it asks, and pays, for what it cannot keep"
    assert not life.ended.done()
    assert len(there.beats) == beats, "it says that all is well"

    filler.unlink()

    await there.told("low", "0.3")
    await there.beating(1)
    assert await ended(there, life) == 0
    assert sound(there)
    assert there.query("SELECT sum(credits) FROM spending")[0][0] >= there.sim.coinstats.credits_used


@long
async def test_a_lock_held_by_another_process_is_said_and_waited_out(there: Stand) -> None:
    life = await there.start()
    await polled(there)
    move(there, "0.3")
    with closing(sqlite3.connect(there.store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(30)
        other.execute("ROLLBACK")
    await there.told("low", "0.3", within=60)
    assert "another process holds the store locked" in there.log()
    assert await ended(there, life) == 0
    assert sound(there)
    assert there.query("SELECT count(*) FROM deliveries WHERE state <> 'sent'") == [(0,)]


async def test_a_read_only_store_ends_the_start_with_the_remedy_and_later_starts_go_on(
    there: Stand, small_disk: Path
) -> None:
    there.elsewhere = small_disk / "watcher.db"
    there.write()
    life = await there.start()
    await polled(there)
    await there.zygote.kill(life)  # so that a WAL is left, which a read-only disk cannot take in
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    asked = there.coinstats.taken

    life = await there.start()

    assert await asyncio.wait_for(life.ended, 15) == 1
    assert "read-only" in there.log().lower()
    assert "Traceback" not in there.log()
    assert there.coinstats.taken == asked
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    life = await there.start()
    move(there, "0.3")
    await there.told("low", "0.3")
    assert await ended(there, life) == 0
    assert sound(there)


async def test_a_migration_makes_a_verified_copy_first(there: Stand) -> None:
    with closing(sqlite3.connect(there.store)) as old:
        migrations.apply(Database(old), stop_before="m002_doubts")
        old.execute("PRAGMA user_version = 1")
        old.execute("INSERT INTO facts VALUES ('teos', 'x', 'kept', 1)")
        old.commit()
    stale = there.store.with_name(f"watcher.db.before-{VERSION}.bak")
    stale.write_bytes(b"the copy of another time")

    life = await there.start()
    await polled(there)

    assert await ended(there, life) == 0
    with closing(sqlite3.connect(stale)) as copy:
        assert copy.execute("PRAGMA user_version").fetchone() == (1,)
        assert copy.execute("SELECT value FROM facts").fetchall() == [("kept",)]
    assert there.query("PRAGMA user_version") == [(VERSION,)]
    assert ("kept",) in there.query("SELECT value FROM facts")


async def test_without_room_for_the_copy_a_migration_does_not_begin(there: Stand, small_disk: Path) -> None:
    there.elsewhere = small_disk / "watcher.db"
    there.write()
    with closing(sqlite3.connect(there.store)) as old:
        migrations.apply(Database(old), stop_before="m002_doubts")
        old.execute("PRAGMA user_version = 1")
        old.execute("CREATE TABLE ballast AS SELECT zeroblob(1200000) AS empty")
        old.commit()

    life = await there.start()

    assert await asyncio.wait_for(life.ended, 15) == 1
    assert "the disk is full; make room" in there.log()
    assert there.query("PRAGMA user_version") == [(1,)]
    assert not list(small_disk.glob("*.partial"))


@long
async def test_a_newer_store_is_left_alone(there: Stand) -> None:
    life = await there.start()
    await polled(there)
    assert await ended(there, life) == 0
    with closing(sqlite3.connect(there.store)) as other:
        other.execute("PRAGMA user_version = 99")
    before = there.store.read_bytes()

    life = await there.start()

    assert await asyncio.wait_for(life.ended, 15) == 1
    assert "written by a newer watcher (schema 99" in there.log()
    assert there.store.read_bytes() == before


@long
async def test_a_damaged_page_is_said_with_the_remedy_and_nothing_is_asked(there: Stand) -> None:
    life = await there.start()
    await polled(there)
    assert await ended(there, life) == 0
    with closing(sqlite3.connect(there.store)) as other:
        (root,) = other.execute("SELECT rootpage FROM sqlite_master WHERE name = 'accounts'").fetchone()
        (size,) = other.execute("PRAGMA page_size").fetchone()
    with there.store.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(os.urandom(size))
    asked = there.coinstats.taken

    life = await there.start()

    assert await asyncio.wait_for(life.ended, 15) == 1
    assert "the store is damaged; stop watcher, keep the file, and put back a copy" in there.log()
    assert "Traceback" not in there.log()
    assert there.coinstats.taken == asked


@long
async def test_a_page_damaged_while_it_runs_is_said_and_no_credit_is_burnt(there: Stand) -> None:
    life = await there.start()
    await polled(there)
    with closing(sqlite3.connect(there.store)) as other:
        pages = [
            root
            for (root,) in other.execute("SELECT rootpage FROM sqlite_master WHERE tbl_name = 'spending'")
        ]
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = other.execute("PRAGMA page_size").fetchone()
    with there.store.open("r+b") as file:
        for root in pages:
            file.seek((root - 1) * size)
            file.write(os.urandom(size))
    os.truncate(f"{there.store}-wal", 0)
    await there.logged("damaged")
    await asyncio.sleep(2)
    asked = there.coinstats.taken
    await asyncio.sleep(3)
    assert there.coinstats.taken - asked <= 1
    await there.zygote.kill(life, signal.SIGTERM)
    assert "Traceback" not in there.log()


async def test_a_torn_wal_after_a_crash_costs_at_most_what_was_not_committed(there: Stand) -> None:
    life = await there.start()
    await polled(there)
    move(there, "0.3")
    await there.told("low", "0.3")
    await there.zygote.kill(life)
    with Path(f"{there.store}-wal").open("ab") as file:
        file.write(os.urandom(10_000))

    life = await there.start()
    move(there, "0.98765")
    await there.told("low", "0.98765")

    assert await ended(there, life) == 0
    assert sound(there)
    assert there.query("SELECT kind FROM messages WHERE rule = 'low' ORDER BY id") == [
        ("firing",),
        ("resolved",),
    ]


async def test_a_backup_while_it_runs_is_whole_and_restores(there: Stand) -> None:
    life = await there.start()
    await polled(there)
    for number in range(3):
        move(there, f"2.{number}1")
        await there.told(f"2.{number}1")
        copy = await there.start("backup", str(there.folder / f"copy{number}.db"))
        assert await asyncio.wait_for(copy.ended, 15) == 0
    await there.zygote.kill(life)
    for number in range(3):
        with closing(sqlite3.connect(there.folder / f"copy{number}.db")) as copied:
            assert copied.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            amounts = [row[0] for row in copied.execute("SELECT after FROM changes")]
        assert f"2.{number}1" in amounts
    for name in ("", "-wal", "-shm"):
        Path(f"{there.store}{name}").unlink(missing_ok=True)
    (there.folder / "copy0.db").rename(there.store)
    taken = there.fars["ops"].about("2.01", "2.21")

    life = await there.start()

    await there.told("2.01", "2.21")  # from what the copy knew to what is true now
    assert await ended(there, life) == 0
    assert taken == 0


@long
async def test_two_daemons_on_one_store_are_one(there: Stand) -> None:
    first = await there.start()
    await polled(there)
    second = await there.start()
    assert await asyncio.wait_for(second.ended, 15) == 1
    assert f"process {first.pid}" in there.log()
    await there.zygote.kill(first)

    third = await there.start()
    await polled(there)

    assert await ended(there, third) == 0
    await eventually(lambda: sound(there), 1, there.log)


async def test_a_start_on_a_full_disk_says_so(small_disk: Path) -> None:
    with (small_disk / "filler").open("wb") as filler:
        os.posix_fallocate(filler.fileno(), 0, os.statvfs(small_disk).f_bavail * 4096 - 36 * 1024)
    with pytest.raises(StoreBusyError, match="the disk is full; make room"):
        await SqliteStore.open(small_disk / "watcher.db", exclusive=True)
