"""A member that is cut off from the database, by packets that are dropped: others take over, and it stops."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.chaos.given import at_work, leader_of, led_by, move, other_than, sound
from tests.chaos.members import MemberStand, members, server
from tests.chaos.stand import Zygote, long
from tests.netspace import Netspace
from tests.postgresql import MISSING, programs

pytestmark = long

STOPS = 8.0
"""Seconds after which a member that does not reach the database begins nothing."""
ON_ITS_WAY = 5.0
"""What was begun by then may take so long: a request and a send have this timeout here."""


@pytest.mark.parametrize("ways", ["database", "all"])
async def test_who_is_cut_off_stops_and_others_take_its_roles(two: MemberStand, ways: str) -> None:
    await at_work(two)
    name = leader_of(two, "plan")
    member, other = two.members[name], other_than(two, name)
    began = time.time()
    cut = member.ways if ways == "all" else (member.database,)
    for way in cut:
        way.cut_off()

    move(two, "0.3")

    await two.until("SELECT count(*) FROM leases WHERE term < 2 AND role = 'plan'", 0, within=30)
    await two.told("low", "0.3")
    await led_by(two, other)
    await asyncio.sleep(max(0.0, began + STOPS + ON_ITS_WAY - time.time()))
    silent_from = time.time()
    move(two, "0.9")
    await two.told("low", "resolved")
    await asyncio.sleep(5)
    assert not two.asked_by(name, silent_from)
    assert not two.told_by(name, silent_from)
    for way in cut:
        way.mend()
    await two.kill(other)
    move(two, "0.25")
    await two.told("low", "0.25", within=40)
    await sound(two)


async def test_a_slow_network_is_no_outage(two: MemberStand) -> None:
    for member in two.members.values():
        member.database.delay = 0.05
    await at_work(two)
    move(two, "0.3")
    await two.told("low", "0.3")
    assert "cannot be reached" not in two.log()


async def test_who_is_told_to_end_while_it_is_cut_off_ends(two: MemberStand) -> None:
    await at_work(two)
    name = leader_of(two, "plan")
    two.members[name].database.cut_off()
    await asyncio.sleep(2)
    assert await two.kill(name, signal.SIGTERM) == 0
    assert "Traceback" not in two.log_of(name).read_text()


async def test_who_begins_while_it_is_cut_off_begins_when_it_no_longer_is(two: MemberStand) -> None:
    await at_work(two, ["one"])
    two.members["two"].database.cut_off()
    life = await two.begin("two")
    await asyncio.sleep(8)
    two.members["two"].database.mend()
    if life.ended.done():  # the service starts it again
        assert "Traceback" not in two.log_of("two").read_text()
        await two.begin("two")
    await two.until("SELECT count(*) FROM members WHERE name = 'two'", 1)
    await two.kill("one")
    move(two, "0.3")
    await two.told("low", "0.3")


@pytest.fixture
async def machine(tmp_path: Path, members_zygote: Zygote, space: Netspace) -> AsyncIterator[MemberStand]:
    """Two members, one of which has a machine to itself, as far as the network sees it."""
    if programs() is None:
        pytest.skip(MISSING)
    with server(listen_addresses=f"127.0.0.1,{space.here}") as cluster:
        cluster.stop()
        with (cluster.folder / "data" / "pg_hba.conf").open("a") as file:
            file.write(f"host all all {space.here}/30 trust\n")
        cluster.start()
        spaces = {"one": space}
        async with members(tmp_path / "stand", members_zygote, 1, cluster, spaces=spaces) as there:
            yield there


async def test_a_machine_whose_packets_are_dropped_stops_and_comes_back(
    machine: MemberStand, space: Netspace
) -> None:
    await at_work(machine, ["one"])
    await at_work(machine)
    began = time.time()
    space.drop()
    try:
        move(machine, "0.3")
        await machine.told("low", "0.3")
        await led_by(machine, "two")
        await asyncio.sleep(max(0.0, began + STOPS + ON_ITS_WAY + 15 - time.time()))
    finally:
        space.mend()
    mended = time.time()
    await machine.until("SELECT count(*) FROM members WHERE name = 'one' AND seen > now_ms() - 4000", 1)
    assert not machine.told_by("one", began + STOPS + ON_ITS_WAY) or machine.told_by("one", mended)
    await machine.kill("two")
    move(machine, "0.9")
    await machine.told("low", "resolved", within=40)
    await sound(machine)
