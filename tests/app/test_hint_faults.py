"""Hint sources that flood and lie: the application goes on, and what they cost is bounded."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count, cycle
from pathlib import Path
from typing import Any

from tests.app.test_hints import HINTS, WEB, Watching
from tests.service.test_provider_count import MovedClock
from watcher.app.build import build
from watcher.config.configuration import configure
from watcher.domain.credits.allowance import Purpose
from watcher.ports.clock import Clock
from watcher.ports.hints import Alive, Hint, Told, Where
from watcher.service.clock import SystemClock
from watcher.sim import Simulation

ADDRESSES = tuple(f"0x{number:040x}" for number in range(1, 21))
LONGEST = 1.0
"""Seconds of work that one turn of the loop may have, on a busy machine. Some 0.01 on another."""
LIMIT = 100_000
LOOK = 40
"""Credits of one look at an account."""

CONFIG = """\
version: 1
sources:
  coins:
    kind: coinstats
    api_key: "{key}"
    base_url: "{url}/coinstats"
    requests_per_second: 1000
    credits: {{limit: {limit}}}
wallets:
{wallets}
channels: {{ops: {{kind: console}}}}
"""


class Liar:
    """A hint source that tells of the same addresses for ever, as fast as it is listened to; in between, what
    it is told to."""

    name = "mine"

    def __init__(self, about: Sequence[str]) -> None:
        self.about, self.said = about, 0
        self.lying = asyncio.Event()
        self._true: list[str] = []

    def remember(self, facts: Mapping[str, str]) -> None:
        """It knows nothing of before."""

    def moved(self, address: str) -> None:
        self._true.append(address)

    async def listen(self) -> AsyncIterator[Told]:
        yield Alive()
        await self.lying.wait()
        places, number = cycle(self.about), count()
        while self.lying.is_set():
            address = self._true.pop() if self._true else next(places)
            self.said += 1
            yield Hint(Where("ethereum", address), str(next(number)))
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Nothing is open."""


@asynccontextmanager
async def lied_to(folder: Path, sim: Simulation, liar: Liar, clock: Clock) -> AsyncIterator[Watching]:
    """An application that has read all its wallets and listens to a liar."""
    wallets = [
        f'  - {{name: w{number}, source: coins, address: "{each}", chains: [ethereum], every: 12h}}'
        for number, each in enumerate(ADDRESSES)
    ]
    text = CONFIG.format(limit=LIMIT, key=sim.coinstats.key, url=sim.url, wallets="\n".join(wallets))
    (folder / "watcher.yaml").write_text(text + WEB + HINTS)
    sim.coinstats.credits_limit = LIMIT
    for each in ADDRESSES:
        sim.world.set_amount(each, "ethereum", "ETH", "7", symbol="ETH", price="3000")
    configuration = configure(folder / "watcher.yaml", {})
    store = await configuration.settings.backend.open(exclusive=True)
    app = await build(configuration, store, clock=clock)
    app.listeners["mine"].source = liar
    try:
        w = Watching(app)
        await app.start()
        for _ in ADDRESSES:
            await w.next(Purpose.SCHEDULED)
        yield w
    finally:
        await app.stop()
        await store.close()


async def held_up(until: asyncio.Event) -> float:
    """For how many seconds one turn of the loop worked, at the most.

    Counted in the thread's own time: a machine that is busy with other things is not our fault.
    """
    most = 0.0
    gc.disable()  # after thousands of tests it would look through all that they left, in one turn
    try:
        while not until.is_set():
            began = time.thread_time()
            await asyncio.sleep(0)
            most = max(most, time.thread_time() - began)
    finally:
        gc.enable()
    return most


async def test_a_flood_about_one_account_holds_up_neither_the_loop_nor_the_others(
    tmp_path: Path, record_property: Callable[[str, Any], None]
) -> None:
    liar, over = Liar(ADDRESSES[:1]), asyncio.Event()
    async with Simulation() as sim, lied_to(tmp_path, sim, liar, SystemClock()) as w:
        measured = asyncio.create_task(held_up(over))
        began = time.monotonic()
        liar.lying.set()
        await w.next(Purpose.HINTED)
        taken = []
        for moved in ADDRESSES[1:]:
            sim.world.set_amount(moved, "ethereum", "ETH", "6")
            at = time.monotonic()
            liar.moved(moved)
            while (found := await w.next(Purpose.HINTED))[0].address != moved:
                assert not found[1], "of the flooded one: nothing moved there"
            assert found[1]
            taken.append(time.monotonic() - at)
        lasted = time.monotonic() - began
        liar.lying.clear()
        over.set()
        longest = await measured
        looks = [poll for poll in w.recorded() if poll.account.address == ADDRESSES[0]]
    record_property("hints a second", round(liar.said / lasted))
    record_property("longest turn of the loop, seconds of work", longest)
    record_property("slowest poll upon a true hint, seconds", max(taken))
    print(
        f"{liar.said / lasted:,.0f} hints a second for {lasted:.1f} s, {longest=:.3f} s, {max(taken)=:.3f} s"
    )
    assert longest < LONGEST
    assert max(taken) < 30, "not left to the schedule"
    assert len(looks) <= 1 + lasted / 5


async def test_lies_about_every_account_cost_their_share_of_the_credits_and_tell_nobody_anything(
    tmp_path: Path, record_property: Callable[[str, Any], None]
) -> None:
    liar, clock = Liar(ADDRESSES), MovedClock()
    async with Simulation() as sim, lied_to(tmp_path, sim, liar, clock) as w:
        began = clock.now()
        liar.lying.set()
        async with asyncio.timeout(60):
            while clock.now() - began < timedelta(days=2):
                await w.seen.get()
        liar.lying.clear()
        lasted = clock.now() - began
        with w.app.store.queries() as queries:
            looks = queries.hinted_polls(began, 10_000)
        told = await w.app.store.due("ops", clock.now() + timedelta(days=1), 100)
    cost = sum(poll.credits for poll in looks)
    print(f"{liar.said:,} lies in {lasted}: {len(looks)} looks, {cost} credits")
    record_property("credits for lies in two days", cost)
    assert told == []
    # A day's worth is there at the start, and four looks an account may take the place of planned polls.
    share = 0.4 * LIMIT / 30 * (lasted / timedelta(days=1) + 1)
    assert 0 < cost <= share + 4 * LOOK * len(ADDRESSES)
    assert len(looks) < liar.said / 20
