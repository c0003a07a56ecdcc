"""Who asks does what others planned: until each account is done, and nothing that was done since."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import cast

from tests.fakes import START, FakeClock, FakeSource
from tests.service.given import make_engine
from watcher.domain.credits.allowance import Purpose
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Account, Miss, MissReason, Reading
from watcher.ports.hints import HintWord
from watcher.ports.queue import Batch
from watcher.ports.shared_work import PollJob, SharedWork
from watcher.queues.jobs import JobQueue
from watcher.service.polling import Poller
from watcher.service.throttle import SourceThrottle
from watcher.store.memory.store import MemoryStore

EARLIER = START - timedelta(minutes=5)


def account(number: int) -> Account:
    return Account("fake", "ethereum", f"0x{number:040x}")


class Readings:
    """Of what members share, when accounts were read."""

    def __init__(self, readings: Mapping[Account, datetime]) -> None:
        self.readings = dict(readings)

    async def settled(self, planned: Mapping[Account, datetime]) -> Collection[Account]:
        return [
            each for each, at in planned.items() if at <= self.readings.get(each, EARLIER - timedelta(days=1))
        ]


def job(*numbers: int, planned: datetime = EARLIER, purpose: Purpose = Purpose.SCHEDULED) -> PollJob:
    words = {account(n): HintWord("mine", START, str(n)) for n in numbers if purpose is Purpose.HINTED}
    return PollJob("fake", Batch(tuple(map(account, numbers)), purpose), planned, words)


class Asker:
    """A member's poller over its queue of jobs."""

    def __init__(self, readings: Mapping[Account, datetime] | None = None, batch: int = 50) -> None:
        self.clock, self.store = FakeClock(), MemoryStore()
        self.source = FakeSource(batch=batch, answers=lambda each: Reading(each, {}, {}, {}))
        self.work = Readings(readings or {})
        self.queue = JobQueue(cast(SharedWork, self.work))
        engine = make_engine(self.store, Rules([], {}, []), self.clock)
        self.poller = Poller(SourceThrottle(self.source, self.clock), self.queue, engine)

    async def do(self, *jobs: PollJob) -> None:
        task = asyncio.create_task(self.poller.run())
        await asyncio.gather(*map(self.queue.do, jobs))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    @property
    def asked(self) -> list[set[Account]]:
        return [set(request.accounts) for request in self.source.sent]


async def test_a_job_is_done_when_each_of_its_accounts_is() -> None:
    asker = Asker(batch=2)
    await asker.do(job(1, 2, 3))
    assert asker.asked == [{account(1), account(2)}, {account(3)}]


async def test_a_job_that_is_done_again_pays_for_nobody_who_was_settled() -> None:
    asker = Asker({account(1): EARLIER, account(2): EARLIER + timedelta(seconds=9)}, batch=2)
    await asker.do(job(1, 2, 3, 4))
    assert asker.asked == [{account(3), account(4)}]
    assert await asker.store.spent("fake", EARLIER) == 80


async def test_of_a_request_only_those_are_left_out_who_were_settled() -> None:
    asker = Asker({account(1): START})
    await asker.do(job(1, 2, 3))
    assert asker.asked == [{account(2), account(3)}]


async def test_who_was_read_before_the_job_was_planned_is_asked_for() -> None:
    asker = Asker({account(1): EARLIER - timedelta(milliseconds=1)})
    await asker.do(job(1))
    assert asker.asked == [{account(1)}]


async def test_who_could_not_be_read_and_was_read_by_another_meanwhile_is_not_asked_for_again() -> None:
    asker = Asker()
    asker.source.answers = lambda each: (
        Miss(each, MissReason.OMITTED, "left out") if each == account(1) else Reading(each, {}, {}, {})
    )
    doing = asyncio.create_task(asker.queue.do(job(1, 2)))
    batch = await asker.queue.take(50)
    await asker.poller.poll(batch)
    asker.work.readings |= dict.fromkeys(batch.accounts, EARLIER + timedelta(seconds=9))
    assert await asker.queue.settled(batch.accounts) == [account(1)]
    asker.queue.done(batch)
    doing.cancel()


async def test_who_another_has_read_stays_settled_though_it_is_put_again_while_its_job_is_done() -> None:
    asker = Asker({account(1): EARLIER + timedelta(seconds=9)})
    doing = asyncio.create_task(asker.queue.do(job(1, 2)))
    batch = await asker.queue.take(50)
    await asker.poller.poll(batch)
    assert asker.asked == [{account(2)}]
    asker.queue.put(batch.accounts, Purpose.SCHEDULED)  # as where its request could not be answered whole
    asker.queue.done(batch)
    assert await asker.queue.settled([account(1)]) == [account(1)]
    asker.queue.done(await asker.queue.take(50))
    await doing


async def test_a_job_that_comes_while_its_account_is_asked_for_is_settled_by_that_reading() -> None:
    asker = Asker()
    queue = asker.queue
    queue.put([account(1)], Purpose.CONFIRMATION)
    batch = await queue.take(50)
    assert await queue.settled(batch.accounts) == ()  # its request goes out
    doing = asyncio.create_task(queue.do(job(1, purpose=Purpose.CONFIRMATION)))
    await asyncio.sleep(0)
    asker.work.readings[account(1)] = EARLIER + timedelta(seconds=9)
    queue.read(batch.accounts)
    queue.done(batch)
    assert await queue.settled([account(1)]) == [account(1)]
    queue.done(await queue.take(50))
    await doing


async def test_what_is_put_in_anew_by_who_asks_is_asked_for_though_it_was_just_asked_for() -> None:
    asker = Asker({account(1): START})
    asker.queue.put([account(1)], Purpose.SCHEDULED)
    assert await asker.queue.settled([account(1)]) == ()


async def test_the_word_that_a_job_brings_is_known_until_the_job_is_done() -> None:
    asker = Asker()
    doing = asyncio.create_task(asker.queue.do(job(1, purpose=Purpose.HINTED)))
    await asyncio.sleep(0)
    assert asker.queue.word_of(account(1)) == HintWord("mine", START, "1")
    asker.queue.done(await asker.queue.take(1))
    await doing
    assert asker.queue.word_of(account(1)) is None


async def test_what_was_not_read_of_a_job_that_is_done_again_is_still_known_to_be_settled() -> None:
    asker = Asker({account(2): EARLIER + timedelta(seconds=9)})
    queue = asker.queue
    doing = asyncio.create_task(queue.do(job(1, 2)))
    batch = await queue.take(50)
    queue.put([account(2)], batch.purpose)  # nothing can be read now: it waits for a sign of life
    queue.done(batch)
    assert await queue.settled([account(2)]) == [account(2)]
    queue.read([account(2)])
    assert not await queue.settled([account(2)])  # it is put again because of what was read
    queue.done(await queue.take(50))
    await doing


async def test_a_poll_by_hand_asks_for_who_was_read_since_its_job_was_planned() -> None:
    asker = Asker({account(1): EARLIER + timedelta(seconds=9)})
    doing = asyncio.create_task(asker.queue.do(job(1)))
    batch = await asker.queue.take(50)
    asker.queue.put([account(1)], Purpose.BY_HAND)
    asker.queue.done(batch)
    assert not await asker.queue.settled([account(1)])
    asker.queue.done(await asker.queue.take(50))
    await doing


async def test_what_a_job_left_unasked_is_not_taken_for_settled_after_it() -> None:
    asker = Asker({account(1): EARLIER + timedelta(seconds=9)})
    doing = asyncio.create_task(asker.queue.do(job(1)))
    asker.queue.done(await asker.queue.take(50))  # the allowance had no room
    await doing
    assert not await asker.queue.settled([account(1)])
