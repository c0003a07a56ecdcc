"""A process with several members that book on one allowance: `python -m tests.store.postgres.booker JSON`.

Each round has a source of its own. What was sent is printed as it would be metered: a line a request.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from watcher.domain.credits.allowance import Allowance, Booking, CreditPlan, CreditRefusal, Purpose, Window
from watcher.ports.store import Settlement, Store
from watcher.service.clock import SystemClock
from watcher.store import KINDS

PURPOSES = (Purpose.SCHEDULED, Purpose.SCHEDULED, Purpose.SWEEP, Purpose.CONFIRMATION, Purpose.BY_HAND)
ENOUGH = 3
"""Refusals in a row, after which a member has understood."""


@dataclass(frozen=True)
class Round:
    """What is allowed, drawn by a seed alike in every process."""

    source: str
    allowance: Allowance
    costs: tuple[int, ...]


def rounds(seed: int, count: int) -> list[Round]:
    chance = random.Random(f"rounds {seed}")
    found = []
    for number in range(count):
        today = SystemClock().now().day  # a period that has just begun: the whole reserve is kept
        plan = CreditPlan(chance.randrange(400, 6000), resets_on=today)
        windows = tuple(Window(chance.randrange(5, 120), seconds) for seconds in (60, 86_400))
        allowance = chance.choice((Allowance(plan), Allowance(plan, windows), Allowance(None, windows)))
        found.append(Round(f"source-{number}", allowance, tuple(chance.sample((0, 40, 80, 400, 2000), 3))))
    return found


async def book(store: Store, each: Round, chance: random.Random, sent: Iterator[int], killed: int) -> None:
    """Until it was refused often enough. Less may be charged than was booked, and at times nobody knows.

    `killed`: as which request this process does not outlive."""
    clock, refused = SystemClock(), 0
    while refused < ENOUGH:
        cost, purpose = chance.choice(each.costs), chance.choice(PURPOSES)
        grant = await store.reserve(Booking(each.source, 1, cost, purpose, clock.now()), each.allowance)
        if isinstance(grant, CreditRefusal):
            refused += 1
            continue
        refused = 0
        charged = chance.choice((cost, cost, cost // 2, 0))
        print(json.dumps([each.source, purpose.value, cost, charged]), flush=True)
        if next(sent) == killed:
            signal.raise_signal(signal.SIGKILL)
        if chance.random() < 0.7:
            known = chance.choice((charged, charged, None))
            await store.fail(Settlement(grant, clock.now(), known))


async def main(wanted: dict[str, Any]) -> None:
    chance = random.Random(wanted["seed"] * 1000 + wanted["process"])
    kind = KINDS["postgresql"].model_validate({"kind": "postgresql", "url": wanted["url"]})
    where = Path("/nowhere/watcher.yaml")
    stores = [await kind.backend(where).open(exclusive=False) for _ in range(wanted["members"])]
    sent = count(1)
    for each in rounds(wanted["seed"], wanted["rounds"]):
        await asyncio.gather(*(book(store, each, chance, sent, wanted["killed"]) for store in stores))
    for store in stores:
        await store.close()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
