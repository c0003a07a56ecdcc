"""Worlds in which the product is killed, starved and lied to, and keeps what it promises."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.simulation.plants import PLANTS, patched
from tests.simulation.scenario import Scenario
from tests.simulation.world import World

ROOT = Path(__file__).parents[2]
WORLDS = 4
MOST = 12
"""Worlds in which a planted fault must show."""

SHOWS = {
    "settled before it is sent": "recorded as sent, and never arrived",
    "an alert is written over": "its acknowledgement was written over",
    "what is odd is believed": "which was never so",
    "an answer that is lost is free": "credits are",
    "a delivery is forgotten": "arrived",
}


def test_no_world_is_broken() -> None:
    """In a process of its own, whose sets are in the order of `make sim`: there a seed shows the same."""
    words = [sys.executable, "-m", "tests.simulation.run", "--seeds", str(WORLDS), "--days", "0.5"]
    done = subprocess.run(words, cwd=ROOT, env={**os.environ}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_fault_is_found(plant: str) -> None:
    with ExitStack() as planted:
        for owner, name, instead in PLANTS[plant]:
            planted.enter_context(patched(owner, name, instead))
        for seed in range(1, MOST + 1):
            broken = World(Scenario(seed, days=1)).run().broken
            if broken:
                assert any(SHOWS[plant] in words for words in broken), broken[:3]
                return
    pytest.fail(f"{MOST} worlds, and nothing was seen")
