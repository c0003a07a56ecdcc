"""How soon a sum is judged after another member has read a part of it, and what that costs; beside bare SQL
that adds up as much."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple, cast

import psycopg

from benchmarks.readings import HELD, Readings
from benchmarks.worker import opened
from watcher.domain.decision import Decision
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Reading
from watcher.domain.rules import ThresholdRule
from watcher.service.clock import SystemClock
from watcher.service.engine import RuleEngine
from watcher.service.metrics import Metrics
from watcher.service.sums import SumEvaluation

BATCH, ROUNDS = 50, 20
POOR, RICH = Decimal(10**16), Decimal(3 * 10**16)
"""Amounts of one account, beside which those of all others are nothing."""
_BARE = (
    "SELECT sum(amount) FROM watcher.balances JOIN watcher.accounts a ON a.id = account"
    " WHERE a.source = 'coinstats' GROUP BY asset"
)


class Judged(NamedTuple):
    """Seconds, each of many."""

    waits: list[float]
    """From the commit of a part to that of the judgement."""
    cpu: list[float]
    """Of CPU in the member that judges."""
    floor: list[float]
    """That bare SQL takes."""


class Watch:
    """Knows when an alert was last changed."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()

    def concluded(self, decision: Decision, *, polled: bool) -> None:  # noqa: ARG002
        if decision.alerts:
            self.changed.set()


async def measure(url: str, accounts: int) -> Judged:
    """A sum over all of so many accounts, 20 assets each, of which one is read again and again."""
    world, clock, chance = Readings(accounts), SystemClock(), random.Random(3)
    (seen,) = world.read([0], [[0] * HELD])
    level = (POOR + RICH) / 2 * sum(seen.prices.values())
    rule = ThresholdRule.model_validate(
        {"id": "worth", "per": "all", "metric": "value_usd", "below": f"{level:f}"}
    )
    rules = Rules([rule], world.wallets, ["ops"])
    store = {"kind": "postgresql", "url": url}
    async with opened(store) as reading, opened(store) as judging:
        reader = RuleEngine(reading, rules, clock, running_since=clock.now())
        judge = RuleEngine(judging, rules, clock, running_since=clock.now())
        watch = Watch()
        judge.metrics = cast(Metrics, watch)
        for start in range(0, accounts, BATCH):
            numbers = range(start, min(start + BATCH, accounts))
            await reader.judge(_read(world, numbers, POOR), clock.now())
        await judge.judge_sums()

        async def change(*, up: bool) -> None:
            await reader.judge(_read(world, [0], RICH if up else POOR), clock.now())

        used = []
        for turn in range(6):
            await change(up=bool(turn % 2))
            before = time.process_time()
            await judge.judge_sums()
            used.append(time.process_time() - before)
        work, waits = asyncio.create_task(SumEvaluation(judge).run()), list[float]()
        for turn in range(ROUNDS):
            await asyncio.sleep(chance.uniform(0.2, 1.2))
            watch.changed.clear()
            await change(up=bool(turn % 2))
            began = time.perf_counter()
            await asyncio.wait_for(watch.changed.wait(), 60)
            waits.append(time.perf_counter() - began)
        work.cancel()
    with psycopg.connect(url) as conn:
        floor = [_timed(conn) for _ in range(5)]
    return Judged(waits, used, floor)


def _read(world: Readings, numbers: Sequence[int], first: Decimal) -> list[Reading]:
    """One answer; the first account holds so much of each of its assets."""
    found = world.read(numbers, [[0] * HELD for _ in numbers])
    return [
        each._replace(amounts=dict.fromkeys(each.amounts, first)) if number == 0 else each
        for number, each in zip(numbers, found, strict=True)
    ]


def _timed(conn: psycopg.Connection[Any]) -> float:
    began = time.perf_counter()
    conn.execute(_BARE).fetchall()
    return time.perf_counter() - began
