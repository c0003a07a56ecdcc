"""What the cadence learnt is written down in slices, so that nothing waits for it."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from itertools import pairwise

from tests.fakes import FakeClock
from watcher.domain.credits.allowance import Allowance, CreditPlan
from watcher.domain.hints.persistence import HINTS
from watcher.domain.hints.scheduler import HintedScheduler
from watcher.domain.model import Account
from watcher.domain.scheduler.outlook import OUTLOOK, Detections, Outlook
from watcher.ports.hints import HintWord
from watcher.queues.memory import PollQueue
from watcher.service.auto_schedule import MANY, AutoScheduler
from watcher.service.hint_plans import HintPlans
from watcher.service.learnt import FACT, SLICE
from watcher.service.schedule_items import AutoItem, FixedItems, SourceDemand
from watcher.store.memory.store import MemoryStore

AMPLE = Allowance(CreditPlan(10**9))
ACCOUNTS = [Account("s", "ethereum", f"0x{number}") for number in range(10 * SLICE + 1)]


async def kept() -> tuple[AutoScheduler, MemoryStore, int]:
    """A schedule that has kept what it knows, and how often the loop turned meanwhile."""
    store, clock = MemoryStore(), FakeClock()
    auto = [AutoItem(account, 40) for account in ACCOUNTS[: 5 * SLICE]]
    fixed = [FixedItems(ACCOUNTS[5 * SLICE :], 40, timedelta(hours=1))]
    hints = HintPlans("s", {account: ["node"] for account in ACCOUNTS[: 5 * SLICE]}, {}, 0.4)
    schedule = AutoScheduler("s", AMPLE, SourceDemand(auto, fixed), store, clock, PollQueue(), hints)
    await schedule.begin()
    for account in ACCOUNTS[:7]:
        schedule.hinted(account, HintWord("node", clock.now(), "0xab"))
        schedule.observe(account, clock.now(), changed=True)
    keeping, turns = asyncio.create_task(schedule.keep()), 0
    while not keeping.done():
        await asyncio.sleep(0)
        turns += 1
    return schedule, store, turns


async def test_the_loop_turns_between_slices() -> None:
    assert (await kept())[2] >= 15


async def test_the_slices_are_the_whole() -> None:
    schedule, store, _ = await kept()
    facts = await store.facts("s")
    assert isinstance(schedule.scheduler, HintedScheduler)
    hints = json.loads(facts[HINTS])
    assert hints == json.loads(json.dumps(schedule.scheduler.dump_hints()))
    assert len(hints["accounts"]) == 7
    assert json.loads(facts[FACT]) == json.loads(json.dumps(schedule.scheduler.dump()))
    outlook = Outlook.load(facts[OUTLOOK])
    assert outlook is not None
    assert outlook.intervals.keys() == {f"ethereum:{account.address}" for account in ACCOUNTS[: 5 * SLICE]}


async def test_what_is_set_is_in_the_outlook_only_while_it_is_stretched() -> None:
    store, clock, hour = MemoryStore(), FakeClock(), timedelta(hours=1)
    fixed = [FixedItems(ACCOUNTS[:3], 40, hour)]

    async def outlook(limit: int) -> Outlook:
        schedule = AutoScheduler(
            "s", Allowance(CreditPlan(limit)), SourceDemand(fixed=fixed), store, clock, PollQueue()
        )
        await schedule.begin()
        await schedule.keep()
        kept = Outlook.load((await store.facts("s"))[OUTLOOK])
        assert kept is not None
        return kept

    ample, scarce = await outlook(10**9), await outlook(2000)
    assert ample.intervals == {}
    assert round(ample.planned) == 31 * 24 * 3 * 40
    assert scarce.stretch > 1
    assert set(scarce.intervals) == {f"ethereum:{account.address}" for account in ACCOUNTS[:3]}
    assert min(scarce.intervals.values()) > 3600


async def test_nothing_to_pace_is_kept_too() -> None:
    store = MemoryStore()
    schedule = AutoScheduler("s", AMPLE, SourceDemand(), store, FakeClock(), PollQueue())
    await schedule.begin()
    await schedule.keep()
    facts = await store.facts("s")
    assert json.loads(facts[FACT])["accounts"] == {}
    assert Outlook.load(facts[OUTLOOK]) == Outlook(
        schedule._ends, 0.0, 1.0, {}, Detections(), schedule._length, schedule._began
    )


async def test_a_plan_that_is_smaller_than_configured_is_kept_to_at_once() -> None:
    fixed = [FixedItems(ACCOUNTS[:1], 40, timedelta(seconds=5))]
    schedule = AutoScheduler("s", AMPLE, SourceDemand(fixed=fixed), MemoryStore(), FakeClock(), PollQueue())
    running = asyncio.create_task(schedule.run())
    for _ in range(50):
        await asyncio.sleep(0)
    assert schedule.affordable(ACCOUNTS[:1]) == ACCOUNTS[:1]
    schedule.renew(Allowance(CreditPlan(20_000)))
    for _ in range(50):
        await asyncio.sleep(0)
    assert schedule.affordable(ACCOUNTS[:1]) == []
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_the_loop_turns_while_very_many_accounts_are_taken_up_and_all_are_due() -> None:
    accounts = [Account("s", "ethereum", f"0x{number}") for number in range(MANY + 1)]
    due = PollQueue()
    auto = [AutoItem(account, 40) for account in accounts]
    schedule = AutoScheduler("s", AMPLE, SourceDemand(auto), MemoryStore(), FakeClock(), due)
    running, counts = asyncio.create_task(schedule.run()), [0]
    while len(due) < len(accounts):
        await asyncio.sleep(0)
        counts.append(len(due))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert max(after - before for before, after in pairwise(counts)) <= SLICE
    assert set((await due.take(len(accounts))).accounts) == set(accounts)


async def test_what_is_found_counts_for_fixed_intervals_and_cron_lines_too() -> None:
    store, clock = MemoryStore(), FakeClock()
    every, cron = ACCOUNTS[:2]
    fixed = [FixedItems([every], 40, timedelta(hours=1))]
    schedule = AutoScheduler("s", AMPLE, SourceDemand(fixed=fixed), store, clock, PollQueue())
    await schedule.begin()
    for account in (every, cron):
        schedule.observe(account, clock.now(), changed=True)  # nobody knows when it was read before
        schedule.observe(account, clock.now() + timedelta(hours=1), changed=False)
        schedule.observe(account, clock.now() + timedelta(hours=2), changed=None)
        schedule.observe(account, clock.now() + timedelta(hours=3), changed=True)
    await schedule.keep()
    outlook = Outlook.load((await store.facts("s"))[OUTLOOK])
    assert outlook is not None
    assert outlook.finds == Detections(2, 4 * 3600, 3600 + 2 * 3600)


async def test_since_when_a_source_is_polled_is_noted_once() -> None:
    store, clock = MemoryStore(), FakeClock()
    began = clock.now().timestamp()
    for _ in range(2):
        schedule = AutoScheduler("s", AMPLE, SourceDemand(), store, clock, PollQueue())
        await schedule.begin()
        await schedule.keep()
        outlook = Outlook.load((await store.facts("s"))[OUTLOOK])
        assert outlook is not None
        assert outlook.began == began
        clock.set_back(-timedelta(days=40))
