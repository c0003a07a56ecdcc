"""What TEOS tells of a wallet that is polled every six hours is an alert at once, by the real daemon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aio_pika.abc import AbstractChannel

from tests.broker import EXCHANGE, READER, Broker, publish
from tests.endtoend.bench import BOND, DESK, Installation, stop, text_of

EVENTS = """\
hints:
  teos-events: {kind: teos, source: teos, url: "${TEOS_AMQP_URL}"}
"""
LOOKS = """\
hints:
  teos-looks: {kind: teos-poll, source: teos, every: 1s}
"""


def event(transaction: int) -> dict[str, Any]:
    return {
        "AddressId": DESK,
        "AssetId": BOND.removeprefix("0x"),
        "NewBalance": "1",
        "Receiver": DESK,
        "TransactionHash": f"0x{transaction:064x}",
        "TransactionSigner": DESK,
    }


@asynccontextmanager
async def with_events(there: Installation, broker: Broker) -> AsyncIterator[AbstractChannel]:
    """A queue that TEOS gives out, at a broker that asks who comes."""
    seldom(there, EVENTS)
    there.env["TEOS_AMQP_URL"] = broker.url()
    async with broker.opened() as channel:
        queue = await channel.declare_queue(
            "teos-events-of-the-desk", durable=True, arguments={"x-queue-type": "quorum"}
        )
        await queue.bind(EXCHANGE, "#.account.balance_changed")
        there.sim.teos.queue = queue.name
        yield channel
        await queue.delete(if_unused=False, if_empty=False)


def seldom(there: Installation, hints: str) -> None:
    """The desk is polled every six hours, and hinted at."""
    there.edit("watcher.yaml", "tags: [issued], every: 1s", "tags: [issued], every: 6h")
    there.file("watcher.yaml").write_text(there.file("watcher.yaml").read_text() + hints)


async def at_work(there: Installation) -> None:
    """Wait until the desk was read, and hints are listened to."""
    await there.teos.until(1)
    await there.coinstats.recorded(2)
    while "hints teos-" not in there.log():
        await there.coinstats.until(there.coinstats.polls + 1)


async def told(there: Installation, amount: str) -> float:
    """Seconds until the change is told."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert amount in text_of(await there.hook.told("desk", "moved", amount))
    return loop.time() - began


@pytest.mark.needs("rabbitmq-server")
async def test_an_event_is_an_alert_within_a_second_also_one_that_came_while_it_was_down(
    there: Installation, broker: Broker
) -> None:
    async with with_events(there, broker) as channel:
        async with there.daemon() as daemon:
            await at_work(there)
            there.sim.world.set_sparks(DESK, BOND, 26001)
            await publish(channel, event(1))
            assert await told(there, "26.001") < 3, "some 0.1 s, on a machine that does nothing else"
            await stop(there, daemon)
        there.sim.world.set_sparks(DESK, BOND, 27002)
        await publish(channel, event(2))
        async with there.daemon() as daemon:
            await told(there, "27.002")
            await stop(there, daemon)
        assert READER[1] not in there.log()


async def test_a_look_finds_what_moved_also_while_it_was_down(there: Installation) -> None:
    seldom(there, LOOKS)
    async with there.daemon() as daemon:
        await at_work(there)
        there.sim.world.set_sparks(DESK, BOND, 26001)
        assert await told(there, "26.001") < 5
        await stop(there, daemon)
    there.sim.world.set_sparks(DESK, BOND, 27002)
    async with there.daemon() as daemon:
        await told(there, "27.002")
        await stop(there, daemon)
