"""The daemon's loop knows for how long it was held, without ever waking to find out."""

from __future__ import annotations

import asyncio
import time

import pytest

from watcher.daemon import loop
from watcher.daemon.loop import lag_here, run_loop

HELD = 0.2


async def hold() -> float:
    """Hold the loop as bad code would; by how much it is told to be late."""
    lag = lag_here()
    assert lag is not None
    asyncio.get_running_loop().call_soon(time.sleep, HELD)
    await asyncio.sleep(0.01)
    return lag()


def test_a_loop_that_is_held_tells_for_how_long() -> None:
    assert run_loop(hold()) >= HELD


def test_what_held_it_more_than_a_minute_ago_is_told_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> float:
        await hold()
        monkeypatch.setattr(loop, "monotonic", lambda: time.monotonic() + loop.LAST)
        lag = lag_here()
        assert lag is not None
        return lag()

    assert run_loop(work()) < HELD


def test_a_loop_of_somebody_else_says_nothing_rather_than_that_it_was_never_late() -> None:
    async def work() -> object:
        return lag_here()

    assert asyncio.run(work()) is None
