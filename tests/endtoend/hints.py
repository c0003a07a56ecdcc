"""Hints as end-to-end tests use them: a wallet that is seldom polled, and how fast a move is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tests.endtoend.bench import Installation, stop, text_of

Say = Callable[[str, object], None]
Move = Callable[[str], Awaitable[None]]
"""Makes the amount of the hinted wallet this one, and lets it be told of."""

AT_ONCE = 1.0
"""Seconds from a move to its arrival at a channel: some 0.1 on a machine that does nothing else."""
TRIES = 3
"""A machine that does a lot else may be late now and then."""


def seldom(there: Installation, address: str, chain: str, hints: str) -> None:
    """A wallet `cold` that is polled every six hours, and hinted at."""
    wallet = f"{{name: cold, source: coinstats, address: '{address}', chains: [{chain}], every: 6h}}"
    there.edit("watcher.yaml", "channels:", f"  - {wallet}\nchannels:")
    there.file("watcher.yaml").write_text(
        f"{there.file('watcher.yaml').read_text()}hints:\n  node: {hints}\n"
    )
    there.sim.world.set_amount(address, chain, "COIN", "5", symbol="COIN", price="3")


@asynccontextmanager
async def listening(there: Installation) -> AsyncIterator[asyncio.subprocess.Process]:
    """A daemon that has read what it must, and listens to its hint source; it ends well."""
    said = len(there.log())
    async with there.daemon() as daemon:
        await there.coinstats.recorded()
        while ": connected" not in there.log()[said:]:
            await there.coinstats.until(there.coinstats.polls + 1)
        yield daemon
        await stop(there, daemon)


async def told(there: Installation, wallet: str, amount: str) -> None:
    assert amount in text_of(await there.hook.told(wallet, "moved", amount))


async def seconds(there: Installation, wallet: str, move: Move, amount: str) -> float:
    """Seconds from a move to its arrival at the channel."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await move(amount)
    await told(there, wallet, amount)
    return loop.time() - began


async def told_at_once_and_after_a_time_without_daemon(
    there: Installation,
    wallet: str,
    move: Move,
    say: Say,
    again: Callable[[], None] = lambda: None,
) -> None:
    """A wallet that is polled every six hours moves while the daemon runs, and while it does not.

    `say`: `record_property`, for the seconds that it took. `again`: tells again what nobody took.
    """
    taken: list[float] = []
    while not taken or (taken[-1] > AT_ONCE and len(taken) < TRIES):
        async with listening(there):
            taken.append(await seconds(there, wallet, move, f"6.{len(taken) + 1}5"))
    say("seconds from a move to its alert", taken)
    print(f"from a move to its alert: {taken}")
    assert taken[-1] <= AT_ONCE, taken
    await move("7.5")
    async with listening(there):
        again()
        await told(there, wallet, "7.5")
