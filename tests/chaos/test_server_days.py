"""Bad days of a PostgreSQL that members share: each is said, costs nothing, and is over when it is over."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from tests.chaos.database import copied, fill, frozen, pooler, read_only, small_room
from tests.chaos.given import at_work, move, sound
from tests.chaos.members import MemberStand, members
from tests.chaos.stand import Zygote, eventually, long
from tests.endtoend.bench import EVM
from tests.postgresql import Cluster

pytestmark = long

ON_ITS_WAY = 2
"""Requests that were sent when it began, and are charged."""


async def asks_nothing(there: MemberStand, seconds: float = 3.0) -> None:
    """Nobody pays for what cannot be kept."""
    before = there.coinstats.taken
    await asyncio.sleep(seconds)
    assert there.coinstats.taken - before <= ON_ITS_WAY, "it asks, and pays, for what it cannot keep"


async def test_a_server_that_falls_and_starts_again_costs_nothing_and_loses_nothing(two: MemberStand) -> None:
    await at_work(two)
    for number, amount in enumerate(("0.3", "0.9", "0.31"), start=1):
        await asyncio.to_thread(two.server.kill)
        move(two, amount)
        await asyncio.sleep(number)
        await asyncio.to_thread(two.server.start)
        await two.told("low", "resolved" if amount == "0.9" else amount)
    await sound(two)


async def test_a_server_that_is_away_is_said_once_and_nothing_is_asked(two: MemberStand) -> None:
    await at_work(two)
    await asyncio.to_thread(two.server.kill)
    await asyncio.sleep(1)
    await asks_nothing(two)
    for name, member in two.members.items():
        assert member.alive, two.log_of(name).read_text()[-2000:]
        assert "cannot be reached" in two.log_of(name).read_text()
    await asyncio.to_thread(two.server.start)
    move(two, "0.3")
    await two.told("low", "0.3")
    await sound(two)


async def test_each_connection_that_is_ended_by_the_server_is_made_anew(two: MemberStand) -> None:
    await at_work(two)
    for turn in range(1, 7):
        for pid in two.server.backends(two.database):
            with two.server.connect() as connection:
                connection.execute("SELECT pg_terminate_backend(%s)", (pid,))
            await asyncio.sleep(0.1)
        move(two, f"0.{turn}1" if turn % 2 else f"0.9{turn}")
        await two.until_recorded("ethereum", EVM, 2)
    await two.told("low", "0.51")
    await sound(two)


async def test_a_server_that_takes_no_writes_is_said_and_nothing_is_asked(two: MemberStand) -> None:
    await at_work(two)
    with read_only(two.server):
        await two.logged("takes no writes")
        await asks_nothing(two)
    move(two, "0.3")
    await two.told("low", "0.3", within=60)
    await sound(two)


async def test_a_full_disk_is_said_and_nothing_is_asked_until_there_is_room(
    tmp_path: Path, members_zygote: Zygote, durable: Cluster, small_disk: Path
) -> None:
    del small_disk  # it is made elsewhere, and only where one can be
    with small_room(durable, "small") as filler:
        async with members(tmp_path / "stand", members_zygote, 1, durable, database="small") as there:
            await at_work(there)
            fill(filler)
            await grown(there)
            await there.logged("the disk of the server is full")
            await asks_nothing(there)
            filler.unlink()
            move(there, "0.3")
            await there.told("low", "0.3", within=60)
            await sound(there)


async def grown(there: MemberStand) -> None:
    """Until the tables have no room left within their files."""
    move(there, "0.9")
    for _ in range(3):
        with contextlib.suppress(Exception):
            there.query(
                "INSERT INTO facts SELECT 'ballast', g::text, repeat('x', 4000), 0"
                " FROM generate_series(1, 4000) g RETURNING 1"
            )


async def test_a_backend_that_stands_still_with_its_locks_is_waited_out(two: MemberStand) -> None:
    await at_work(two)
    pids = list(two.server.backends(two.database))
    with frozen(*pids[: len(pids) // 2]):
        await asyncio.sleep(12)
    move(two, "0.3")
    await two.told("low", "0.3", within=60)
    await sound(two)


async def test_after_a_failover_that_lost_the_last_moment_the_ledger_is_put_right_and_the_plan_kept(
    two: MemberStand,
) -> None:
    await at_work(two)
    with copied(two.server) as copy:
        copy.follow()
        copy.fall_behind()
        await two.until_recorded("ethereum", EVM, 3)
        used = two.sim.coinstats.credits_used
        await asyncio.to_thread(two.server.kill)
        copy.promote()
        two.cluster, first = copy.cluster, two.cluster
        for member in two.members.values():
            member.database.target = copy.cluster.port
        try:
            move(two, "0.3")
            await two.told("low", "0.3", within=60)
            booked = "SELECT sum(credits) FROM spending WHERE source = 'coinstats'"
            await eventually(lambda: int(two.query(booked)[0][0]) >= used, 90, two.log)
            await sound(two)
        finally:
            two.cluster = first
            for name in two.members:
                await two.kill(name)
            assert first is not None
            await asyncio.to_thread(first.start)


@pytest.mark.needs("pgbouncer")
async def test_a_transaction_pooler_in_between_is_refused_with_the_remedy(two: MemberStand) -> None:
    with pooler(two.server) as port:
        for member in two.members.values():
            member.database.target = port
        life = await two.begin("one")
        assert await asyncio.wait_for(life.ended, 30) == 78
        said = two.log_of("one").read_text()
        assert "pooler" in said
        assert "Traceback" not in said
        two.members["one"].database.target = two.server.port


async def test_who_starts_while_the_server_is_away_says_so_and_begins_when_it_is_there(
    two: MemberStand,
) -> None:
    await at_work(two, ["one"])
    await two.kill("one")
    await asyncio.to_thread(two.server.kill)
    life = await two.begin("one")
    await two.logged("cannot be reached")
    assert "Traceback" not in two.log()
    await asyncio.to_thread(two.server.start)
    if life.ended.done():  # the service starts it again
        await two.begin("one")
    move(two, "0.3")
    await two.told("low", "0.3", within=60)
