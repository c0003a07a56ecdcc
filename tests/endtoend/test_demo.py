"""`watcher demo`: the whole product with no key and no network, and it ends well at any moment."""

from __future__ import annotations

import asyncio
import re
import signal
from pathlib import Path

import pytest

from tests.endtoend.bench import PATIENCE, Installation
from watcher.cli.demo import _until

PAGE = "http://127.0.0.1:4711"


async def test_the_demo_tells_every_kind_of_alert_and_ends_by_itself(there: Installation) -> None:
    there.env = {name: there.env[name] for name in there.env if name in ("PATH", "HOME", "PYTHONPATH")}
    code, out, err = await there.verb("demo", "--duration", "12s")
    assert code == 0, err
    for rule in ("funds-moved", "issue-moved", "gas-low", "new-token"):
        assert rule in out, f"{rule} was not told:\n{out}"
    assert "esolved" in out
    assert out.count("  Moved  ") == 1, "the first alert has all its particulars, the others a line each"
    assert len(out.splitlines()) < 65, out
    assert out.count("    elsewhere: ") == 5
    last = out.splitlines()[-3:]
    assert [line for line in last if "demo --keep" in line and "http://127.0.0.1:" in line], last
    emptied = [line for line in out.splitlines() if " critical event " in line]
    assert all("operations" in line for line in emptied), (
        emptied
    )  # it alone is drained; Base is only left out
    assert "silent" not in out
    hinted = re.search(r"an alert ([\d.]+) s later.*1,000 false hints cost (\d+) poll", out)
    assert hinted, out
    assert float(hinted[1]) < 3, "some 0.05 s, on a machine that does nothing else"
    assert int(hinted[2]) <= 10, "one for each request at most, whatever stands in it"
    spent = re.search(r"([\d,]+) credits booked, ([\d,]+) metered", out)
    assert spent
    booked, metered = (int(figure.replace(",", "")) for figure in spent.groups())
    assert booked >= metered > 0
    assert "Traceback" not in out + err


async def test_ctrl_c_ends_the_demo_cleanly_in_the_middle(there: Installation) -> None:
    pipe = asyncio.subprocess.PIPE
    process = await there.spawn("demo", stdout=pipe, stderr=pipe)
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        while b"Watching" not in await process.stdout.readline():
            pass
    process.send_signal(signal.SIGINT)
    out, err = await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode == 0, err.decode()
    assert b"credits booked" in out
    assert b"Traceback" not in err


async def test_a_demo_that_stays_up_says_once_more_where_its_page_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stopping, playing = asyncio.Event(), asyncio.create_task(asyncio.sleep(0))
    staying = asyncio.create_task(_until(stopping, playing, None, (PAGE, Path("/folder"))))
    said = ""
    async with asyncio.timeout(PATIENCE):
        while "/folder/watcher.yaml explain" not in said:
            await asyncio.sleep(0)
            said += capsys.readouterr().out
        assert PAGE in said
        assert not staying.done()
        stopping.set()
        await staying
