"""Signals to a real process at every moment of its life: the start, a reload, the end, each of them twice."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.chaos.stand import long
from tests.endtoend.bench import SOLO, Installation, installation

STARTS = 2.5
"""Seconds within which a start is over, on a machine that does other things too."""
FEW = {0, 7, 19}
MOMENTS = [pytest.param(n, marks=() if n in FEW else long) for n in range(40)]


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Installation]:
    async with installation(tmp_path) as there:
        yield there


def rewrite(there: Installation, number: int) -> str:
    """Watch another address from the next reading of the file on; that address. Never half a file."""
    address = f"0x{number:040x}"
    fresh = there.file("watcher.yaml.new")
    fresh.write_text(there.file("watcher.yaml").read_text().replace(there.env.get("WATCHED", SOLO), address))
    fresh.rename(there.file("watcher.yaml"))
    there.env["WATCHED"] = address
    return address


async def asked_for(there: Installation, address: str) -> None:
    while not any(address in request.query for request in there.coinstats):
        await there.coinstats.until(there.coinstats.polls + 1)


async def listens(process: asyncio.subprocess.Process) -> None:
    """Until the process has handlers of its own. Before that it is Python's, and then the system's."""
    status = Path(f"/proc/{process.pid}/status")
    while not int(status.read_text().split("SigCgt:")[1].split()[0], 16) & 1 << signal.SIGHUP - 1:  # noqa: ASYNC110
        await asyncio.sleep(0.001)


def send(process: asyncio.subprocess.Process, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process.pid, number)  # its own method might be the one to learn of the end


async def ends(there: Installation, process: asyncio.subprocess.Process) -> None:
    assert await asyncio.wait_for(process.wait(), 10) == 0, there.log()
    assert "Traceback" not in there.log()


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_whoever_stops_a_start_ends_it_well(there: Installation, moment: int, number: int) -> None:
    async with there.daemon() as daemon:
        there.signalled.add(daemon.pid)
        await listens(daemon)
        await asyncio.sleep(moment * STARTS / len(MOMENTS))
        for _ in range(2):
            send(daemon, number)
            await asyncio.sleep(0.002)
        await ends(there, daemon)


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_reload_that_is_asked_for_during_a_start_follows_it(there: Installation, moment: int) -> None:
    async with there.daemon() as daemon:
        await listens(daemon)
        await asyncio.sleep(moment * STARTS / len(MOMENTS))
        address = rewrite(there, moment + 1)
        for _ in range(2):
            send(daemon, signal.SIGHUP)
        async with asyncio.timeout(30):
            await asked_for(there, address)
        assert daemon.returncode is None
        there.signalled.add(daemon.pid)
        send(daemon, signal.SIGTERM)
        await ends(there, daemon)


@pytest.mark.parametrize("rounds", [8, pytest.param(150, marks=long)])
async def test_a_reload_that_is_asked_for_during_a_reload_follows_it(
    there: Installation, rounds: int
) -> None:
    async with there.daemon() as daemon:
        await there.first_readings()
        for number in range(1, rounds + 1):
            rewrite(there, 2 * number)
            send(daemon, signal.SIGHUP)
            await asyncio.sleep(number * 0.4 / rounds)
            address = rewrite(there, 2 * number + 1)
            send(daemon, signal.SIGHUP)
            async with asyncio.timeout(30):
                await asked_for(there, address)
        there.signalled.add(daemon.pid)
        send(daemon, signal.SIGTERM)
        await ends(there, daemon)


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("times", [1, pytest.param(10, marks=long)])
async def test_an_end_is_not_disturbed_by_any_signal_until_the_process_is_gone(
    there: Installation, first: int, times: int
) -> None:
    for _ in range(times):
        async with there.daemon() as daemon:
            polls = there.coinstats.polls
            await there.coinstats.until(polls + 1)
            there.signalled.add(daemon.pid)
            send(daemon, first)
            while daemon.returncode is None:
                for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
                    send(daemon, number)
                await asyncio.sleep(0.001)
            await ends(there, daemon)


@long
async def test_an_end_that_hangs_is_cut_off_within_ten_seconds(there: Installation) -> None:
    """A loop that is held hears nothing, and nobody can end what it does."""
    there.file("sitecustomize.py").write_text(
        "import watcher.service.poll_times\n"
        "def hang(*_):\n"
        "    while True: pass\n"
        "watcher.service.poll_times.PollTimes.ticks = hang\n"
    )
    there.env["PYTHONPATH"] += f":{there.folder}"
    async with there.daemon() as daemon:
        there.signalled.add(daemon.pid)
        await listens(daemon)
        await asyncio.sleep(STARTS)
        send(daemon, signal.SIGTERM)
        await ends(there, daemon)
