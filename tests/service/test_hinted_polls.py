"""A poll that a hint caused is recorded with its request, and whoever planned it hears what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from tests.domain.given import ETH, reading
from tests.fakes import START, FakeSource
from tests.service.given import make_poller
from tests.service.test_provider_count import MovedClock
from watcher.domain.credits.allowance import CreditRefusal, Purpose
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Account, Miss, MissReason, Outcome, Wallet
from watcher.ports.hints import HintedPoll, HintWord
from watcher.ports.queue import Batch
from watcher.service.metrics import HINT_POLLS, Metrics
from watcher.service.polling import Poller, PollEvents
from watcher.store.memory.store import MemoryStore

ACCOUNTS = [Account("fake", "ethereum", f"0x{number}") for number in range(3)]
WORD = HintWord("mainnet", START, "0xab:0")


@dataclass
class Planner(PollEvents):
    """Knows upon which word the first account is asked for."""

    heard: list[tuple[Account, bool | None, Purpose]] = field(default_factory=list)
    turned_away: list[Account] = field(default_factory=list)

    def seen(self, account: Account, at: datetime, changed: bool | None, purpose: Purpose) -> None:
        self.heard.append((account, changed, purpose))

    def refused(self, account: Account, at: datetime) -> None:
        self.turned_away.append(account)

    def hint_of(self, account: Account) -> HintWord | None:
        return WORD if account == ACCOUNTS[0] else None


@dataclass
class Bench:
    poller: Poller
    planner: Planner
    store: MemoryStore
    source: FakeSource
    amount: str = "1"

    def recorded(self) -> list[HintedPoll]:
        with self.store.queries() as queries:
            return queries.hinted_polls(START, 10)


@pytest.fixture
def bench() -> Bench:
    store, planner = MemoryStore(), Planner()
    source = FakeSource()
    rules = Rules([], {account: Wallet("w", "fake", account.address) for account in ACCOUNTS}, ())
    bench = Bench(make_poller(source, store, rules, MovedClock(), planner), planner, store, source)
    source.answers = lambda account: reading(account, {ETH: bench.amount})
    return bench


async def test_only_what_was_asked_for_upon_a_word_is_recorded_and_only_of_hinted_polls(bench: Bench) -> None:
    await bench.poller.poll(Batch(tuple(ACCOUNTS), Purpose.SCHEDULED))
    assert bench.recorded() == []
    bench.amount = "2"

    await bench.poller.poll(Batch(tuple(ACCOUNTS), Purpose.HINTED))

    assert bench.recorded() == [HintedPoll(ACCOUNTS[0], WORD, START, changed=True, credits=40)]
    hinted = [(account, changed) for account, changed, why in bench.planner.heard if why is Purpose.HINTED]
    assert hinted == [(account, True) for account in ACCOUNTS]

    await bench.poller.poll(Batch((ACCOUNTS[0],), Purpose.HINTED))
    assert [each.changed for each in bench.recorded()] == [False, True]


MISS: Callable[[Account], Outcome] = lambda account: Miss(account, MissReason.UNREACHABLE)  # noqa: E731


async def test_a_hinted_poll_that_read_nothing_is_recorded_as_such_and_word_is_asked_anew(
    bench: Bench,
) -> None:
    bench.source.answers, bench.source.failure = MISS, "unreachable"
    await bench.poller.poll(Batch((ACCOUNTS[0],), Purpose.HINTED))
    assert [each.changed for each in bench.recorded()] == [None]

    await bench.poller.poll(Batch((ACCOUNTS[0],), Purpose.SCHEDULED))
    assert len(bench.recorded()) == 1, "the word was that of the poll before"


async def test_what_polls_upon_hints_came_to_is_counted(bench: Bench) -> None:
    metrics = bench.poller._engine.metrics = Metrics(START)
    metrics.listens(["mainnet"])
    await bench.poller.poll(Batch(tuple(ACCOUNTS), Purpose.SCHEDULED))
    for amount in ("2", "2"):
        bench.amount = amount
        await bench.poller.poll(Batch((ACCOUNTS[0],), Purpose.HINTED))
    await bench.poller.throttle.sleep(CreditRefusal(START + timedelta(days=1), "gone"))
    await bench.poller.poll(Batch((ACCOUNTS[0],), Purpose.HINTED))
    await bench.poller.throttle.wake()
    bench.source.answers, bench.source.failure = MISS, "unreachable"
    await bench.poller.poll(Batch((ACCOUNTS[0],), Purpose.HINTED))

    found = {result: metrics.hint_polls["mainnet", result] for result in HINT_POLLS}
    assert found == {"confirmed": 1, "barren": 1, "unread": 1, "refused": 1}
    assert metrics.hint_credits["mainnet"] == 120
    assert sum(metrics.hint_delays["mainnet"].counts) == 2


async def test_a_hinted_account_does_not_wait_for_the_rest_of_a_long_batch(bench: Bench) -> None:
    bench.source.batch = 1
    queue, asked = bench.poller.queue, bench.source.sent

    def answer(account: Account) -> Outcome:
        if len(asked) == 1:  # while the first of three is asked for
            queue.put([ACCOUNTS[2]], Purpose.HINTED)
        return reading(account, {ETH: "1"})

    bench.source.answers = answer
    await bench.poller.once(ACCOUNTS, Purpose.SCHEDULED)

    assert [request.accounts for request in asked] == [(ACCOUNTS[0],), (ACCOUNTS[2],), (ACCOUNTS[1],)]
    assert [purpose for _, _, purpose in bench.planner.heard] == [
        Purpose.SCHEDULED, Purpose.HINTED, Purpose.SCHEDULED
    ]  # fmt: skip
    assert bench.planner.turned_away == [], "what goes back to the queue was not refused"
