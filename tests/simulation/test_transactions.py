"""On a real PostgreSQL no order of the statements of several members breaks what is promised."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.postgresql import Cluster
from tests.simulation.patching import patched
from tests.simulation.plants import AT_THE_DATABASE
from tests.simulation.transactions import Came, Stage

RUNS, MOST = 5, 25
SHOWS = {
    "accounts are not locked": "has a gap",
    "gates are not locked": "credits are booked",
    "alerts are written in any version": "acknowledgement was written over",
    "leases are not locked": "which is led by",
}


FEW = {"gates are not locked": (10, 4)}
"""Pieces of work, and accounts that credits are enough for, where all is decided soon."""


def run(cluster: Cluster, template: str, seed: int, work: int = 40, polls: int = 0) -> Came:
    name = f"stage_{seed}"
    try:
        return Stage(seed, cluster.create(name, template), work=work, polls=polls).run()
    finally:
        cluster.drop(name)


@contextmanager
def planted(what: str) -> Iterator[None]:
    with ExitStack() as changed:
        for plant in AT_THE_DATABASE[what]:
            changed.enter_context(patched(*plant))
        yield


def test_no_order_of_statements_breaks_a_promise(postgresql: Cluster, made_once: str) -> None:
    for seed in range(1, RUNS + 1):
        came = run(postgresql, made_once, seed)
        assert not came.broken, (seed, came.broken, came.history)
        assert came.steps > 100


def test_a_seed_is_the_same_order_each_time(postgresql: Cluster, made_once: str) -> None:
    one, other = (run(postgresql, made_once, 1) for _ in range(2))
    assert (one.digest, one.steps) == (other.digest, other.steps)
    assert run(postgresql, made_once, 2).digest != one.digest


@pytest.mark.parametrize("plant", AT_THE_DATABASE)
def test_a_fault_that_is_planted_at_the_database_is_found(
    postgresql: Cluster, made_once: str, plant: str
) -> None:
    with planted(plant):
        for seed in range(1, MOST + 1):
            broken = run(postgresql, made_once, seed, *FEW.get(plant, ())).broken
            if broken:
                assert any(SHOWS[plant] in words for words in broken), broken
                return
    pytest.fail(f"{MOST} runs, and nothing was seen")
