"""The loop of the simulation: a seed decides, and decides the same each time."""

from __future__ import annotations

import asyncio
from contextvars import copy_context

import pytest

from tests.simulation.loop import MEMBER, SimulatedLoop
from tests.simulation.scenario import Scenario
from tests.simulation.world import Result, World


def told_by(seed: str) -> list[str]:
    """Two members that each say three words, with a pause before the last."""
    loop, said = SimulatedLoop(seed), list[str]()

    async def say(name: str) -> None:
        for word in range(3):
            said.append(f"{name}{word}")
            await asyncio.sleep(word)

    async def both() -> None:
        await asyncio.gather(*tasks)

    tasks = []
    for name in ("a", "b"):
        context = copy_context()
        context.run(MEMBER.set, name)
        tasks.append(loop.create_task(say(name), context=context))
    loop.run_until_complete(both())
    loop.close()
    return said


def test_the_same_seed_is_the_same_order_and_seeds_bring_others() -> None:
    assert told_by("7") == told_by("7")
    assert len({tuple(told_by(str(seed))) for seed in range(20)}) > 3


def test_each_member_keeps_its_own_order() -> None:
    for seed in range(20):
        said = told_by(str(seed))
        assert [each for each in said if each[0] == "a"] == ["a0", "a1", "a2"]


def test_time_passes_at_once_and_nothing_happens_out_of_turn() -> None:
    loop = SimulatedLoop("1")
    seen = list[float]()

    async def sleep() -> None:
        await asyncio.gather(*(wake(each) for each in (86400.0, 1.0, 3600.0)))

    async def wake(after: float) -> None:
        await asyncio.sleep(after)
        seen.append(loop.time())

    loop.run_until_complete(sleep())
    loop.close()
    assert seen == [1.0, 3600.0, 86400.0]


def test_who_is_killed_does_nothing_more_not_even_at_an_end() -> None:
    loop, said = SimulatedLoop("1"), list[str]()

    async def live() -> None:
        try:
            said.append("begins")
            await asyncio.to_thread(said.append, "a thread was begun")
            await asyncio.sleep(1)
            said.append("never")
        finally:
            await asyncio.sleep(0)
            said.append("nor this")

    async def world() -> None:
        context = copy_context()
        context.run(MEMBER.set, "a")
        task = loop.create_task(live(), context=context)
        await asyncio.sleep(0.5)
        loop.kill("a")
        await asyncio.sleep(10)
        assert not task.done()

    loop.run_until_complete(world())
    loop.close()
    assert said == ["begins", "a thread was begun"]


def test_who_stands_still_goes_on_later_with_all_that_became_due() -> None:
    loop, seen = SimulatedLoop("1"), list[float]()

    async def live() -> None:
        for _ in range(3):
            await asyncio.sleep(1)
            seen.append(loop.time())

    async def world() -> None:
        context = copy_context()
        context.run(MEMBER.set, "a")
        task = loop.create_task(live(), context=context)
        await asyncio.sleep(1.5)
        loop.freeze("a", 60)
        await task

    loop.run_until_complete(world())
    loop.close()
    assert seen == [1.0, 61.5, 62.5]


def test_where_nothing_can_happen_any_more_it_says_so() -> None:
    loop = SimulatedLoop("1")
    with pytest.raises(RuntimeError, match="nothing will ever happen"):
        loop.run_until_complete(loop.create_future())
    loop.close()


@pytest.mark.parametrize("members", [1, 3])
def test_a_world_is_the_same_each_time_to_the_last_step(members: int) -> None:
    def run(seed: int) -> Result:
        return World(Scenario(seed, days=0.1, members=members, peace=False)).run()

    one, other = run(3), run(3)
    assert (one.digest, one.steps) == (other.digest, other.steps)
    assert one.steps > 1000
    assert run(4).digest != one.digest
