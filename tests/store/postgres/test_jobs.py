"""Work that members share on PostgreSQL: each job is done once; what the dead did is given back."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, cast

import procrastinate
import pytest
from procrastinate.jobs import Status

from tests.fakes import START
from tests.store.postgres.given import pool, rows
from watcher.domain.credits.allowance import Purpose
from watcher.domain.model import Account
from watcher.domain.values.errors import StoreBusyError
from watcher.ports.hints import HintWord, Posted
from watcher.ports.queue import Batch
from watcher.ports.shared_work import PollJob
from watcher.store.postgres import jobs
from watcher.store.postgres.clock import DatabaseClock, Timer
from watcher.store.postgres.engine import JobConnector, PatientManager
from watcher.store.postgres.jobs import STALLED, PostgresSharedWork
from watcher.store.postgres.migrate import migrate
from watcher.store.postgres.outage import Outage

pytestmark = pytest.mark.filterwarnings("error")


def account(number: int) -> Account:
    return Account("coins", "ethereum", f"0x{number:040x}")


def job(*numbers: int, purpose: Purpose = Purpose.SCHEDULED, source: str = "coins") -> PollJob:
    return PollJob(source, Batch(tuple(map(account, numbers)), purpose), START)


@asynccontextmanager
async def members(url: str, count: int = 1) -> AsyncIterator[list[PostgresSharedWork]]:
    migrate(pool(url))
    made = [PostgresSharedWork(pool(url, 2)) for _ in range(count)]
    try:
        yield made
    finally:
        for each in made:
            each.close()


class Doing:
    """Does jobs, each until it is let go."""

    def __init__(self) -> None:
        self.begun: list[PollJob] = []
        self.ended: list[PollJob] = []
        self.go = asyncio.Event()

    async def __call__(self, job: PollJob) -> None:
        self.begun.append(job)
        await self.go.wait()
        self.ended.append(job)

    async def until(self, begun: int) -> None:
        async with asyncio.timeout(20):
            while len(self.begun) < begun:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


@asynccontextmanager
async def taking(
    work: PostgresSharedWork, do: Doing, crowd: str = "a", source: str = "coins"
) -> AsyncIterator[None]:
    task = asyncio.create_task(work.take(crowd, {source: 1}, do))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def nothing_ahead(work: PostgresSharedWork, crowd: str = "a") -> None:
    async with asyncio.timeout(20):
        while await work.ahead(crowd):  # noqa: ASYNC110 (another process may do them)
            await asyncio.sleep(0.02)


async def test_a_job_comes_as_it_was_handed_out_and_is_gone_when_it_is_done(database: str) -> None:
    word = HintWord("mine", START, "h 1")
    told = PollJob("coins", Batch((account(1),), Purpose.HINTED, alone=True), START, {account(1): word})
    async with members(database) as (work,):
        (number,) = await work.hand("a", [told])
        assert await work.ahead("a") == [(number, told)]
        do = Doing()
        do.go.set()
        async with taking(work, do):
            await nothing_ahead(work)
        assert do.ended == [told]


async def test_a_job_that_this_process_hands_out_is_taken_at_once(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "LOOK", 3600.0)
    async with members(database) as (work,):
        do = Doing()
        do.go.set()
        async with taking(work, do):
            await work.hand("a", [job(1)])
            await do.until(1)
            await work.hand("a", [job(2)])  # it has looked, and found nothing more
            await do.until(2)


async def test_many_members_do_each_job_once(database: str) -> None:
    async with members(database, 3) as works:
        await works[0].hand("a", [job(number) for number in range(20)])
        doings = [Doing() for _ in works]
        for each in doings:
            each.go.set()
        async with taking(works[0], doings[0]), taking(works[1], doings[1]), taking(works[2], doings[2]):
            await nothing_ahead(works[0])
        done = [each.batch.accounts[0] for doing in doings for each in doing.ended]
        assert sorted(done) == sorted(map(account, range(20)))


async def test_what_is_urgent_waits_for_no_job_that_is_not(database: str) -> None:
    async with members(database) as (work,):
        await work.hand("a", [job(number) for number in range(9)])
        do = Doing()
        async with taking(work, do):
            await do.until(2)
            await work.hand("a", [job(9, purpose=Purpose.CONFIRMATION)])
            await do.until(3)
            assert [each.batch.purpose for each in do.begun] == [
                *[Purpose.SCHEDULED] * 2,
                Purpose.CONFIRMATION,
            ]


async def test_a_member_that_has_read_another_configuration_is_given_no_job(database: str) -> None:
    async with members(database, 2) as (mine, others):
        await mine.hand("a", [job(1)])
        do, strange = Doing(), Doing()
        do.go.set()
        async with taking(others, strange, "b"), taking(mine, do):
            await nothing_ahead(mine)
        assert strange.begun == []


async def test_jobs_for_members_of_another_configuration_are_dropped(database: str) -> None:
    async with members(database) as (work,):
        await work.hand("before", [job(1), job(2)])
        (number,) = await work.hand("a", [job(3)])
        await work.sweep("a")
        assert await work.ahead("before") == []
        assert [each.id for each in await work.ahead("a")] == [number]


async def test_a_job_that_a_stop_cuts_off_is_done_by_another_at_once(database: str) -> None:
    async with members(database, 2) as (first, second):
        await first.hand("a", [job(1)])
        cut, do = Doing(), Doing()
        do.go.set()
        async with taking(first, cut):
            await cut.until(1)
        assert cut.ended == []
        async with taking(second, do):
            await nothing_ahead(second)
        assert do.ended == [job(1)]


DIES = """
import asyncio, sys
from tests.store.postgres.test_jobs import PostgresSharedWork, pool

async def main(url):
    async def do(job):
        print("doing", flush=True)
        await asyncio.Event().wait()

    await PostgresSharedWork(pool(url, 2)).take("a", {"coins": 1}, do)

asyncio.run(main(sys.argv[1]))
"""


async def test_what_a_killed_member_was_doing_is_given_back_once_it_gives_no_sign_of_life(
    database: str,
) -> None:
    async with members(database) as (work,):
        await work.hand("a", [job(1)])
        killed = await asyncio.create_subprocess_exec(
            sys.executable, "-c", DIES, database, stdout=asyncio.subprocess.PIPE
        )
        assert killed.stdout is not None
        assert await killed.stdout.readline() == b"doing\n"
        assert await work.sweep("a") == 0, "it lives"
        killed.kill()
        await killed.wait()
        before = time.monotonic()
        do = Doing()
        do.go.set()
        async with taking(work, do):
            async with asyncio.timeout(60):
                while not await work.sweep("a"):  # noqa: ASYNC110 (time is what it takes)
                    await asyncio.sleep(0.1)
            await nothing_ahead(work)
        assert time.monotonic() - before > STALLED - 3, "who is alive keeps what it does"
        assert do.ended == [job(1)]


async def test_jobs_are_taken_on_after_every_connection_was_cut(database: str) -> None:
    async with members(database, 2) as (work, others):
        do = Doing()
        do.go.set()
        async with taking(work, do):
            await work.hand("a", [job(1)])
            await nothing_ahead(work)
            rows(
                database,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            async with asyncio.timeout(30):
                while True:
                    try:
                        await others.hand("a", [job(2)])
                        break
                    except Exception:  # noqa: BLE001, S110 (a connection at rest was cut as well)
                        pass
            await nothing_ahead(others)
        assert do.ended == [job(1), job(2)]


async def test_only_who_was_read_since_the_job_was_planned_is_done_with(database: str) -> None:
    async with members(database) as (work,):
        at = int(START.timestamp() * 1000)
        for number, reading in ((1, at - 1), (2, at), (3, None)):
            rows(
                database,
                "INSERT INTO accounts (source, chain, address, last_attempt, last_reading)"
                " VALUES (%s, %s, %s, %s, %s)",
                *account(number),
                at + 1,
                reading,
            )
        planned = dict.fromkeys(map(account, (1, 2, 3, 4)), START)
        assert set(await work.settled(planned)) == {account(2)}
        assert list(await work.settled({account(2): START + timedelta(milliseconds=1)})) == []


async def test_what_was_posted_to_any_member_is_given_to_one_once_and_in_order(database: str) -> None:
    posts = [Posted({"x-signature": "äb"}, bytes([n, 0, 255]), START) for n in range(3)]
    async with members(database, 2) as (first, second):
        for each in posts:
            await first.post("mine", each)
        assert await second.posts() == [("mine", each) for each in posts]
        assert await first.posts() == []


async def test_what_was_learnt_is_kept_for_each_account_that_was_ever_read(database: str) -> None:
    async with members(database) as (work,):
        rows(database, "INSERT INTO accounts (source, chain, address) VALUES (%s, %s, %s)", *account(1))
        key = f"ethereum:{account(1).address}"
        await work.keep_learnt("coins", {key: "[1]", "ethereum:0xnew": "[2]"})
        await work.keep_learnt("coins", {key: "[3]"})
        assert await work.learnt("coins") == {key: "[3]"}
        assert await work.learnt("teos") == {}


async def test_who_has_done_a_job_that_is_anothers_by_now_has_nothing_to_say(database: str) -> None:
    async with members(database):
        with ThreadPoolExecutor(1) as threads:
            manager = PatientManager(JobConnector(pool(database, 1), threads, an_outage()))
            await manager.finish_job_by_id_async(17, Status.SUCCEEDED, delete_job=True)
            await manager.retry_job_by_id_async(17, retry_at=START)


async def test_that_a_job_is_done_is_said_until_the_server_has_heard_it(database: str) -> None:
    async with members(database, 1) as (one,):
        await one.hand("crowd", [job(1)])
        rows(database, "UPDATE procrastinate_jobs SET status = 'doing'")
        ((number,),) = rows(database, "SELECT id FROM procrastinate_jobs")
        with ThreadPoolExecutor(1) as threads:
            connector = JobConnector(pool(database, 1), threads, an_outage())
            connector.execute_query_async = Away(connector.execute_query_async)  # type: ignore[assignment, method-assign]
            await PatientManager(connector).finish_job_by_id_async(number, Status.SUCCEEDED, delete_job=True)
        assert rows(database, "SELECT id FROM procrastinate_jobs") == []


def an_outage() -> Outage:
    return Outage("db", Timer(), DatabaseClock())


class Away:
    """A server that is away the first time it is told something."""

    def __init__(self, there: Callable[..., Awaitable[None]]) -> None:
        self._there, self._away = there, True

    async def __call__(self, **words: Any) -> None:
        if self._away:
            self._away = False
            raise StoreBusyError("away")
        await self._there(**words)


class Unserved:
    """A worker that finds the database away, for these reasons, and then has nothing more to do."""

    def __init__(self, *why: str) -> None:
        self.why = list(why)

    async def run_worker_async(self, **_options: object) -> None:
        if not self.why:
            raise asyncio.CancelledError
        raise StoreBusyError(self.why.pop(0))


async def test_that_the_database_is_away_is_said_once_and_not_at_each_look(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(jobs, "LOOK", 0.0)
    worker = cast(
        procrastinate.App, Unserved("it is away", "it is away", "its disk is full", "its disk is full")
    )
    with caplog.at_level(logging.WARNING), pytest.raises(asyncio.CancelledError):
        await jobs._work(worker, ["ask"], 1)
    assert caplog.messages == [
        "jobs are not taken now: it is away",
        "jobs are not taken now: its disk is full",
    ]
