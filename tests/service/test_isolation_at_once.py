"""Requests under way at once share what is known of accounts that fail by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from tests.fakes import FakeClock, FakeSource
from tests.service.given import make_engine
from watcher.domain.credits.allowance import Purpose
from watcher.domain.decision import Decision
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Account, Reading, Wallet
from watcher.ports.source import Reply
from watcher.ports.store import Deciding, Settlement
from watcher.service.fault_isolation import FaultIsolation
from watcher.store.memory.store import MemoryStore

ACCOUNTS = [Account("fake", "ethereum", f"0x{number}") for number in range(3)]


class BusyStore(MemoryStore):
    """Others get their turn while it concludes."""

    async def conclude(
        self, accounts: Sequence[Account], decide: Deciding, settlement: Settlement | None = None
    ) -> Decision:
        await asyncio.sleep(0)
        return await super().conclude(accounts, decide, settlement)


async def test_two_accounts_that_are_read_again_at_once_are_both_taken_back() -> None:
    store, clock = BusyStore(), FakeClock()
    wallets = {each: Wallet(each.address, "fake", each.address) for each in ACCOUNTS}
    isolation = FaultIsolation(FakeSource(), make_engine(store, Rules([], wallets, ["ops"]), clock))
    for _ in range(4):  # until it is news
        for account in ACCOUNTS:
            isolation.suspects.alone([account], "it answered 500", clock.now())
        await clock.advance(timedelta(hours=6).total_seconds())
    await isolation.left_out({ACCOUNTS[2]: "it answered 500"})
    assert len(await store.live_alerts()) == 3

    read = [Reply((Reading(account, {}, chains=frozenset({"ethereum"})),)) for account in ACCOUNTS[:2]]
    await asyncio.gather(*(isolation.note(each, Purpose.SCHEDULED) for each in read))

    assert [alert.account for alert in await store.live_alerts()] == ACCOUNTS[2:]


async def test_who_was_read_by_another_meanwhile_is_not_told_as_failing() -> None:
    store, clock = MemoryStore(), FakeClock()
    wallets = {each: Wallet(each.address, "fake", each.address) for each in ACCOUNTS}
    engine = make_engine(store, Rules([], wallets, ["ops"]), clock)
    isolation = FaultIsolation(FakeSource(), engine)
    for _ in range(4):  # until it is news
        isolation.suspects.alone([ACCOUNTS[0]], "it answered 500", clock.now())
        await clock.advance(timedelta(hours=6).total_seconds())
    await engine.judge([Reading(ACCOUNTS[0], {}, chains=frozenset({"ethereum"}))], clock.now())

    await isolation.left_out({ACCOUNTS[2]: "the answer does not mention it"})

    assert await store.live_alerts() == []
