"""Sums on PostgreSQL: two that read parts and one that judges, in every order of their steps."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import pytest

from tests.service.crowd import ACCOUNTS, Crowd, Crowds, low, on_postgresql, usdc
from watcher.domain.decision import Decision, Snapshot, SumKey
from watcher.domain.model import Account
from watcher.ports.store import Concluding, Deciding, Recall, Store

A, B = ACCOUNTS[:2]
FIRST, SECOND, JUDGE = "first reads", "second reads", "judge"
OTHER = "another judge"
STEPS = {FIRST: 2, SECOND: 2, JUDGE: 3, OTHER: 3}
"""Who reads locks, sees and decides, and writes. Who judges takes sums, sees their parts and decides, and
writes."""

Begin = Callable[[], Coroutine[Any, Any, Any]]


class Stepwise:
    """A transaction that goes on when it is told to, from one step to the next."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._reached = asyncio.Event()
        self._go = threading.Semaphore(0)
        self._task: asyncio.Task[Any] | None = None

    def step(self) -> None:
        """Called by the transaction, in its thread."""
        self._loop.call_soon_threadsafe(self._reached.set)
        assert self._go.acquire(timeout=30)

    async def on(self, begin: Begin) -> bool:
        """Let it begin, or go on; whether it has not ended."""
        if self._task is None:
            self._task = asyncio.create_task(begin())
        elif not self._task.done():
            self._go.release()
        reached = asyncio.create_task(self._reached.wait())
        await asyncio.wait((self._task, reached), return_when=asyncio.FIRST_COMPLETED, timeout=30)
        self._reached.clear()
        reached.cancel()
        return not self._task.done()

    async def end(self, begin: Begin) -> None:
        while await self.on(begin):
            pass
        task, self._task = self._task, None
        assert task is not None
        await task


def stepwise(store: Store, steps: Stepwise) -> None:
    """Have each transaction of this handle stop between its steps."""
    conclude_read, conclude_sums = store.conclude_read, store.conclude_sums

    def stopping(decide: Deciding) -> Deciding:
        def decided(past: Snapshot, recall: Recall) -> Decision:
            decision = decide(past, recall)
            steps.step()
            return decision

        return decided

    async def read_stepwise(read: Callable[[], Concluding]) -> Decision:
        def reading() -> Concluding:
            accounts, decide, settlement = read()
            return accounts, stopping(decide), settlement

        return await conclude_read(reading)

    async def judge_stepwise(
        read: Callable[[Mapping[SumKey, bool]], tuple[Sequence[Account], Deciding]], most: int
    ) -> Decision | None:
        def reading(sums: Mapping[SumKey, bool]) -> tuple[Sequence[Account], Deciding]:
            accounts, decide = read(sums)
            steps.step()
            return accounts, stopping(decide)

        return await conclude_sums(reading, most)

    store.conclude_read = read_stepwise  # type: ignore[method-assign]
    store.conclude_sums = judge_stepwise  # type: ignore[method-assign]


def orders(*parties: str) -> list[tuple[str, ...]]:
    """Every order of all their steps."""
    every = [name for name in parties for _ in range(STEPS[name])]
    return sorted(set(permutations(every)))


@dataclass
class Stage:
    """Two who read, two who judge, and one who sets the scene and judges what is left."""

    crowd: Crowd
    parties: Mapping[str, Stepwise]

    async def play(self, order: Sequence[str], *, given: str, first: str, second: str = "60") -> list[str]:
        """A part of 60 is read as what is `given`, and left to be judged; then one reads `first`, another one
        `second`, and others judge. What is told, and what fires in the end."""
        crowd, now = self.crowd, self.crowd.clock.now()
        await crowd.read(4, usdc(A, given))  # something is left to be judged
        begin: dict[str, Begin] = {
            FIRST: lambda: crowd.read(0, usdc(A, first)),
            SECOND: lambda: crowd.read(1, usdc(B, second)),
            JUDGE: crowd.members[2].judge_sums,
            OTHER: crowd.members[3].judge_sums,
        }
        for name in order:
            await self.parties[name].on(begin[name])
        for name in dict.fromkeys(order):
            await self.parties[name].end(begin[name])
        await crowd.judge(4)
        told = [f"{each.rule} {each.kind}" for each in await crowd.messages() if each.at == now]
        alerts = await crowd.firing()
        await crowd.read(4, usdc(A, "60"), usdc(B, "60"))
        await crowd.judge(4)
        await crowd.clock.advance(6 * 3600)  # so that nothing flaps
        return [*told, *alerts]


@pytest.fixture
async def stage(store_database: str) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as closing:
        crowd = await Crowds(on_postgresql(store_database), closing)(low("90"), members=5, known=(A, B))
        await crowd.read(4, usdc(A, "60"), usdc(B, "60"))
        await crowd.judge(4)
        parties = {name: Stepwise() for name in STEPS}
        for store, party in zip(crowd.stores, parties.values(), strict=False):
            stepwise(store, party)
        yield Stage(crowd, parties)


async def test_what_two_bring_about_together_is_told_once_in_every_order_of_their_steps(stage: Stage) -> None:
    for order in orders(FIRST, SECOND, JUDGE):
        if order.index(SECOND) < order.index(FIRST):
            continue  # the same with other names
        found = await stage.play(order, given="60.5", first="40", second="40")
        assert found == ["low firing", "80 USDC is below 90 USDC"], order


async def test_who_judges_sees_all_parts_as_they_are_committed_at_one_moment(stage: Stage) -> None:
    """Below the level for as long as only one of the two was read."""
    for order in orders(FIRST, SECOND, JUDGE):
        looks = [at for at, name in enumerate(order) if name == JUDGE][1]
        seen = {name for name in (FIRST, SECOND) if order[:looks].count(name) == STEPS[name]}
        expected = ["low firing", "low resolved"] if seen == {FIRST} else []
        assert await stage.play(order, given="60.5", first="20", second="100") == expected, order


async def test_of_two_who_judge_at_the_same_time_none_tells_what_the_other_knows_to_be_over(
    stage: Stage,
) -> None:
    """As when one plans and another one still does. 80 is below the level; what is read then is not."""
    every = orders(FIRST, JUDGE, OTHER)
    for order in random.Random(1).sample(every, 60):
        found = await stage.play(order, given="20", first="60")
        assert found in ([], ["low firing", "low resolved"]), order
