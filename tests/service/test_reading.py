"""An answer is read where it is judged, in the store's thread; a fault in that costs its request only."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.domain.given import ETH, HOT, WALLETS, reading
from tests.fakes import START, FakeSource
from tests.service.given import make_poller
from tests.service.year import JumpingClock
from watcher.domain.credits.allowance import Purpose
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Miss, MissReason, Outcome
from watcher.domain.records import replace
from watcher.ports.source import Reply, Request
from watcher.service.polling import Poller, PollEvents
from watcher.store.sqlite.store import SqliteStore


class Unread(FakeSource):
    """Its answers are read by `reads`."""

    def __init__(self, reads: Callable[[], Reply]) -> None:
        super().__init__(name="cs")
        self.reads = reads

    async def send(self, request: Request) -> Reply:
        return Reply(charged=request.cost, unread=lambda: replace(self.reads(), charged=request.cost))


class Swept(PollEvents):
    def __init__(self) -> None:
        self.found: list[Outcome] = []

    async def swept(self, outcome: Outcome, now: object) -> None:
        self.found.append(outcome)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(tmp_path / "watcher.db", exclusive=True)
    yield store
    await store.close()


def poller(store: SqliteStore, reads: Callable[[], Reply], events: PollEvents | None = None) -> Poller:
    return make_poller(Unread(reads), store, Rules([], WALLETS, ["ops"]), JumpingClock(), events)


def settled(path: Path) -> list[tuple[object, ...]]:
    asked = "SELECT charged, readings, misses, failure FROM requests ORDER BY id"
    return sqlite3.connect(path).execute(asked).fetchall()


async def test_the_store_s_thread_reads_an_answer_and_the_loop_does_not(store: SqliteStore) -> None:
    threads: list[str] = []

    def reads() -> Reply:
        threads.append(threading.current_thread().name)
        return Reply((reading(HOT, {ETH: "7"}),))

    await poller(store, reads).once([HOT], Purpose.SCHEDULED)

    assert [name.partition("_")[0] for name in threads] == ["store"]
    assert (await store.load([HOT])).accounts[HOT].amounts == {ETH: 7}
    assert settled(store.path) == [(40, 1, 0, "")]


async def test_a_fault_while_reading_settles_the_request_as_charged_and_misses_its_accounts(
    store: SqliteStore,
) -> None:
    answers: list[Reply | None] = [None, Reply((reading(HOT, {ETH: "7"}),))]

    def reads() -> Reply:
        found = answers.pop(0)
        if found is None:
            raise ZeroDivisionError
        return found

    polling = poller(store, reads)
    (missed,) = await polling.once([HOT], Purpose.BY_HAND)
    await polling.once([HOT], Purpose.BY_HAND)

    assert isinstance(missed, Miss)
    assert missed.reason is MissReason.INTERNAL
    assert [row[:3] for row in settled(store.path)] == [(None, 0, 1), (40, 1, 0)]
    assert await store.spent("cs", START) == 80
    assert (await store.load([HOT])).accounts[HOT].amounts == {ETH: 7}


async def test_what_a_sweep_brings_is_read_and_settled_and_not_judged(store: SqliteStore) -> None:
    events = Swept()
    await poller(store, lambda: Reply((reading(HOT, {ETH: "7"}),)), events).once([HOT], Purpose.SWEEP)

    assert [each.account for each in events.found] == [HOT]
    assert (await store.load([HOT])).accounts == {}
    assert settled(store.path) == [(40, 1, 0, "")]
