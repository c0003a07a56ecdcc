"""A look for hints that costs a request is booked like a poll, and never in the way of one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.fakes import START, FakeClock, FakeSource
from watcher.domain.credits.allowance import Allowance, Booking, CreditPlan, CreditRefusal, Grant, Purpose
from watcher.ports.hints import HintCallRejectedError, HintSourceError
from watcher.ports.source import RawAnswer, RawCall
from watcher.service.hint_looks import HintLooks
from watcher.service.metrics import Metrics
from watcher.service.throttle import SourceThrottle
from watcher.store.sqlite.store import SqliteStore


class Bench:
    def __init__(self, store: SqliteStore) -> None:
        self.store, self.clock, self.metrics = store, FakeClock(), Metrics(START)
        self.source = FakeSource(allowance=Allowance(CreditPlan(1000, reserve=Decimal("0.5"))))
        self.throttle = SourceThrottle(self.source, self.clock, self.metrics)
        self.looks = HintLooks(self.throttle, store, self.clock)

    async def refusal(self, cost: int = 8) -> HintSourceError:
        with pytest.raises(HintSourceError) as caught:
            await self.looks.call("GET", "/v1/coins", cost=cost)
        return caught.value

    async def spent(self) -> int:
        return await self.store.spent("fake", START - timedelta(days=1))


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    store = await SqliteStore.open(tmp_path / "watcher.db", exclusive=True)
    yield Bench(store)
    await store.close()


async def test_a_look_is_booked_sent_and_settled(bench: Bench) -> None:
    bench.source.answer = RawAnswer(b"[]")

    assert await bench.looks.call("GET", "/v1/coins", [("limit", "10")], cost=8) == b"[]"

    assert bench.source.calls == [RawCall("GET", "/v1/coins", (("limit", "10"),))]
    assert await bench.spent() == 8 == bench.metrics.credits["fake"]
    with bench.store.queries() as queries:
        [logged] = queries.requests(10)
    assert (logged.purpose, logged.accounts, logged.cost) == ("hinting", 0, 8)
    assert logged.ended_at is not None
    assert bench.throttle.quiet


async def test_what_was_not_charged_comes_back_and_the_failure_is_in_the_log(bench: Bench) -> None:
    bench.source.answer = RawAnswer(failure="unauthorized: api answered 401", charged=0, refused=True)
    refusal = await bench.refusal()

    assert (refusal.why, refusal.refused) == ("fake: unauthorized: api answered 401", True)
    assert await bench.spent() == 0
    with bench.store.queries() as queries:
        assert queries.requests(1)[0].failure == "unauthorized: api answered 401"


async def test_a_request_that_is_not_taken_may_be_asked_in_another_form(bench: Bench) -> None:
    bench.source.answer = RawAnswer(failure="rejected: api answered 404", rejected=True)
    assert isinstance(await bench.refusal(), HintCallRejectedError)


async def test_a_look_that_failed_slows_down_no_poll_and_a_pause_that_is_asked_for_is_kept(
    bench: Bench,
) -> None:
    bench.source.answer = RawAnswer(failure="rejected: api answered 404")
    await bench.refusal()
    assert bench.throttle.next_start <= bench.clock.monotonic()
    bench.source.answer = RawAnswer(failure="rate limited: 429", pause=timedelta(seconds=9))
    await bench.refusal()
    assert bench.throttle.next_start == bench.clock.monotonic() + 9


async def test_the_reserve_is_left_alone_and_nothing_is_sent(bench: Bench) -> None:
    booked = await bench.store.reserve(
        Booking("fake", 1, 496, Purpose.SCHEDULED, START), bench.source.allowance
    )
    assert isinstance(booked, Grant)

    refusal = await bench.refusal()

    assert refusal.why.startswith("fake: nothing may be asked until 2026-")
    assert "496 of 1,000 credits of this month are spent and 500 are kept in reserve" in refusal.why
    assert not refusal.refused
    assert bench.source.calls == []
    assert not await bench.throttle.asleep(Purpose.SCHEDULED, 1), "polls that still fit are made"


async def test_while_the_source_sleeps_nothing_is_booked(bench: Bench) -> None:
    await bench.throttle.sleep(CreditRefusal(START + timedelta(hours=1), "the credits are gone"))

    assert "the credits are gone" in (await bench.refusal()).why
    with bench.store.queries() as queries:
        assert queries.requests(1) == []


async def test_a_store_that_fails_is_a_reason_like_any_other(bench: Bench) -> None:
    await bench.store.close()

    assert "the ledger cannot be written" in (await bench.refusal()).why


async def test_looks_keep_the_spacing_of_the_source(bench: Bench) -> None:
    bench.source.spacing = 2.0
    await bench.looks.call("GET", "/v1/a")

    assert bench.throttle.next_start == bench.clock.monotonic() + 2.0
