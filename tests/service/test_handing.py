"""Jobs of one source: few are ahead, what came of them is heard once, and who plans next goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

import pytest

from tests.fakes import START, FakeClock
from tests.service.given import make_engine
from watcher.domain.credits.allowance import Purpose
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Account
from watcher.domain.values.errors import StoreError
from watcher.ports.hints import HintWord
from watcher.ports.shared_work import HandedJob, OwedRecheck, PolledRequest, PollJob
from watcher.queues.memory import PollQueue
from watcher.service.handing import AHEAD, EXHAUSTED, OVERLAP, SOON, TOGETHER, HandingOut, pass_on
from watcher.service.polling import PollEvents
from watcher.store.memory.store import MemoryStore


def account(number: int) -> Account:
    return Account("coins", "ethereum", f"0x{number:040x}")


class ScriptedWork:
    """What members share, as a test says that it is."""

    def __init__(self) -> None:
        self.jobs: dict[int, PollJob] = {}
        self.requests: list[PolledRequest] = []
        self.owes: list[OwedRecheck] = []
        self.there = 1
        self.since: list[datetime] = []
        self.away = False
        self._numbers = count(1)

    async def hand(self, crowd: str, jobs: Sequence[PollJob]) -> list[int]:
        if self.away:
            raise StoreError("away")
        made = {next(self._numbers): job for job in jobs}
        self.jobs |= made
        return list(made)

    async def ahead(self, crowd: str) -> list[HandedJob]:
        return [HandedJob(number, job) for number, job in self.jobs.items()]

    async def polled(self, source: str, since: datetime) -> list[PolledRequest]:
        self.since.append(since)
        return [each for each in self.requests if each.at >= since]

    async def owed(self, source: str) -> list[OwedRecheck]:
        return self.owes

    async def askers(self, crowd: str) -> int:
        return self.there


@dataclass
class Heard(PollEvents):
    """All that was told."""

    polls: list[tuple[Account, bool | None]] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)
    given_back: list[Account] = field(default_factory=list)
    on_their_way: list[Account] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    words: Mapping[Account, HintWord] = field(default_factory=dict)

    def seen(self, account: Account, at: datetime, changed: bool | None, purpose: Purpose) -> None:
        self.polls.append((account, changed))
        self.times.append(at)

    def refused(self, account: Account, at: datetime) -> None:
        self.given_back.append(account)

    def under_way(self, account: Account, at: datetime) -> None:
        self.on_their_way.append(account)

    def hint_of(self, account: Account) -> HintWord | None:
        return self.words.get(account)

    async def exhausted(self, reason: str) -> None:
        self.gone.append(reason)


class Planner:
    """One who plans, over work that others may share."""

    def __init__(self, work: ScriptedWork | None = None, clock: FakeClock | None = None) -> None:
        self.work, self.clock = work or ScriptedWork(), clock or FakeClock()
        self.queue, self.heard, self.store = PollQueue(), Heard(), MemoryStore()
        engine = make_engine(self.store, Rules([], {}, []), self.clock)
        self.handing = HandingOut("coins", self.queue, self.work, "a", engine, self.heard)  # type: ignore[arg-type]

    @property
    def purposes(self) -> list[Purpose]:
        return [job.batch.purpose for job in self.work.jobs.values()]

    def done(self, *numbers: int, read: Mapping[Account, bool | None]) -> None:
        """Jobs are done, and brought this."""
        at = self.clock.now()
        self.work.requests.append(PolledRequest(len(self.work.requests), Purpose.SCHEDULED, at, read))
        for number in numbers:
            del self.work.jobs[number]


async def test_few_jobs_are_ahead_and_more_follow_as_they_are_done() -> None:
    planner = Planner()
    planner.work.there = 2
    planner.queue.put(map(account, range(10 * TOGETHER)), Purpose.SCHEDULED)
    await planner.handing.once()
    assert len(planner.work.jobs) == 2 * AHEAD
    assert all(len(job.batch.accounts) == TOGETHER for job in planner.work.jobs.values())
    planner.done(1, read={})
    await planner.handing.once()
    assert list(planner.work.jobs) == [2, 3, 4, 5]


async def test_what_is_urgent_is_handed_out_though_enough_is_ahead() -> None:
    planner = Planner()
    planner.queue.put(map(account, range(10 * TOGETHER)), Purpose.SCHEDULED)
    await planner.handing.once()
    planner.queue.put([account(1000)], Purpose.BY_HAND)
    await planner.handing.once()
    assert planner.purposes == [*[Purpose.SCHEDULED] * AHEAD, Purpose.BY_HAND]


async def test_an_account_is_in_one_job_at_a_time() -> None:
    planner = Planner()
    planner.queue.put([account(1)], Purpose.SCHEDULED)
    await planner.handing.once()
    planner.queue.put([account(1)], Purpose.BY_HAND)
    await planner.handing.once()
    assert planner.purposes == [Purpose.SCHEDULED]
    planner.done(1, read={account(1): False})
    await planner.handing.once()
    assert planner.purposes == [Purpose.BY_HAND]


async def test_each_poll_is_heard_once_whoever_made_it() -> None:
    planner = Planner()
    planner.done(read={account(1): True, account(2): None})
    for _ in range(3):
        await planner.handing.once()
    assert planner.heard.polls == [(account(1), True), (account(2), None)]


async def test_whom_nobody_asked_for_is_given_back_when_the_job_is_gone() -> None:
    planner = Planner()
    planner.queue.put([account(1), account(2)], Purpose.SCHEDULED)
    await planner.handing.once()
    assert planner.heard.given_back == []
    planner.done(1, read={account(1): False})
    await planner.handing.once()
    assert planner.heard.given_back == [account(2)]
    assert not planner.queue.holds(account(2))


async def test_a_poll_before_the_job_was_planned_does_not_count_for_it() -> None:
    planner = Planner()
    planner.done(read={account(1): False})
    await planner.clock.advance(1)
    planner.queue.put([account(1)], Purpose.SCHEDULED)
    await planner.handing.once()
    del planner.work.jobs[1]
    await planner.handing.once()
    assert planner.heard.given_back == [account(1)]


async def test_who_plans_next_neither_hands_out_what_is_ahead_nor_forgets_it() -> None:
    first = Planner()
    first.queue.put([account(1)], Purpose.SCHEDULED)
    await first.handing.once()
    second = Planner(first.work, first.clock)
    second.queue.put([account(1), account(2)], Purpose.SCHEDULED)
    await second.handing.once()
    await second.handing.once()
    assert [job.batch.accounts for job in first.work.jobs.values()] == [(account(1),), (account(2),)]
    assert second.heard.on_their_way == [account(1)]
    second.done(1, read={account(1): True})
    await second.handing.once()
    assert (account(1), True) in second.heard.polls
    assert list(first.work.jobs) == [2], "it was asked for once"


async def test_who_was_read_before_the_next_one_planned_is_not_under_way_when_its_job_is_found() -> None:
    first = Planner()
    first.queue.put([account(1), account(2)], Purpose.SCHEDULED)
    await first.handing.once()
    first.done(read={account(1): False})  # and who read it died before the job was over
    second = Planner(first.work, first.clock)
    await second.handing.once()
    assert second.heard.on_their_way == [account(2)]
    second.done(1, read={})
    await second.handing.once()
    assert second.heard.given_back == [account(2)]


async def test_what_is_heard_late_is_not_taken_for_a_clock_that_was_set_back() -> None:
    planner = Planner()
    planner.done(read={account(1): True})
    await planner.clock.advance(600)
    await planner.handing.once()
    assert planner.clock.now() - planner.heard.times[0] < OVERLAP


async def test_a_confirmation_that_is_owed_is_handed_out_alone_and_again_if_it_came_to_nothing() -> None:
    planner = Planner()
    planner.work.owes = [OwedRecheck(account(1), START, alone=True)]
    await planner.handing.once()
    (job,) = planner.work.jobs.values()
    assert (job.batch.purpose, job.batch.alone) == (Purpose.CONFIRMATION, True)
    planner.work.jobs.clear()  # refused: it is owed still
    await planner.handing.once()
    assert planner.work.jobs == {}
    await planner.clock.advance(61)
    await planner.handing.once()
    assert planner.purposes == [Purpose.CONFIRMATION]


async def test_the_word_goes_with_the_poll_that_it_caused() -> None:
    planner = Planner()
    word = HintWord("mine", START, "1")
    planner.heard.words = {account(1): word}
    planner.queue.put([account(1)], Purpose.HINTED)
    await planner.handing.once()
    (job,) = planner.work.jobs.values()
    assert job.words == {account(1): word}


async def test_that_the_credits_are_gone_reaches_who_plans_once() -> None:
    planner = Planner()
    await planner.store.keep_facts("coins", {EXHAUSTED: f"{START.isoformat()} of before"}, START)
    await planner.handing.once()
    at = START + timedelta(seconds=30)
    await planner.store.keep_facts("coins", {EXHAUSTED: f"{at.isoformat()} all are used"}, at)
    for _ in range(30):
        await planner.clock.advance(2)
        await planner.handing.once()
    assert planner.heard.gone == ["all are used"]


async def test_what_could_not_be_handed_out_is_due_still() -> None:
    planner = Planner()
    planner.queue.put([account(1)], Purpose.SCHEDULED)
    planner.work.away = True
    with pytest.raises(StoreError):
        await planner.handing.once()
    planner.work.away = False
    await planner.handing.once()
    assert [job.batch.accounts for job in planner.work.jobs.values()] == [(account(1),)]


async def test_a_member_that_asks_for_nothing_hands_on_what_people_want_polled() -> None:
    planner, queue = Planner(), PollQueue()
    queue.put([account(1)], Purpose.BY_HAND)
    passing = asyncio.create_task(pass_on("coins", queue, planner.work, "a", planner.clock))  # type: ignore[arg-type]
    await planner.clock.advance(5)
    assert planner.purposes == [Purpose.BY_HAND]
    assert queue.holds(account(1)), "it is shown as waiting"
    planner.work.jobs.clear()
    await planner.clock.advance(5)
    assert not queue.holds(account(1))
    passing.cancel()


async def test_who_asks_for_more_at_once_has_more_jobs_ahead() -> None:
    planner = Planner()
    planner.handing._at_once = 3
    planner.queue.put(map(account, range(10 * TOGETHER)), Purpose.SCHEDULED)
    await planner.handing.once()
    assert len(planner.work.jobs) == 3 * AHEAD


async def test_what_is_put_is_handed_out_soon_and_not_at_the_next_look() -> None:
    planner = Planner()
    running = asyncio.create_task(planner.handing.run())
    await planner.clock.advance(SOON)
    planner.queue.put([account(1)], Purpose.HINTED)
    await planner.clock.advance(SOON)
    assert planner.purposes == [Purpose.HINTED]
    running.cancel()
