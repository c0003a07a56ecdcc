"""What keeps a running daemon well."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any, cast

from tests.fakes import START
from watcher.service.clock import SystemClock
from watcher.service.tally import Tally
from watcher.upkeep import LAG_EVERY, measure_lag
from watcher.wiring import App


async def test_a_loop_that_is_held_is_measured() -> None:
    tally = Tally(START)
    app: Any = SimpleNamespace(clock=SystemClock(), tally=tally)
    measuring = asyncio.create_task(measure_lag(cast(App, app)))
    await asyncio.sleep(LAG_EVERY / 2)
    time.sleep(LAG_EVERY)  # noqa: ASYNC251 (holding the loop is the point)
    async with asyncio.timeout(5):
        while not tally.lags:  # noqa: ASYNC110 (a measurement is what is waited for)
            await asyncio.sleep(0.01)
    measuring.cancel()

    assert tally.lags[0] >= LAG_EVERY * 0.4


def test_a_daemon_takes_all_descriptors_that_it_may_have() -> None:
    program = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (100, 300))\n"
        "from watcher.upkeep import take_descriptors; take_descriptors()\n"
        "print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "300 300\n"
