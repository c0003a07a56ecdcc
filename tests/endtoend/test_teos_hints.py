"""What TEOS tells of a wallet that is polled every six hours is an alert at once, by the real daemon."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from aio_pika.abc import AbstractChannel

from tests.broker import EXCHANGE, READER, Broker, publish
from tests.endtoend.bench import BOND, DESK, Installation
from tests.endtoend.hints import (
    Say,
    listening,
    told,
    told_at_once_and_after_a_time_without_daemon,
)

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


def hold(there: Installation, amount: str) -> None:
    there.sim.world.set_sparks(DESK, BOND, int(Decimal(amount) * 1000))


@pytest.mark.needs("rabbitmq-server")
async def test_an_event_is_an_alert_within_a_second_also_one_that_came_while_it_was_down(
    there: Installation, broker: Broker, record_property: Say
) -> None:
    async with with_events(there, broker) as channel:
        numbers = count(1)

        async def move(amount: str) -> None:
            hold(there, amount)
            await publish(channel, event(next(numbers)))

        await told_at_once_and_after_a_time_without_daemon(there, "desk", move, record_property)
        assert READER[1] not in there.log()


async def test_a_look_finds_what_moved_also_while_it_was_down(there: Installation) -> None:
    seldom(there, LOOKS)
    async with listening(there):
        hold(there, "26.001")
        await told(there, "desk", "26.001")
    hold(there, "27.002")
    async with listening(there):
        await told(there, "desk", "27.002")
