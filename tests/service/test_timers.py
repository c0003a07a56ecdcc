"""What time alone brings about, and what it does not."""

from __future__ import annotations

from datetime import timedelta

from tests.domain.given import ETH, HOT, WALLETS, reading
from tests.fakes import FakeClock
from tests.service.given import make_engine
from watcher.domain.evaluation.rule_index import Rules
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
