"""Worlds in which the product is killed, starved and lied to, and keeps what it promises."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.simulation.patching import patched
from tests.simulation.plants import AMONG_MANY, PLANTS, Plant
from tests.simulation.scenario import Scenario
from tests.simulation.world import Result, World

ROOT = Path(__file__).parents[2]
WORLDS = 4
MOST = 12
"""Worlds in which a planted fault must show."""

SHOWS = {
    "settled before it is sent": "recorded as sent, and never arrived",
    "an alert is written over": "its acknowledgement was written over",
    "what is odd is believed": "which was never so",
    "an answer that is lost is free": "credits are",
    "a delivery is forgotten": "never arrived|an end without a beginning",
}


AMONG = {
    "who has lost a role writes for it": "which is led by",
    "who is cut off leads on": " still, as ",
    "what was asked for is asked for again": "has read it at",
    "two start at once": "two starts of coins lie",
}


def test_no_world_is_broken() -> None:
    """In a process of its own, whose sets are in the order of `make sim`: there a seed shows the same."""
    words = [sys.executable, "-m", "tests.simulation.run", "--seeds", str(WORLDS), "--days", "0.25"]
    done = subprocess.run(words, cwd=ROOT, env={**os.environ}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


def sampled(names: Iterable[str], usual: Collection[str]) -> list[object]:
    """Those that are usual, and the others where there is time."""
    return [pytest.param(name, marks=() if name in usual else pytest.mark.long) for name in names]


@pytest.mark.parametrize("plant", sampled(PLANTS, set(PLANTS) - {"an alert is written over"}))
def test_a_planted_fault_is_found(plant: str) -> None:
    found = found_by(PLANTS[plant], lambda seed: Scenario(seed, days=1))
    assert any(re.search(SHOWS[plant], words) for words in found.broken), found.broken[:3]


@pytest.mark.parametrize("plant", sampled(AMONG_MANY, {"two start at once"}))
def test_a_fault_that_is_planted_among_members_is_found(plant: str) -> None:
    found = found_by(AMONG_MANY[plant], lambda seed: Scenario(seed, days=0.4, members=3, peace=False))
    assert any(AMONG[plant] in words for words in found.broken), found.broken[:3]


def test_a_seed_that_fails_fails_again_in_the_same_step() -> None:
    plant = AMONG_MANY["two start at once"]
    one, other = (
        found_by(plant, lambda seed: Scenario(seed, days=0.4, members=3, peace=False)) for _ in range(2)
    )
    assert one.broken
    assert (one.broken, one.digest, one.steps) == (other.broken, other.digest, other.steps)


def found_by(plant: Sequence[Plant], scenario: Callable[[int], Scenario]) -> Result:
    """The first world that is broken by what was planted."""
    with ExitStack() as planted:
        for owner, name, instead in plant:
            planted.enter_context(patched(owner, name, instead))
        for seed in range(1, MOST + 1):
            result = World(scenario(seed)).run()
            if result.broken:
                return result
    pytest.fail(f"{MOST} worlds, and nothing was seen")
