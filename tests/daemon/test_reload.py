"""A configuration is read again beside the work, not instead of it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes import FakeClock, FakeMembers
from watcher.config.configuration import configure
from watcher.daemon import run
from watcher.daemon.run import Daemon
from watcher.domain.values.errors import RoleLostError
from watcher.ports.members import Identity
from watcher.store.memory.store import MemoryStore


def write(folder: Path, wallets: int, **more: object) -> Path:
    path = folder / "watcher.json"
    content = {
        "version": 1,
        "sources": {"coinstats": {"kind": "coinstats", "api_key": "key"}},
        "wallets": [
            {"name": f"w{n}", "source": "coinstats", "address": f"0x{n:040x}", "chains": ["ethereum"]}
            for n in range(wallets)
        ],
        **more,
    }
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("sound", [True, False])
async def test_the_loop_turns_while_a_long_watch_list_is_read_again(tmp_path: Path, sound: bool) -> None:
    path = write(tmp_path, 3000, **({} if sound else {"wallet": []}))
    daemon, turns = Daemon(path, {}, lambda _: None), 0
    reading = asyncio.create_task(daemon._read())
    while not reading.done():
        await asyncio.sleep(0)
        turns += 1

    assert (await reading is not None) is sound
    assert turns > 10  # it would be one or two


async def test_an_end_does_not_wait_for_a_secret_that_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    come = threading.Event()

    def waiting(*_: object) -> None:
        come.wait(30)

    monkeypatch.setattr(run, "configure", waiting)
    daemon = Daemon(write(tmp_path, 1), {}, lambda _: None)
    try:
        reading = asyncio.create_task(daemon._read())
        await asyncio.sleep(0.01)
        daemon.stopping.set()
        async with asyncio.timeout(5):
            assert await reading is None
    finally:
        come.set()


class NameTaken(FakeMembers):
    """Its name is had by somebody who has died with its machine."""

    async def introduce(self, who: Callable[[], Identity]) -> None:
        self.identity = who()
        await asyncio.Event().wait()


async def test_an_end_does_not_wait_for_the_name_of_who_has_died(tmp_path: Path) -> None:
    path, store = write(tmp_path, 1), MemoryStore()
    store.members = members = NameTaken()
    daemon = Daemon(path, {}, lambda _: None)
    serving = asyncio.create_task(daemon.serve(configure(path, {}), store))
    while not members.identity.name:  # noqa: ASYNC110 (nobody tells of it)
        await asyncio.sleep(0)
    daemon.stopping.set()
    async with asyncio.timeout(5):
        assert await serving is False


class LosesItsRole(FakeMembers):
    """Another member gains what it leads while it begins: once."""

    begun = 0

    async def introduce(self, who: Callable[[], Identity]) -> None:
        self.begun += 1
        if self.begun == 1:
            raise RoleLostError("plan is led by another member by now; nothing was written")
        self.identity = who()
        await asyncio.Event().wait()


async def test_a_member_that_loses_the_store_while_it_begins_begins_anew(tmp_path: Path) -> None:
    server = {"kind": "postgresql", "url": "postgresql://nobody@127.0.0.1:1/nowhere"}
    path, store, clock = write(tmp_path, 1, store=server), MemoryStore(), FakeClock()
    store.members = members = LosesItsRole()
    daemon = Daemon(path, {}, lambda _: None, clock)
    serving = asyncio.create_task(daemon.serve(configure(path, {}), store))
    while not members.identity.name:
        await asyncio.sleep(0)
        await clock.advance(0.1)
    daemon.stopping.set()
    assert await serving is False


async def test_a_file_that_fails_while_a_daemon_begins_ends_it(tmp_path: Path) -> None:
    path, store = write(tmp_path, 1), MemoryStore()
    store.members = LosesItsRole()
    with pytest.raises(RoleLostError, match="nothing was written"):
        await Daemon(path, {}, lambda _: None).serve(configure(path, {}), store)
