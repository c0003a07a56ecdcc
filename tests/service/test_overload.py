"""Twenty thousand accounts due at once, again and again, at a source that answers slowly: an hour of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from tests.fakes import START, FakeSource
from tests.service.given import make_poller
from tests.service.year import JumpingClock
from watcher.domain.credits.allowance import Purpose
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Account, Asset, Reading, Wallet
from watcher.domain.rules import ThresholdRule
from watcher.ports.source import Reply, Request
from watcher.service.polling import Poller
from watcher.store.sqlite.store import SqliteStore

ACCOUNTS = [Account("slow", "ethereum", f"0x{number:040x}") for number in range(20_000)]
ETH = Asset("ethereum", "ethereum")
ANSWER = 45.0
"""Seconds of a request for 500 accounts: a round of all of them takes half an hour."""


class SlowSource(FakeSource):
    """Each time that it is asked, everything has become due once more."""

    def attach(self, clock: JumpingClock, poller: Poller) -> None:
        self.clock, self.poller = clock, poller
        self.asked: list[Account] = []
        self.waiting: list[int] = []
        self.memory: list[int] = []

    async def send(self, request: Request) -> Reply:
        self.asked += request.accounts
        self.sent.clear()
        await self.clock.sleep(ANSWER)
        self.poller.queue.put(ACCOUNTS, Purpose.SCHEDULED)
        self.waiting.append(len(self.poller.queue))
        self.memory.append(resident())
        return await super().send(request)


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def read(account: Account) -> Reading:
    return Reading(account, {ETH: Decimal(7)}, {ETH: Decimal(3000)}, {ETH: "ETH"}, frozenset({"ethereum"}))


async def test_an_overloaded_source_is_asked_in_turn_with_a_bounded_queue_and_flat_memory(
    tmp_path: Path,
) -> None:
    clock, store = JumpingClock(), await SqliteStore.open(tmp_path / "watcher.db", exclusive=True)
    wallets = {account: Wallet(account.address, "slow", account.address) for account in ACCOUNTS}
    rules = Rules([ThresholdRule.model_validate({"id": "low", "below": "1"})], wallets, ["ops"])
    source = SlowSource("slow", batch=500, answers=read)
    poller = make_poller(source, store, rules, clock)
    source.attach(clock, poller)
    poller.queue.put(ACCOUNTS, Purpose.SCHEDULED)

    working = asyncio.create_task(poller.run())
    async with asyncio.timeout(60):
        while clock.now() < START + timedelta(hours=1):  # noqa: ASYNC110 (time runs by itself)
            await asyncio.sleep(0.01)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    await store.close()

    rounds: Sequence[Sequence[Account]] = [source.asked[:20_000], source.asked[20_000:40_000]]
    assert len(source.asked) >= 40_000
    assert len(set(rounds[0])) == len(set(rounds[1])) == 20_000, "nobody comes twice before all came once"
    assert list(rounds[0]) == list(rounds[1]) == ACCOUNTS, "who became due first comes first"
    assert max(source.waiting) <= 20_000
    half = len(source.memory) // 2
    assert source.memory[-1] - source.memory[half] < 8 * 2**20, "memory grows"
