"""`watcher demo --cluster`: one of two members is killed, nothing is lost, and nothing is left behind."""

from __future__ import annotations

import asyncio
import re
import signal
from pathlib import Path

import pytest

from tests.endtoend.bench import PATIENCE, Installation
from tests.postgresql import MISSING, programs
from watcher.cli._demo_cluster import demo_cluster
from watcher.domain.values.errors import WatcherError
from watcher.sim import postgresql

PIPE = asyncio.subprocess.PIPE
LONG = 3 * PATIENCE
"""Seconds: three daemons start beside whatever else the machine does."""
installed = pytest.mark.skipif(programs() is None, reason=MISSING)


@pytest.fixture
def bare(there: Installation) -> Installation:
    """Nothing but the product is set."""
    there.env = {name: there.env[name] for name in there.env if name in ("PATH", "HOME", "PYTHONPATH")}
    return there


async def nobody_listens(out: str) -> None:
    for port in re.findall(r"http://127\.0\.0\.1:(\d+)", out):
        with pytest.raises(OSError):  # noqa: PT011 (any of them: nobody is there)
            await asyncio.open_connection("127.0.0.1", int(port))


@installed
async def test_one_of_two_is_killed_and_the_other_tells_all_of_the_story(bare: Installation) -> None:
    process = await bare.spawn("demo", "--cluster", "--duration", "15s", stdout=PIPE, stderr=PIPE)
    said = await asyncio.wait_for(process.communicate(), LONG)
    out, err = (each.decode() for each in said)
    assert process.returncode == 0, out + err
    killed = re.search(r"kill -9 (\S+):", out)
    leads = re.search(r"(\S+) plans and tells, [\d.]+ s later", out)
    assert killed
    assert leads
    assert {killed[1], leads[1]} == {"zrh-1", "zrh-2"}
    for rule in ("funds-moved", "issue-moved", "gas-low", "new-token", "emptied"):
        assert rule in out, f"{rule} was not told:\n{out}"
    assert "ENA" in out.partition(leads[0])[2], "what came just before the kill is told by the other one"
    spent = re.search(r"([\d,]+) credits booked, ([\d,]+) metered", out)
    assert spent
    booked, metered = (int(figure.replace(",", "")) for figure in spent.groups())
    assert booked >= metered > 0
    assert "nothing was lost, and not a credit was overspent" in out
    assert len(out.splitlines()) < 55, out
    assert "Traceback" not in out + err
    await nobody_listens(out)


@installed
async def test_ctrl_c_ends_all_of_it_in_the_middle(bare: Installation) -> None:
    process = await bare.spawn("demo", "--cluster", stdout=PIPE, stderr=PIPE)
    assert process.stdout is not None
    out = b""
    async with asyncio.timeout(LONG):
        while b"zrh-2 is at work" not in out:
            line = await process.stdout.readline()
            assert line, out
            out += line
    process.send_signal(signal.SIGINT)
    rest, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 0, err.decode()
    assert b"credits booked" in rest
    assert b"nothing was lost" not in rest, "the story was not told to its end"
    assert b"Traceback" not in err
    await nobody_listens(out.decode())


def test_where_there_is_no_postgresql_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgresql, "DEBIAN", tmp_path)
    with pytest.raises(WatcherError, match="sudo apt install postgresql"):
        demo_cluster(tmp_path, 12, keep=False)
