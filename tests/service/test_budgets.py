"""Rules about credits, the whole way: polls that cost, the ledger on disk, the clock, the outbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.domain.given import ETH, HOT, WALLETS, reading
from tests.fakes import FakeClock, FakeSource
from tests.service.given import make_engine, make_poller
from tests.store.given import by_hand, rows
from watcher.domain.credits.allowance import Allowance, CreditPlan, Purpose
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.rules import BudgetRule
from watcher.domain.values.errors import StoreError
from watcher.ports.queue import Batch
from watcher.service.polling import Poller
from watcher.service.timers import TimeBasedEvaluation
from watcher.store.sqlite.store import SqliteStore

PLAN = CreditPlan(1000)


class Bench:
    """A source that sells 1,000 credits a month; a poll costs 100."""

    def __init__(self, path: Path, **fields: Any) -> None:
        self.path, self.clock = path, FakeClock()
        self.rule = BudgetRule.model_validate({"id": "credits", "source": HOT.source, **fields})

    @asynccontextmanager
    async def running(self) -> AsyncIterator[tuple[Poller, TimeBasedEvaluation]]:
        store = await SqliteStore.open(self.path, exclusive=True)
        rules = Rules([self.rule], {HOT: WALLETS[HOT]}, ("ops",))
        source = FakeSource(
            HOT.source,
            Allowance(PLAN),
            credits_each=100,
            answers=lambda account: reading(account, {ETH: "1"}),
        )
        try:
            yield (
                make_poller(source, store, rules, self.clock),
                TimeBasedEvaluation(make_engine(store, rules, self.clock), lambda: {HOT.source: PLAN}),
            )
        finally:
            await store.close()

    async def spend(self, polls: int) -> None:
        """So many polls by one process, and one pass over the clock by the next."""
        async with self.running() as (poller, _):
            for _ in range(polls):
                await poller.poll(Batch((HOT,), Purpose.BY_HAND))
        async with self.running() as (_, timers):
            await timers.once()

    def told(self) -> list[str]:
        return [title for (title,) in rows(self.path, "SELECT title FROM messages ORDER BY id")]


async def test_polls_that_use_a_share_of_the_credits_are_told_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "w.db", used="80%")
    await bench.spend(7)
    assert bench.told() == []
    await bench.spend(1)
    await bench.spend(1)
    assert [title[:29] for title in bench.told()] == ["source coinstats: 80\N{NARROW NO-BREAK SPACE}% of 1,0"]
    bench.clock.set_back(-timedelta(days=31))
    await bench.spend(0)
    assert len(bench.told()) == 2


async def test_credits_that_run_out_are_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "w.db", runs_out_within="3d")
    await bench.spend(4)
    bench.clock.set_back(-timedelta(hours=20))
    await bench.spend(4)
    assert len(bench.told()) == 1
    assert "they are gone by 2026-03-1" in bench.told()[0]


@pytest.mark.parametrize("table", ["alerts", "deliveries"])
async def test_alert_and_deliveries_are_kept_together(tmp_path: Path, table: str) -> None:
    bench = Bench(tmp_path / "w.db", used="80%")
    await bench.spend(7)
    with by_hand(bench.path) as conn:
        conn.execute(f"CREATE TRIGGER broken BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'no'); END")
    with pytest.raises(StoreError, match="no"):
        await bench.spend(1)
    assert rows(bench.path, "SELECT count(*) FROM alerts") == [(0,)]
    with by_hand(bench.path) as conn:
        conn.execute("DROP TRIGGER broken")
    await bench.spend(0)
    await bench.spend(0)
    assert len(bench.told()) == 1


async def test_looking_writes_nothing_while_nothing_changes(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "w.db", used="80%", runs_out_within="1d")
    await bench.spend(8)
    with by_hand(bench.path) as conn:
        conn.execute("CREATE TRIGGER no BEFORE INSERT ON alerts BEGIN SELECT RAISE(ABORT, 'written'); END")
    for _ in range(3):
        await bench.spend(0)
