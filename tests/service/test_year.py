"""Whole months in virtual time: never over the plan, and nearly all of it used."""

from __future__ import annotations

import asyncio
import math
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.service.given import make_poller
from tests.service.year import BEGIN, Year
from watcher.domain.credits.allowance import Allowance, Booking, CreditPlan, CreditRefusal, Purpose
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Account
from watcher.domain.scheduler.outlook import OUTLOOK, Outlook
from watcher.queues.memory import PollQueue
from watcher.service.auto_schedule import AutoScheduler
from watcher.service.schedule_items import SourceDemand
from watcher.store.memory.store import MemoryStore
from watcher.store.sqlite.store import SqliteStore

LIMIT = 6000
LONGEST = timedelta(days=31) - timedelta(hours=1)


class AYear(RuleBasedStateMachine):
    """Anything may happen, at any time."""

    @initialize(
        accounts=st.integers(1, 12),
        resets_on=st.integers(1, 31),
        reserve=st.sampled_from(["0", "0.1", "0.3"]),
        promise=st.sampled_from([None, timedelta(hours=12), timedelta(days=3)]),
    )
    def begin(self, accounts: int, resets_on: int, reserve: str, promise: timedelta | None) -> None:
        self.loop = asyncio.new_event_loop()
        plan = CreditPlan(LIMIT, resets_on=resets_on, reserve=Decimal(reserve))
        self.year = Year(MemoryStore(), plan, accounts)
        self.year.promise = promise
        self.ended: list[int] = []
        self.loop.run_until_complete(self.year.start())

    @rule(days=st.sampled_from([90.0, 33.0, 29.0, 7.0, 0.3]))
    def time_passes(self, days: float) -> None:
        year = self.year
        until = year.clock.now() + timedelta(days=days)
        while year.clock.now() < until:
            start, end = year.plan.bounds(year.clock.now())
            self.loop.run_until_complete(year.run(min(until, end)))
            if year.clock.now() >= end and start >= BEGIN:
                booked = self.loop.run_until_complete(year.booked(start, end))
                assert 0.98 * LIMIT <= booked <= LIMIT, (start, booked)

    @rule()
    def restart(self) -> None:
        self.loop.run_until_complete(self.year.schedule.keep())
        self.loop.run_until_complete(self.year.start())

    @rule(sent=st.booleans(), times=st.integers(1, 4))
    def kill(self, sent: bool, times: int) -> None:
        for _ in range(times):
            self.loop.run_until_complete(self.year.die_in_a_request(sent=sent))

    @rule(times=st.sampled_from([1, 10, 60]))
    def poll_by_hand(self, times: int) -> None:
        for _ in range(times):
            self.loop.run_until_complete(self.year.by_hand())

    @rule(number=st.integers(0, 20))
    def edit_the_watch_list(self, number: int) -> None:
        account = Account("s", "ethereum", f"0x{number:040x}")
        if account not in self.year.accounts:
            self.year.accounts.append(account)
        elif len(self.year.accounts) > 1:
            self.year.accounts.remove(account)
        self.restart()

    def _far_from_a_renewal(self) -> bool:
        if not hasattr(self, "year"):
            return False
        now = self.year.clock.now()
        start, end = self.year.plan.bounds(now)
        return now - start > timedelta(days=1) and end - now > timedelta(days=1)

    @precondition(_far_from_a_renewal)
    @rule(minutes=st.integers(-300, 300))
    def the_clock_steps(self, minutes: int) -> None:
        self.year.clock.set_back(timedelta(minutes=minutes))

    def teardown(self) -> None:
        if hasattr(self, "year"):
            self.loop.close()
            assert all(used <= LIMIT for used in self.year.source.metered.values())


AYear.TestCase.settings = settings(
    max_examples=15,
    stateful_step_count=20,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestAYear = AYear.TestCase


async def test_a_quarter_in_a_real_store_uses_the_plan_and_no_more(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "watcher.db", exclusive=True)
    year = Year(store, CreditPlan(4000), 5)
    await year.start()
    await year.run(BEGIN + timedelta(days=90))
    whole = [used for start, used in year.source.metered.items() if start < year.clock.now() - LONGEST]
    assert len(whole) == 3
    assert all(0.98 * 4000 <= used <= 4000 for used in whole)
    await store.close()


@pytest.mark.parametrize("reserve", ["0", "0.1"])
@pytest.mark.parametrize(("accounts", "promise"), [(2, 12), (9, 72), (6, 48)])
async def test_a_promise_that_fits_is_kept_all_the_time(accounts: int, promise: int, reserve: str) -> None:
    year = Year(MemoryStore(), CreditPlan(LIMIT, reserve=Decimal(reserve)), accounts)
    year.promise = timedelta(hours=promise)
    await year.start()
    await year.run(BEGIN + timedelta(days=40))
    await year.schedule.keep()
    await year.start()
    await year.run(BEGIN + timedelta(days=90))
    assert year.broken == []


@pytest.mark.parametrize("hours", [1, 3])
async def test_fixed_intervals_beyond_the_credits_are_stretched_evenly(hours: int) -> None:
    year = Year(MemoryStore(), CreditPlan(LIMIT), 5)
    year.fixed = timedelta(hours=hours)
    await year.start()
    assert year.schedule.strained
    assert year.schedule.affordable(year.accounts) == []
    await year.run(BEGIN + timedelta(days=31))
    used = year.source.metered[BEGIN]
    assert 0.98 * LIMIT <= used <= LIMIT
    expected = timedelta(days=31) * 5 * 40 / LIMIT
    for polls in year.polls.values():
        gaps = [after - before for before, after in pairwise(polls)]
        assert max(gaps) < 1.6 * expected
        assert len(polls) == pytest.approx(LIMIT / 40 / 5, abs=2)


async def test_fixed_intervals_that_fit_are_left_to_their_ticks() -> None:
    year = Year(MemoryStore(), CreditPlan(LIMIT), 2)
    year.fixed = timedelta(days=1)
    await year.start()
    assert not year.schedule.strained
    assert year.schedule.affordable(year.accounts) == year.accounts


CRON = [Account("s", "ethereum", f"0x{9000 + n:040x}") for n in range(2)]


async def test_cron_lines_beyond_the_credits_are_thinned_evenly_and_it_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    year = Year(MemoryStore(), CreditPlan(LIMIT), 0)
    hourly = 2 * 40 / 3600
    year.schedule = AutoScheduler(
        "s", year.source.allowance, SourceDemand(taken=hourly), year.store, year.clock, PollQueue()
    )
    year.poller = make_poller(year.source, year.store, Rules([], {}, []), year.clock)
    await year.schedule.begin()
    polled: dict[Account, list[datetime]] = {account: [] for account in CRON}
    while year.clock.now() < BEGIN + timedelta(days=31):
        year.clock.move(timedelta(hours=1))
        await year.schedule._refresh()
        for account in year.schedule.affordable(CRON):
            answer = await year.store.reserve(
                Booking("s", 1, 40, Purpose.SCHEDULED, year.clock.now()), year.source.allowance
            )
            if isinstance(answer, CreditRefusal):
                assert year.clock.now() > BEGIN + timedelta(days=30), "the reserve, to the last"
                continue
            polled[account].append(year.clock.now())
    expected = 2 * 40 * 31 * 24 / LIMIT
    for times in polled.values():
        gaps = [(after - before) / timedelta(hours=1) for before, after in pairwise(times)]
        assert max(gaps) <= math.ceil(expected) + 1
        assert len(times) == pytest.approx(LIMIT / 80, abs=2)
    said = [line for line in caplog.messages if "stretched" in line or "cron" in line]
    assert len(said) <= 2, "once a period"
    assert "cost 59,520 of 6,000 credits a month: 10% of the ticks of cron lines" in said[0]


async def test_cron_lines_that_fit_keep_every_tick() -> None:
    year = Year(MemoryStore(), CreditPlan(LIMIT), 0)
    schedule = AutoScheduler(
        "s", year.source.allowance, SourceDemand(taken=40 / 86400), year.store, year.clock, PollQueue()
    )
    await schedule.begin()
    assert not schedule.strained
    assert schedule.share == 1
    assert schedule.affordable(CRON) == CRON


async def test_a_promise_that_breaks_in_mid_period_is_said_once_with_numbers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    year = Year(MemoryStore(), CreditPlan(LIMIT), 2)
    year.promise = timedelta(days=1)
    await year.start()
    await year.run(BEGIN + timedelta(days=3))
    assert not caplog.messages
    allowance = Allowance()
    await year.store.reserve(Booking("s", 0, 5000, Purpose.CORRECTION, year.clock.now()), allowance)
    await year.run(BEGIN + timedelta(days=9))
    said = [line for line in caplog.messages if "stretched" in line]
    assert len(said) == 1
    assert "more than are left: they are stretched evenly" in said[0]


async def test_the_outlook_is_kept_for_who_looks_and_survives_a_restart() -> None:
    year = Year(MemoryStore(), CreditPlan(LIMIT), 4)
    await year.start()
    await year.run(BEGIN + timedelta(days=12))
    await year.schedule.keep()
    outlook = Outlook.load((await year.store.facts("s"))[OUTLOOK])
    assert outlook is not None
    assert outlook.planned == pytest.approx(LIMIT, rel=0.1)
    assert outlook.stretch == 1
    assert outlook.intervals.keys() == {f"{a.chain}:{a.address}" for a in year.accounts}
    finds = outlook.finds
    assert finds.count > 15
    assert finds.gaps == pytest.approx(finds.planned, rel=0.25), (
        "the mean gap at detections, against the plan"
    )
    await year.start()
    await year.run(BEGIN + timedelta(days=13))
    await year.schedule.keep()
    later = Outlook.load((await year.store.facts("s"))[OUTLOOK])
    assert later is not None
    assert later.finds.count >= finds.count
    await year.run(BEGIN + timedelta(days=33))
    await year.schedule.keep()
    renewed = Outlook.load((await year.store.facts("s"))[OUTLOOK])
    assert renewed is not None
    assert renewed.ends > outlook.ends
    assert renewed.finds.count < later.finds.count, "it is counted anew in each period"
