"""The last credits of a period: what is too dear does not keep what still fits from being read."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.domain.given import ETH, reading
from tests.fakes import START, FakeClock, FakeSource
from tests.service.given import make_poller
from watcher.domain.credits.allowance import Allowance, CreditPlan, Purpose
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Account, Wallet
from watcher.ports.queue import Batch
from watcher.service.polling import Poller
from watcher.store.memory.store import MemoryStore

CHEAP = [Account("fake", "ethereum", f"0x{number}") for number in range(5)]
DEAR = Account("fake", "all", "0xdd")


class TwoPrices(FakeSource):
    """40 credits a chain, 400 for all of them; a sweep goes by itself."""

    def cost(self, account: Account) -> int:
        return 400 if account.chain == "all" else 40


def poller(left: int, *, each: int = 40) -> Poller:
    plan = CreditPlan(left, reserve=Decimal(0))
    wallets = {account: Wallet("w", "fake", account.address) for account in (*CHEAP, DEAR)}
    kind = TwoPrices if each == 400 else FakeSource
    source = kind(
        allowance=Allowance(plan), credits_each=each, answers=lambda account: reading(account, {ETH: "1"})
    )
    return make_poller(source, MemoryStore(), Rules([], wallets, ()), FakeClock())


@pytest.mark.parametrize("purpose", [Purpose.SCHEDULED, Purpose.BY_HAND, Purpose.HINTED])
async def test_of_a_request_that_is_too_dear_what_fits_is_asked(purpose: Purpose) -> None:
    found = await poller(100).poll(Batch(tuple(CHEAP), purpose))
    assert [outcome.account for outcome in found] == CHEAP[:2]


async def test_a_sweep_that_does_not_fit_does_not_put_the_chains_to_sleep() -> None:
    there = poller(300, each=400)
    assert await there.poll(Batch((DEAR,), Purpose.SCHEDULED)) == []
    assert there.throttle.asleep_until is not None
    there.source.credits_each = 40  # type: ignore[attr-defined]
    assert len(await there.poll(Batch((CHEAP[0],), Purpose.SCHEDULED))) == 1
    assert await there.throttle.asleep(Purpose.SCHEDULED, 400)
    assert not await there.throttle.asleep(Purpose.SCHEDULED, 40)


@pytest.mark.parametrize("purpose", [Purpose.SCHEDULED, Purpose.HINTED])
async def test_when_nothing_fits_the_source_sleeps_and_nothing_is_sent(purpose: Purpose) -> None:
    there = poller(30)
    assert await there.poll(Batch(tuple(CHEAP), purpose)) == []
    assert await there.poll(Batch((CHEAP[0],), Purpose.HINTED)) == []
    assert await there.throttle.asleep(Purpose.SCHEDULED, 40)
    assert there.source.sent == []  # type: ignore[attr-defined]
    assert there.throttle.asleep_until is not None
    assert there.throttle.asleep_until - START > timedelta(days=20)
