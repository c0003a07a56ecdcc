"""Sources that are limited in calls: what is set is thinned evenly, and never used up in a morning."""

from __future__ import annotations

import itertools
import logging

import pytest

from tests.fakes import START, FakeClock
from watcher.config.cadences import taken
from watcher.domain.credits.allowance import Allowance, Window
from watcher.domain.model import Account
from watcher.queues.memory import PollQueue
from watcher.service.auto_schedule import AutoScheduler
from watcher.service.poll_times import PollTimes
from watcher.service.schedule_items import AutoItem, SourceDemand
from watcher.sources.kind import WatchedWallet
from watcher.sources.teos.settings import TeosSettings
from watcher.store.memory.store import MemoryStore

DAILY = Allowance(None, (Window(300, 60), Window(30_000, 86_400)))
DESK, VAULT = (Account("teos", "teos", f"0x{digit * 40}") for digit in "12")


async def schedule(calls_a_second: float, *auto: AutoItem) -> AutoScheduler:
    made = AutoScheduler(
        "teos", DAILY, SourceDemand(auto, taken=calls_a_second), MemoryStore(), FakeClock(), PollQueue()
    )
    await made.begin()
    return made


async def test_ticks_that_would_use_up_the_calls_of_a_day_are_thinned_evenly() -> None:
    paced = await schedule(1.0)
    kept = [second for second in range(86_400) if paced.affordable([DESK])]
    assert 23_900 <= len(kept) <= 24_001
    assert max(after - before for before, after in itertools.pairwise(kept)) <= 4


async def test_accounts_of_one_tick_are_thinned_together_since_one_call_brings_them() -> None:
    paced = await schedule(2.0)
    asked = [len(paced.affordable([DESK, VAULT])) for _ in range(100)]
    assert set(asked) == {0, 2}


async def test_calls_that_suffice_are_not_complained_of(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        paced = await schedule(0.2)
    assert not caplog.records
    assert all(paced.affordable([DESK]) for _ in range(100))


async def test_what_the_day_has_not_is_told_with_numbers(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        await schedule(1.0)
    (said,) = [record.getMessage() for record in caplog.records]
    assert "cost 86,400 of 24,000 calls a day: 28% of the ticks of fixed intervals" in said


def test_a_lookup_once_a_day_is_no_part_of_what_a_poll_costs() -> None:
    settings = TeosSettings.model_validate({"kind": "teos", "api_key": "x"})
    watched = WatchedWallet("desk", DESK.address, (), ("0xfc6e610b23b09fae00e10001",))
    source = settings.build("teos", [watched])
    each_minute = {PollTimes(every=None, cron="* * * * *"): [DESK]}
    assert taken(source, each_minute, START) == pytest.approx(1 / 60, rel=1e-3)
