"""One spacing and one pause for all members that ask with one key, kept by the database's time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import pytest

from tests.fakes import START
from tests.store.postgres.given import rows
from tests.store.postgres.test_jobs import account, members
from watcher.domain.alerts.source_health import Streak, grown
from watcher.domain.model import Miss, MissReason, Reading
from watcher.ports.gate import Gate, Sleep
from watcher.service.clock import SystemClock


class CountedClock(SystemClock):
    """Counts what is slept, and sleeps no time."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self._fell = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._fell.set()

    async def sleeps(self, turn: Coroutine[Any, Any, None]) -> None:
        """Until it sleeps for the first time in this turn, which is cut off there."""
        self._fell.clear()
        task = asyncio.create_task(turn)
        await self._fell.wait()
        task.cancel()


async def test_the_starts_of_many_members_are_a_spacing_apart(database: str) -> None:
    async with members(database, 8) as works:
        starts: list[float] = []
        loop = asyncio.get_running_loop()

        async def ask(gate: Gate) -> None:
            for _ in range(3):
                await gate.turn(0.05)
                starts.append(loop.time())

        await asyncio.gather(*(ask(work.gate("coins", SystemClock())) for work in works))
        (ahead,) = rows(database, "SELECT next_start - now_ms() FROM gate")[0]
        assert len(starts) == 24
        assert max(starts) - min(starts) >= 23 * 0.05 - 0.05
        assert ahead <= 50


async def test_whoever_was_told_to_pause_holds_up_all_of_that_source(database: str) -> None:
    async with members(database, 2) as (first, second):
        clock = CountedClock()
        one, two, other = first.gate("a", clock), second.gate("a", clock), second.gate("b", clock)
        await one.turn(0)
        await one.pause(300)
        await other.turn(0)
        assert clock.slept == []

        await clock.sleeps(two.turn(0))
        assert 290 < clock.slept[0] <= 300
        assert two.next_start - clock.monotonic() == pytest.approx(300, abs=5)


async def test_who_waited_for_its_start_looks_again_before_it_asks(database: str) -> None:
    async with members(database, 2) as (first, second):
        clock = CountedClock()
        one, two = first.gate("a", clock), second.gate("a", clock)
        await one.turn(30)
        await two.turn(30)
        assert [round(each) for each in clock.slept] == [30]
        clock.slept.clear()
        await one.pause(600)
        await clock.sleeps(two.turn(30))
        assert clock.slept[0] > 590


async def test_many_that_fail_at_once_are_one_failure(database: str) -> None:
    async with members(database, 4) as works:
        gates = [work.gate("a", SystemClock()) for work in works]
        for gate in gates:
            await gate.turn(0)
        counts = []
        for gate in gates:
            counts.append(await gate.failed())
            await gate.pause(60)
        assert counts == [1, 1, 1, 1]
        rows(database, "UPDATE gate SET paused_until = 0")
        assert await gates[0].failed() == 2
        await gates[1].look()
        await asyncio.sleep(0)
        await gates[1].turn(0)
        await gates[1].succeeded()
        rows(database, "UPDATE gate SET paused_until = 0")
        assert await gates[2].failed() == 1


async def test_a_sleep_holds_for_all_until_somebody_ends_it(database: str) -> None:
    async with members(database, 2) as (first, second):
        one, two = first.gate("a", SystemClock()), second.gate("a", SystemClock())
        sleep = Sleep(START + timedelta(days=1), "the credits are gone", 40)
        await one.turn(0)
        await one.sleep(sleep)
        await two.turn(0)
        assert two.asleep == sleep
        await two.wake()
        await one.turn(0)
        assert one.asleep is None


async def test_failures_in_a_row_are_counted_over_all_members_and_end_with_any_reading(database: str) -> None:
    async with members(database, 2) as (first, second):
        one, two = first.gate("a", SystemClock()), second.gate("a", SystemClock())
        down = Miss(account(1), MissReason.UNREACHABLE)

        def worse(before: Streak | None) -> Streak | None:
            return grown(before, [down], "no answer", START)

        def read(before: Streak | None) -> Streak | None:
            return grown(before, [Reading(account(1), {}, {}, {})], "", START)

        for gate in (one, two, one):
            await gate.turn(0)
            _, after = await gate.streak(worse)
        assert after is not None
        assert after.requests == 3
        await two.turn(0)
        before, after = await two.streak(read)
        assert before is not None
        assert after is None
        await one.turn(0)
        assert await one.streak(read) == (None, None)
