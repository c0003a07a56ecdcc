"""What time alone brings about, and what it does not."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.domain.given import ETH, HOT, WALLETS, reading
from tests.fakes import START, FakeClock
from tests.service.given import make_engine
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Miss, MissReason
from watcher.domain.rules import NoDataRule
from watcher.service.engine import RuleEngine
from watcher.service.timers import TimeBasedEvaluation
from watcher.store.memory.store import MemoryStore


async def test_a_clock_set_ahead_by_a_day_is_not_told_as_a_day_of_silence() -> None:
    clock, store, told = FakeClock(), MemoryStore(), []
    rule = NoDataRule(id="silent", longer_than="30m")  # type: ignore[arg-type]
    rules = Rules((rule,), {HOT: WALLETS[HOT]}, ("ops",))
    start = clock.now()

    def daemon() -> RuleEngine:
        return make_engine(store, rules, clock, on_deliveries=lambda: told.append(clock.now()))

    engine = daemon()
    await engine.judge([reading(HOT, {ETH: "1"})], start)
    timers = TimeBasedEvaluation(engine)
    clock.set_back(-timedelta(days=1))

    await timers.once()
    anew = TimeBasedEvaluation(daemon())
    await anew.once()  # as the daemon takes it up again
    assert told == []

    await clock.advance(31 * 60)
    await anew.once()
    assert len(told) == 1


async def test_a_pass_that_would_bring_nothing_is_left_out_until_something_happens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, store, passes = FakeClock(), MemoryStore(), list[float]()
    rule = NoDataRule(id="silent", longer_than="30m")  # type: ignore[arg-type]
    engine = make_engine(store, Rules((rule,), {HOT: WALLETS[HOT]}, ("ops",)), clock)
    await engine.judge([reading(HOT, {ETH: "1"})], clock.now())
    once = TimeBasedEvaluation.once

    async def noted(self: TimeBasedEvaluation, most: int = 0) -> int:
        passes.append(clock.monotonic())
        return await once(self, most)

    monkeypatch.setattr(TimeBasedEvaluation, "once", noted)
    timers = TimeBasedEvaluation(engine)
    at_work = asyncio.create_task(timers.run())
    await clock.advance(200)
    assert passes == [1]

    await engine.judge([Miss(HOT, MissReason.TIMEOUT, "")], clock.now())
    await clock.advance(100)
    assert passes[1:] == [210]

    timers.wake()  # somebody else wrote
    await clock.settle()
    assert passes[2:] == [300]

    await clock.advance(30 * 60)
    (alert,) = await store.live_alerts()
    assert alert.fired_at == START + timedelta(minutes=30, seconds=15)
    assert len(passes) < 10
    at_work.cancel()
