"""Airdrops through the whole chain, and `watcher assets` beside the running work."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.service.test_plausibility import HOT, Bench
from watcher.cli import _run
from watcher.sim import Simulation

SPAM, REAL = "0x" + "5" * 40, "0x" + "a" * 40
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with Simulation() as sim:
        sim.world.set_amount(HOT, "ethereum", "ETH", "1.25", price="2000", coin_id="ethereum")
        for number in range(50):
            sim.world.set_amount(HOT, "ethereum", f"FREE{number}", "1000", contract=f"0x{number + 1:040x}")
        found = Bench(tmp_path, sim)
        await found.start()
        yield found
        await found.stop()


def verb(bench: Bench, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> list[Any]:
    capsys.readouterr()
    assert _run(["assets", *words, "--json", "-c", str(bench.folder / "watcher.yaml")]) == code
    rows: list[Any] = json.loads(capsys.readouterr().out)
    return rows


async def test_spam_is_quiet_and_listed_and_a_real_token_is_told(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await bench.poll() == []
    bench.sim.world.set_amount(HOT, "ethereum", "visit.example", "77", contract=SPAM)
    assert await bench.poll() == []
    bench.sim.world.set_amount(HOT, "ethereum", "REAL", "500", contract=REAL, price="1")
    (told,) = await bench.poll()
    assert "+500 REAL" in told
    assert bench.status()["accounts"][0]["quarantined"] == 51
    rows = verb(bench, capsys)
    assert len(rows) == 52
    (real,) = [row for row in rows if row["state"] != "quarantined"]
    assert (real["asset"], real["state"]) == (REAL, "newcomer")
    (spam,) = [row for row in rows if row["asset"] == SPAM]
    assert (spam["wallet"], spam["symbol"], spam["reason"], spam["by"]) == (
        "hot", "visit.example", "it has no price", "",
    )  # fmt: skip
    assert len(verb(bench, capsys, "--all")) == 53


async def test_a_release_and_a_hiding_by_hand_are_heeded_with_the_next_reading(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    await bench.poll()
    bench.sim.world.set_amount(HOT, "ethereum", "MINE", "77", contract=SPAM)
    await bench.poll()
    rows = verb(bench, capsys, "release", "mine", "--wallet", "hot")
    assert SPAM not in {row["asset"] for row in rows}
    bench.sim.world.set_amount(HOT, "ethereum", "MINE", "80", contract=SPAM)
    (told,) = await bench.poll()
    assert "+3 MINE" in told
    rows = verb(bench, capsys, "hide", f"ethereum/{SPAM}", "--wallet", "hot", "--reason", "a test")
    (hidden,) = [row for row in rows if row["asset"] == SPAM]
    assert (hidden["state"], hidden["reason"]) == ("hidden", "a test")
    assert hidden["by"]
    bench.sim.world.set_amount(HOT, "ethereum", "MINE", "90", contract=SPAM)
    assert await bench.poll() == [told]
    await bench.stop()
    await bench.start()
    bench.sim.world.set_amount(HOT, "ethereum", "MINE", "95", contract=SPAM)
    assert await bench.poll() == [told]
    assert verb(bench, capsys, "release", "--all", "--wallet", "hot") == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["release", "nonsense", "--wallet", "hot"], "there is no such asset"),
        (["release", "FREE1"], "needs one --wallet NAME"),
        (["hide", "--all", "--wallet", "hot"], "needs the assets"),
        (["list", "FREE1"], "list takes no assets"),
        (["--wallet", "hott"], "there is no wallet 'hott'; did you mean 'hot'?"),
    ],
)
async def test_a_wrong_use_is_told_and_changes_nothing(
    bench: Bench, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    await bench.poll()
    assert _run(["assets", *words, "-c", str(bench.folder / "watcher.yaml")]) in (1, 2)
    assert said in " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert len(verb(bench, capsys)) == 50


async def test_a_symbol_of_several_assets_is_asked_for_by_contract(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    await bench.poll()
    for contract in (SPAM, REAL):
        bench.sim.world.set_amount(HOT, "ethereum", contract, "1", symbol="TWIN", contract=contract)
    await bench.poll()
    verb(bench, capsys, "release", "TWIN", "--wallet", "hot", code=1)
    assert len(verb(bench, capsys)) == 52
    verb(bench, capsys, "release", SPAM, REAL, "--wallet", "hot")
    assert len(verb(bench, capsys)) == 50
