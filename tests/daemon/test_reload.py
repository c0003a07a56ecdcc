"""A configuration is read again beside the work, not instead of it."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

import pytest

from watcher.daemon import run
from watcher.daemon.run import Daemon


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
