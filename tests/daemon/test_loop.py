"""The daemon's loop knows for how long it was held, without ever waking to find out."""

from __future__ import annotations

import asyncio
import time

import pytest

from watcher.daemon import loop
from watcher.daemon.loop import DaemonLoop, LagMeter

HELD = 0.2


def held_loop() -> DaemonLoop:
    """A loop that bad code has held, and that then ran on."""

    async def work(found: DaemonLoop) -> None:
        found.call_soon(time.sleep, HELD)
        await asyncio.sleep(0.01)

    with asyncio.Runner(loop_factory=DaemonLoop) as runner:
        found = runner.get_loop()
        assert isinstance(found, DaemonLoop)
        runner.run(work(found))
    return found


def test_a_loop_that_is_held_tells_for_how_long() -> None:
    assert held_loop().lag.worst() >= HELD


def test_what_held_it_more_than_a_minute_ago_is_told_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    held = held_loop()
    monkeypatch.setattr(loop, "monotonic", lambda: time.monotonic() + loop.LAST)
    assert held.lag.worst() < HELD


@pytest.mark.parametrize(("woken", "late"), [(10.001, 0.0), (13.001, 3.0)])
def test_what_is_waited_for_is_no_lag_and_what_it_takes_longer_is(
    monkeypatch: pytest.MonkeyPatch, woken: float, late: float
) -> None:
    times = iter((10.0, 10.0, woken, woken))
    monkeypatch.setattr(loop, "monotonic", lambda: next(times))
    meter = LagMeter()
    meter.select(0.001)
    assert round(meter.worst(), 6) == late
