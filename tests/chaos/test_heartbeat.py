"""The dead-man's switch of the real daemon: called while all is well, and only then."""

from __future__ import annotations

import asyncio
import signal

from tests.chaos.stand import BEAT, CHANNELS, Stand, long


@long
async def test_a_source_that_cannot_be_read_stops_the_heartbeat_until_it_can(there: Stand) -> None:
    there.write(more=there.heartbeat)
    life = await there.start()
    await there.beating(2)

    there.sim.faults.add("500", "teos")
    await there.logged("no heartbeat: teos: 1 of 1 account cannot be read", within=60)
    beats = len(there.beats)
    await asyncio.sleep(3)
    assert len(there.beats) == beats

    there.sim.faults.clear()
    await there.beating(2)
    assert await there.zygote.kill(life, signal.SIGTERM) == 0
    assert BEAT not in there.log()


async def test_a_channel_that_gave_up_stops_the_heartbeat(there: Stand) -> None:
    there.write(more=there.heartbeat)
    life = await there.start()
    await there.beating(1)
    assert await there.zygote.kill(life, signal.SIGTERM) == 0
    there.give_up(CHANNELS[1])

    life = await there.start()

    await there.logged(f"no heartbeat: channel {CHANNELS[1]}: the last message was given up")
    assert await there.zygote.kill(life, signal.SIGTERM) == 0
