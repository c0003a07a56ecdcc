"""One process of many that share a store: `python -m benchmarks.worker MODE JSON`.

Modes: `reserve` (book requests as fast as it goes) and `judge` (book, judge and record requests of
50 accounts), both through the store; `gate` and `rows` are their floors, bare SQL. It says `ready`, works
from the line that it then reads, says so again while its connections are open, and prints its figures after
the next line.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks.product import BASE
from benchmarks.readings import Readings, Turns
from watcher.domain.credits.allowance import Allowance, Booking, CreditPlan, Grant, Purpose
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.rules import TYPES
from watcher.ports.store import Settlement, Store
from watcher.service.clock import SystemClock
from watcher.service.engine import RuleEngine
from watcher.store import KINDS

CONFIG = Path.cwd() / "watcher.yaml"
COST, BATCH = 40, 50


@asynccontextmanager
async def opened(settings: dict[str, Any]) -> AsyncIterator[Store]:
    """The store of a `store:` block."""
    kind = KINDS[settings["kind"]].model_validate({k: v for k, v in settings.items() if k != "kind"})
    store = await kind.backend(CONFIG).open(exclusive=False)
    try:
        yield store
    finally:
        await store.close()


async def reserve(wanted: dict[str, Any]) -> dict[str, Any]:
    """Until the time is over or the plan is spent."""
    allowance = Allowance(CreditPlan(wanted["limit"]))
    clock, granted, times = SystemClock(), 0, []
    async with opened(wanted["store"]) as store:
        ready()
        end, used = time.monotonic() + wanted["seconds"], time.process_time()
        while time.monotonic() < end:
            began = time.perf_counter()
            grant = await store.reserve(
                Booking("coinstats", 1, COST, Purpose.BY_HAND, clock.now()), allowance
            )
            times.append(time.perf_counter() - began)
            if not isinstance(grant, Grant):
                break
            granted += 1
        found = {"granted": granted, **cost(times, time.process_time() - used, granted)}
        ready()
        return found


async def judge(wanted: dict[str, Any]) -> dict[str, Any]:
    """So many requests of accounts that are chosen by chance, or of the same ones."""
    world = Readings(wanted["accounts"])
    rules = [TYPES[each["type"]].model_validate(each) for each in (*BASE[:3], BASE[4])]
    clock, chance, turns = SystemClock(), random.Random(wanted["seed"]), Turns(wanted["share"])
    async with opened(wanted["store"]) as store:
        engine = RuleEngine(store, Rules(rules, world.wallets, ["ops"]), clock, running_since=clock.now())

        async def request(numbers: list[int]) -> tuple[float, float]:
            readings = world.read(numbers, [turns.next(number) for number in numbers])
            began, used = time.perf_counter(), time.process_time()
            cost = COST * len(numbers)
            grant = await store.reserve(
                Booking("coinstats", len(numbers), cost, Purpose.SCHEDULED, clock.now()),
                Allowance(CreditPlan(10**14)),
            )
            assert isinstance(grant, Grant)
            now = clock.now()
            await engine.judge(readings, now, Settlement(grant, now, cost, len(numbers)))
            return time.perf_counter() - began, time.process_time() - used

        own = range(wanted["first"], wanted["first"] + wanted["of"])
        for start in range(0, len(own), BATCH):
            await request(list(own[start : start + BATCH]))
        ready()
        done = [await request(sorted(chance.sample(own, BATCH))) for _ in range(wanted["requests"])]
        ready()
    took, used = zip(*done, strict=True)
    return cost(list(took), sum(used), len(done) * BATCH)


def ready() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


def cost(times: list[float], used: float, count: int) -> dict[str, Any]:
    """Milliseconds of each, by the clock, and microseconds of CPU a thing."""
    ordered = sorted(times)
    return {
        "p50": statistics.median(times) * 1e3,
        "p99": ordered[int(len(ordered) * 0.99)] * 1e3,
        "cpu": used / max(count, 1) * 1e6,
        "seconds": sum(times),
        "count": len(times),
    }


def main() -> None:
    mode, wanted = sys.argv[1], json.loads(sys.argv[2])
    if mode in ("gate", "rows"):
        from benchmarks import bare

        print(json.dumps({"gate": bare.gate, "rows": bare.rows}[mode](wanted)))
        return
    work: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]] = {"reserve": reserve, "judge": judge}[mode]
    print(json.dumps(asyncio.run(work(wanted))))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
