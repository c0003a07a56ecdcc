"""Ticks of intervals and cron lines: when they come, and what APScheduler alone would do otherwise."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes import FakeClock
from watcher.domain.credits.allowance import Purpose
from watcher.domain.model import EMPTY, Account
from watcher.domain.values.errors import StoreError
from watcher.ports.clock import Clock
from watcher.queues.memory import PollQueue
from watcher.service.clock import SystemClock
from watcher.service.fixed_schedule import MOST_SLOTS, MOST_WAITING, SLICE, SLOT, FixedScheduler, slots_of
from watcher.service.poll_times import PollTimes
from watcher.service.ticks import PollTrigger, Ticks

ACCOUNT = Account("s", "c", "0x1")
NOW = datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)
CADENCES = [
    PollTimes(every=timedelta(seconds=1)),
    PollTimes(every=timedelta(hours=7)),
    PollTimes(cron="* * * * *"),
]


class Puts(PollQueue):
    """Keeps what each tick made due."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[list[Account]] = []
        self.threads: set[int] = set()

    def put(self, accounts: Iterable[Account], purpose: Purpose, *, alone: bool = False) -> None:
        assert purpose is Purpose.SCHEDULED
        self.made.append(list(accounts))
        self.threads.add(threading.get_ident())
        super().put(self.made[-1], purpose, alone=alone)


def scheduled(
    times: PollTimes,
    clock: Clock,
    at: Mapping[Account, datetime] = EMPTY,
    accounts: Sequence[Account] = (ACCOUNT,),
) -> tuple[FixedScheduler, Puts]:
    """`at`: when they were asked for last."""

    async def attempts(some: Sequence[Account]) -> Mapping[Account, datetime]:
        return {account: at[account] for account in some if account in at}

    puts = Puts()
    return FixedScheduler({times: accounts}, lambda some: some, clock, puts, attempts), puts


@pytest.mark.parametrize("cadence", CADENCES)
def test_a_clock_set_a_year_ahead_costs_one_tick_and_not_one_for_each_that_was_missed(
    cadence: PollTimes,
) -> None:
    trigger = PollTrigger(cadence)
    first = due = trigger.get_next_fire_time(None, NOW)
    later, ticks = NOW + timedelta(days=365), 0

    while due <= later:  # as APScheduler lists what is due
        ticks += 1
        due = trigger.get_next_fire_time(due, later)

    assert ticks <= 2
    assert due == trigger.get_next_fire_time(None, later)
    assert first >= NOW


@pytest.mark.parametrize("cadence", CADENCES)
def test_ticks_in_time_follow_one_another_at_the_cadence(cadence: PollTimes) -> None:
    trigger = PollTrigger(cadence)
    ticks = [trigger.get_next_fire_time(None, NOW)]
    for _ in range(5):
        ticks.append(trigger.get_next_fire_time(ticks[-1], ticks[-1] + timedelta(milliseconds=3)))

    expected = cadence.every or timedelta(minutes=1)
    assert {after - before for before, after in itertools.pairwise(ticks)} == {expected}


@pytest.mark.parametrize(
    ("line", "zone", "ticks"),
    [
        ("30 2 * * *", "Europe/Zurich", 28),
        ("*/30 * * * *", "Europe/Zurich", 28 * 48),
        ("0 * * * *", "America/New_York", 28 * 24),
        ("15 1 * * *", "Australia/Lord_Howe", 28),
        ("0 8 1 * *", "Europe/Zurich", 1),
    ],
)
@pytest.mark.parametrize("day", range(0, 366, 7))
def test_the_plan_of_a_cron_line_ends_on_every_day_of_a_year(
    line: str, zone: str, ticks: int, day: int
) -> None:
    per_second = PollTimes(cron=line, timezone=zone).per_second(NOW + timedelta(days=day))

    assert per_second * timedelta(days=28).total_seconds() == pytest.approx(ticks, abs=2, rel=0.1)


@pytest.mark.parametrize("start", [datetime(2026, 3, 27, tzinfo=UTC), datetime(2026, 10, 23, tzinfo=UTC)])
@pytest.mark.parametrize("line", ["30 2 * * *", "*/30 * * * *", "0 1-4 * * *"])
def test_the_daemon_ticks_when_the_plan_says_so(line: str, start: datetime) -> None:
    cadence = PollTimes(cron=line, timezone="Europe/Zurich")
    trigger, until = PollTrigger(cadence), start + timedelta(days=5)
    planned = list(itertools.takewhile(lambda tick: tick < until, cadence.ticks(start)))

    ticks = [trigger.get_next_fire_time(None, start)]
    while ticks[-1] < until:  # as the scheduler asks: a moment after each tick
        ticks.append(trigger.get_next_fire_time(ticks[-1], ticks[-1] + timedelta(milliseconds=3)))

    assert ticks[:-1] == planned


@pytest.mark.parametrize(
    ("asked", "due"),
    [
        (None, True),
        ("2026-02-28T07:00:02", True),  # the tick of the 1st of March at 08:00 in Zurich fell into the gap
        ("2026-03-01T06:59:59", True),
        ("2026-03-01T07:00:00", False),
        ("2026-03-01T07:00:02", False),
        ("2026-03-02T00:00:00", True),  # the clock was set back since
    ],
)
async def test_a_tick_of_a_cron_line_that_nobody_heard_is_made_up_for(asked: str | None, due: bool) -> None:
    at = {ACCOUNT: datetime.fromisoformat(asked).replace(tzinfo=UTC)} if asked else {}
    schedule, queue = scheduled(PollTimes(cron="0 8 * * *", timezone="Europe/Zurich"), FakeClock(NOW), at)
    await schedule.begin()

    assert len(queue) == (1 if due else 0)


def test_the_latest_tick_of_a_rare_line_is_found() -> None:
    assert PollTimes(cron="0 0 29 2 *").latest(NOW) == datetime(2024, 2, 29, tzinfo=UTC)
    assert PollTimes(cron="* * * * *").latest(NOW) == NOW.replace(second=0, microsecond=0)
    assert PollTimes(cron="0 12 * * *").latest(NOW) == NOW.replace(second=0, microsecond=0)


@pytest.mark.parametrize("ahead", [-3600.0, -5.2, 5.0, 3600.0])
def test_ticks_come_by_the_clock_that_all_share_whatever_the_machine_s_says(ahead: float) -> None:
    clock, apart = FakeClock(NOW), timedelta(seconds=ahead)
    trigger = PollTrigger(PollTimes(cron="*/10 * * * *"), clock=clock)
    previous, found = None, []
    for _ in range(3):
        tick = trigger.get_next_fire_time(previous, clock.now() + apart)
        found.append(tick - apart)
        clock.set_back(clock.now() - found[-1])  # until it comes
        previous = tick
    assert [each - found[0] for each in found] == [timedelta(minutes=10 * count) for count in range(3)]
    assert (found[0].minute % 10, found[0].second, found[0].microsecond) == (0, 0, 0)


def test_a_tick_does_not_come_twice_where_the_other_clock_is_a_little_later() -> None:
    clock = FakeClock(NOW.replace(minute=9, second=59))
    trigger = PollTrigger(PollTimes(cron="*/10 * * * *"), clock=clock)
    first = trigger.get_next_fire_time(None, clock.now() + timedelta(seconds=60))
    clock.set_back(timedelta(seconds=-0.9))  # its second is a little longer
    again = trigger.get_next_fire_time(first, first)
    assert again - first > timedelta(minutes=9)


@asynccontextmanager
async def ticking(times: PollTimes) -> AsyncIterator[tuple[FixedScheduler, Ticks, Puts]]:
    """A schedule at work by the machine's own clock, as APScheduler has no other."""
    schedule, puts = scheduled(times, SystemClock())
    ticks = schedule._ticks()
    running = asyncio.create_task(ticks.run())
    await asyncio.sleep(0)
    try:
        yield schedule, ticks, puts
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def due_since(ticks: Ticks, past: timedelta) -> None:
    """The next tick should have come so long ago; now APScheduler looks."""
    (job,) = ticks._scheduler.get_jobs()
    job.modify(next_run_time=datetime.now(UTC) - past)
    ticks._scheduler._process_jobs()


async def test_a_tick_that_comes_hours_late_is_not_left_out() -> None:
    async with ticking(PollTimes(cron="0 0 * * *")) as (_, ticks, puts):
        due_since(ticks, timedelta(hours=5))
        assert puts.made == [[ACCOUNT]]


async def test_ticks_that_are_due_together_ask_once() -> None:
    async with ticking(PollTimes(cron="* * * * *")) as (_, ticks, puts):
        trigger = ticks._scheduler.get_jobs()[0].trigger
        trigger.get_next_fire_time = lambda previous, _now: previous + timedelta(minutes=1)
        due_since(ticks, timedelta(minutes=10))
        assert puts.made == [[ACCOUNT]]


async def test_who_was_made_due_at_the_start_is_not_asked_for_again_by_the_tick_that_follows() -> None:
    async with ticking(PollTimes(every=timedelta(hours=1))) as (schedule, ticks, puts):
        await schedule.begin()
        assert puts.made == [[ACCOUNT]]
        due_since(ticks, timedelta(0))
        assert puts.made == [[ACCOUNT], []]


async def test_a_tick_is_done_on_the_loop_at_once_so_that_none_is_lost_at_the_end() -> None:
    async with ticking(PollTimes(every=timedelta(hours=1))) as (_, ticks, puts):
        due_since(ticks, timedelta(0))
        assert puts.made == [[ACCOUNT]]
        assert puts.threads == {threading.get_ident()}


async def test_of_a_million_the_first_are_asked_for_while_the_last_are_looked_up() -> None:
    many = [ACCOUNT._replace(address=f"0x{number}") for number in range(2 * SLICE + 1)]
    asked, store = list[int](), deque([None, StoreError("away"), None, None])
    puts = Puts()

    async def attempts(some: Sequence[Account]) -> Mapping[Account, datetime]:
        asked.append(len(puts))
        failing = store.popleft()
        if failing is not None:
            raise failing
        return {}

    hourly = {PollTimes(every=timedelta(hours=1)): many}
    schedule = FixedScheduler(hourly, lambda some: some, FakeClock(NOW), puts, attempts)
    with pytest.raises(StoreError):
        await schedule.begin()
    assert asked == [0, SLICE]
    await schedule.begin()
    assert asked == [0, SLICE, SLICE, 2 * SLICE]
    assert [account for made in puts.made for account in made] == many


async def test_each_tick_after_the_first_asks_for_all_whoever_was_left_out_before() -> None:
    async with ticking(PollTimes(every=timedelta(hours=1))) as (schedule, ticks, puts):
        await schedule.begin()
        due_since(ticks, timedelta(0))
        schedule._clock = FakeClock(datetime.now(UTC) + timedelta(hours=1))
        due_since(ticks, timedelta(0))
        due_since(ticks, timedelta(0))
        assert puts.made == [[ACCOUNT], [], [ACCOUNT], []]


MANY = [ACCOUNT._replace(address=f"0x{number}") for number in range(5 * SLICE)]


async def asked_of(queue: PollQueue, most: int) -> list[Account]:
    """So many that wait are asked for."""
    batch = await queue.take(most)
    queue.done(batch)
    return list(batch.accounts)


async def turn() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_of_a_million_few_wait_at_once_and_the_rest_is_put_as_they_are_asked_for() -> None:
    clock = FakeClock(NOW)
    schedule, queue = scheduled(PollTimes(every=timedelta(hours=1)), clock, accounts=MANY)
    await schedule.begin()
    assert len(queue) == MOST_WAITING

    going = asyncio.create_task(schedule._go_on())
    asked = []
    for _ in range(5):
        asked += await asked_of(queue, SLICE)
        await turn()
        await clock.advance(1.0)
        await turn()
        assert len(queue) <= MOST_WAITING
    going.cancel()
    assert asked == MANY


async def test_a_tick_while_many_wait_is_made_up_for_when_fewer_do() -> None:
    clock = FakeClock(NOW)
    schedule, queue = scheduled(PollTimes(cron="* * * * *"), clock)
    await schedule.begin()
    await asked_of(queue, 1)
    going = asyncio.create_task(schedule._go_on())
    await turn()
    others = [ACCOUNT._replace(address=f"0x1{number}") for number in range(MOST_WAITING)]
    queue.put(others, Purpose.SCHEDULED)
    (slot,) = schedule._slots
    await clock.advance(60.0)
    for _ in range(2):
        schedule._tick(slot)
    await turn()
    assert not queue.holds(ACCOUNT)

    await asked_of(queue, 1)
    await clock.advance(1.0)
    await turn()
    going.cancel()
    assert queue.holds(ACCOUNT)
    assert len(queue) == MOST_WAITING


async def test_who_ticked_before_it_was_looked_up_is_asked_for_once() -> None:
    hourly = PollTimes(every=timedelta(hours=1))
    schedule, queue = scheduled(hourly, FakeClock(NOW), accounts=MANY[: 2 * SLOT])
    schedule._tick(schedule._slots[1])
    await schedule.begin()
    assert queue.made == [MANY[SLOT : 2 * SLOT], MANY[:SLOT]]


def test_very_many_accounts_share_a_bounded_number_of_ticks_that_come_evenly() -> None:
    hourly = PollTimes(every=timedelta(hours=1))
    slots = slots_of(hourly, MANY * 8)
    assert len(slots) == MOST_SLOTS
    assert [account for slot in slots for account in slot.accounts] == MANY * 8
    assert [slot.phase for slot in slots] == [number / MOST_SLOTS for number in range(MOST_SLOTS)]
    assert [len(slot.places) for slot in slots_of(hourly, MANY[: 2 * SLOT + 1])] == [SLOT, SLOT, 1]
