"""How large the store is after a year of 1,000 accounts, and whether retention ever holds up a poll.

    python -m benchmarks.year [--accounts N] [--changes N]

A day is lived by the engine itself: each account, with 20 assets, is read every hour, and some of its amounts
move. Its rows are then copied over a year, which gives the file as it would be with nothing dropped; then
the production retention drops what is past its time, while polls go on. Not 0 if a bar is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from watcher.domain.credits.allowance import Allowance, Booking, Grant, Purpose
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Account, Asset, Reading, Wallet
from watcher.domain.rules import ChangeRule, ThresholdRule
from watcher.ports.store import Settlement
from watcher.service.clock import SystemClock
from watcher.service.engine import RuleEngine
from watcher.store.sqlite.store import SqliteStore
from watcher.store.sqlite.transactions import Transactions

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
DAYS, HOURS, ASSETS, HELD, BATCH = 365, 24, 500, 20, 50
CHAIN = "ethereum"
DAY_MS = 86_400_000
TABLES = ("changes", "prices", "requests")
PREDICTED = 140, 57
"""Bytes of a change and of an hour's price, with all their indexes: what the README's figure comes from."""


class World:
    """Accounts whose amounts and prices move, read by the engine."""

    def __init__(self, store: SqliteStore, accounts: int, changes: int) -> None:
        self.store, self.chance = store, random.Random(1)
        self.accounts = [Account("coinstats", CHAIN, f"0x{n:040x}") for n in range(accounts)]
        self.assets = [Asset(CHAIN, f"0x{n:040x}") for n in range(ASSETS)]
        self.held = {a: self.chance.sample(self.assets, HELD) for a in self.accounts}
        self.amounts = {a: {each: self._amount() for each in self.held[a]} for a in self.accounts}
        self.prices = {each: Decimal(self.chance.randrange(1, 10**6)) / 1000 for each in self.assets}
        wallets = {a: Wallet(f"w{n}", "coinstats", a.address) for n, a in enumerate(self.accounts)}
        low = ThresholdRule.model_validate({"id": "low", "below": "0.001"})
        moved = ChangeRule.model_validate({"id": "moved", "by": "100000%"})
        self.rules = Rules([low, moved], wallets, ["ops"])
        self.rate = changes / HOURS
        self.engine = RuleEngine(store, self.rules, SystemClock(), running_since=BEGIN)

    def _amount(self) -> Decimal:
        return Decimal(self.chance.randrange(10**9, 10**15)) / 10**6

    def move(self) -> None:
        for each in self.assets:
            moved = self.prices[each] * (1 + Decimal(self.chance.randrange(-9, 10)) / 1000)
            self.prices[each] = moved.quantize(Decimal("1e-12"))  # some 15 digits, as CoinStats writes them
        for account in self.accounts:
            if self.chance.random() < self.rate:
                self.amounts[account][self.chance.choice(self.held[account])] = self._amount()

    async def poll(self, batch: list[Account], now: datetime) -> float:
        """Book, conclude and keep one request; seconds."""
        began = time.perf_counter()
        cost = 40 * len(batch)
        grant = await self.store.reserve(
            Booking("coinstats", len(batch), cost, Purpose.SCHEDULED, now), Allowance()
        )
        assert isinstance(grant, Grant)
        readings = [
            Reading(account, dict(self.amounts[account]), {a: self.prices[a] for a in self.held[account]},
                    dict.fromkeys(self.held[account], "TKN"), frozenset({CHAIN}))
            for account in batch
        ]  # fmt: skip
        settlement = Settlement(grant, now, cost, len(batch))
        await self.engine.judge(readings, now, settlement)
        return time.perf_counter() - began

    async def hour(self, now: datetime) -> None:
        self.move()
        for start in range(0, len(self.accounts), BATCH):
            await self.poll(self.accounts[start : start + BATCH], now + timedelta(seconds=start))


def copied_over_a_year(path: Path) -> None:
    """The rows of the day that was lived, on every day of the year before it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("PRAGMA synchronous = OFF")
        conn.execute("BEGIN")
        conn.execute(
            "CREATE TEMP TABLE days AS"
            " WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT i FROM n",
            (DAYS - 1,),
        )
        shift = f"- i * {DAY_MS}"
        for table, columns, times in (
            (
                "changes",
                "account, asset, before, after, price_before, price_after",
                ("before_at", "after_at"),
            ),
            ("prices", "asset, price", ("at",)),
            ("requests", "source, purpose, accounts, cost, charged, readings", ("reserved_at", "ended_at")),
        ):
            moved = ", ".join(f"{name} {shift}" for name in times)
            where = "WHERE before IS NOT NULL" if table == "changes" else ""
            conn.execute(
                f"INSERT INTO {table} ({columns}, {', '.join(times)})"  # noqa: S608
                f" SELECT {columns}, {moved} FROM days CROSS JOIN {table} {where}"
            )
        conn.execute(
            "INSERT OR IGNORE INTO spending (source, hour, credits, calls)"
            " SELECT source, hour - i * 24, credits, calls FROM days CROSS JOIN spending"
        )
        conn.execute("COMMIT")
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    os.sync()  # or the first step would wait for all of it


async def retention(world: World, now: datetime) -> tuple[list[float], float, list[float], float]:
    """Seconds of each step, the most CPU of one, of polls beside them, and of a poll by itself (median)."""
    batch = world.accounts[:BATCH]
    alone = [await world.poll(batch, now + timedelta(seconds=n)) for n in range(20)]
    steps: list[float] = []
    beside: list[float] = []
    most, more = 0.0, True

    def step(core: Transactions) -> tuple[bool, float, float]:
        """In the store's thread, where every poll has to wait for it."""
        wall, cpu = time.perf_counter(), time.thread_time()
        return core.tidy(now), time.perf_counter() - wall, time.thread_time() - cpu

    while more:
        tidying = asyncio.create_task(world.store._do(step))  # noqa: SLF001 (timed inside the thread)
        if len(steps) % 10 == 0:
            await asyncio.sleep(0)
            beside.append(await world.poll(batch, now))
        more, wall, cpu = await tidying
        steps.append(wall)
        most = max(most, cpu)
    return steps, most, beside, statistics.median(alone)


async def measure(accounts: int, changes: int) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "watcher.db"
        store = await SqliteStore.open(path, exclusive=True)
        world = World(store, accounts, changes)
        last = BEGIN + timedelta(days=DAYS - 1)
        for hour in range(HOURS):
            await world.hour(last + timedelta(hours=hour))
        await store.close()
        copied_over_a_year(path)
        whole = path.stat().st_size
        world.store = await SqliteStore.open(path, exclusive=True)
        now = BEGIN + timedelta(days=DAYS)
        steps, most, beside, alone = await retention(world, now)
        await world.store.close()
        size = path.stat().st_size
        with closing(sqlite3.connect(path)) as conn:
            rows = [conn.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in TABLES]  # noqa: S608
    predicted = accounts * changes * DAYS * PREDICTED[0] + ASSETS * HOURS * DAYS * PREDICTED[1]
    mib = [each / 2**20 for each in (size, predicted, whole)]
    print("{:,} changes, {:,} prices, {:,} requests in the log".format(*rows))
    print(f"a year of {accounts:,} accounts: {mib[0]:,.0f} MiB, predicted {mib[1]:,.0f}   <= 10 % off")
    print(f"  before retention: {mib[2]:,.0f} MiB")
    late = [statistics.quantiles(each, n=100)[98] for each in (steps, beside)]
    print(f"retention: {len(steps)} steps; the most CPU of one {most * 1000:.0f} ms   <= 50 ms")
    print(f"  by the clock: 99 % within {late[0] * 1000:.0f} ms, the longest {max(steps) * 1000:.0f} ms")
    print(f"a poll takes {alone * 1000:.0f} ms, 99 % beside a step {late[1] * 1000:.0f} ms   <= 50 ms more")
    return abs(size - predicted) <= 0.1 * predicted and most <= 0.05 and late[1] - alone <= 0.05


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--changes", type=int, default=5, help="of an account's amounts, a day")
    wanted = parser.parse_args()
    sys.exit(0 if asyncio.run(measure(wanted.accounts, wanted.changes)) else 1)
