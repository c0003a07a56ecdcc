"""kill -9 at any moment: nothing is lost, nothing recorded as sent is sent again, the ledger holds."""

from __future__ import annotations

import asyncio
import random
import signal
from decimal import Decimal
from itertools import pairwise

import pytest

from tests.endtoend.bench import BOND, DESK, EVM, Installation, stop, text_of

ROUNDS = 4


@pytest.mark.parametrize("seed", [1, 2])
async def test_killed_at_any_moment_it_loses_no_change_and_repeats_nothing_that_was_sent(
    there: Installation, seed: int
) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    world, hook = there.sim.world, there.hook
    world.set_amount(EVM, "ethereum", "ETH", "0.1")
    async with there.daemon() as daemon:
        await hook.told("eth-low")
        await there.polled()
        await there.ended(daemon, signal.SIGKILL)
    for number in range(ROUNDS):
        settled = sent(there)
        heard = len(hook.received)
        world.set_amount(EVM, "base-wallet", "ETH", f"{3 + number}")
        world.set_sparks(DESK, BOND, 26000 + number)
        async with there.daemon() as daemon:
            await moment(there, chance)
            await there.ended(daemon, signal.SIGKILL)
        again = [text_of(each) for each in hook.received[heard:]]
        assert not [each for each in settled if any(each in text for text in again)]
        assert there.sim.coinstats.credits_used <= booked(there)
    world.set_amount(EVM, "base-wallet", "ETH", "99")
    async with there.daemon() as daemon:
        await hook.told("99")
        await there.polled()
        while there.query("SELECT 1 FROM deliveries WHERE state = 'pending'"):
            await there.polled()  # taken, and about to be recorded
        status = await there.json("status")
        history = await there.json("history", "--limit", "1000")
        await stop(there, daemon)
    assert [alert["rule"] for alert in status["alerts"]] == ["eth-low"]
    assert status["deliveries"] == {"pending": 0, "sent": len(sent(there)), "given_up": 0}
    assert len(hook.about("eth-low")) == 1
    for wallet, first, last in (("hot", "2", "99"), ("desk", "25", f"{Decimal(25999 + ROUNDS) / 1000}")):
        steps = [row for row in reversed(history) if row["wallet"] == wallet]
        assert steps[0]["before"] == first
        assert steps[-1]["after"] == last
        assert all(a["after"] == b["before"] for a, b in pairwise(steps))
        told = [text_of(each) for each in hook.about("moved", wallet)]
        for step in steps:
            assert any(step["before"] in text and step["after"] in text for text in told)


async def moment(there: Installation, chance: random.Random) -> None:
    """Some moment of a daemon's life: at a request, at a notification, or shortly after either."""
    log = chance.choice([there.coinstats, there.teos])
    if chance.random() < 0.4:
        count = len(there.hook.received)
        await there.hook.until(lambda received: len(received) > count)
    else:
        await log.until(log.polls + 1)
    await asyncio.sleep(chance.random() * 0.03)  # not to wait for anything: the moment is to be any


def sent(there: Installation) -> list[str]:
    return [row[0] for row in there.query("SELECT id FROM deliveries WHERE state = 'sent'")]


def booked(there: Installation) -> int:
    ((credits_booked,),) = there.query("SELECT sum(credits) FROM spending WHERE source = 'coinstats'")
    return int(credits_booked)
