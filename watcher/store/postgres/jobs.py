"""Shared work on PostgreSQL: jobs of the engine, and what came of them from the store's tables.

A queue is named by a crowd, so that no member takes jobs of one that has read another configuration, and by a
source. What is urgent has queues and a worker of its own. The engine leaves the jobs of a worker that died as
they are; here they are given back.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from typing import Any, LiteralString, TypeVar

from procrastinate import App
from procrastinate.jobs import Job, Status
from procrastinate.retry import BaseRetryStrategy, RetryDecision

from watcher.domain.credits.allowance import Purpose
from watcher.domain.model import Account
from watcher.domain.values.errors import StoreError
from watcher.ports.channel_lane import ChannelLane
from watcher.ports.clock import Clock
from watcher.ports.gate import Gate
from watcher.ports.hints import HintWord, Posted
from watcher.ports.members import Lease
from watcher.ports.queue import Batch
from watcher.ports.shared_work import Asking, HandedJob, OwedRecheck, PolledRequest, PollJob
from watcher.store.codec import from_ms, to_ms
from watcher.store.postgres.clock import DatabaseClock, Timer
from watcher.store.postgres.engine import JobConnector, PatientManager
from watcher.store.postgres.gate import SharedGate
from watcher.store.postgres.lanes import SharedLane
from watcher.store.postgres.leases import end_silent
from watcher.store.postgres.outage import Outage
from watcher.store.postgres.pool import Connection, Pool

log = logging.getLogger(__name__)

T = TypeVar("T")

LOOK, BEAT, STALLED, ENDING = 1.0, 2.0, 8.0, 8.0
"""Seconds between two looks for jobs, between two signs of life, without one until the jobs are given back,
and until those that are cut off have gone back."""
SAID = 60.0
"""Seconds between two lines of the log about one and the same."""
ASK = "ask"
URGENT = (Purpose.CONFIRMATION, Purpose.HINTED, Purpose.BY_HAND)
AT_ONCE = 20
"""Urgent jobs that one member takes at the same time: mostly they wait for their turn."""
MOST = 500
"""Confirmations that are read at once."""

_POLLED = (
    "SELECT id, purpose, ended_at, outcomes FROM requests"
    " WHERE source = %s AND ended_at >= %s AND outcomes IS NOT NULL ORDER BY ended_at, id"
)
_MOVED = (
    "SELECT account, after_at FROM changes WHERE after_at >= %s AND before IS NOT NULL AND account = ANY(%s)"
)
_NAMES = "SELECT id, source, chain, address FROM accounts WHERE id = ANY(%s)"
_OWED = (
    "SELECT source, chain, address, due, alone FROM again JOIN accounts ON accounts.id = again.account"
    " WHERE due <= now_ms() AND source = %s ORDER BY due LIMIT %s"
)
_ASKERS = "SELECT count(*) FROM members WHERE fingerprint = %s AND seen > now_ms() - %s"
_LEARNT = (
    "SELECT chain || ':' || address, learnt FROM cadence JOIN accounts ON accounts.id = cadence.account"
    " WHERE source = %s"
)
# Who was never read has nothing that was learnt.
_KEEP_LEARNT = (
    "INSERT INTO cadence (account, learnt) SELECT accounts.id, found.learnt"
    " FROM unnest(%(keys)s::text[], %(learnt)s::text[]) AS found (key, learnt)"
    " JOIN accounts ON source = %(source)s AND chain = split_part(key, ':', 1)"
    " AND address = substr(key, strpos(key, ':') + 1)"
    " ON CONFLICT (account) DO UPDATE SET learnt = excluded.learnt"
)
_POST = "INSERT INTO posts (name, headers, body, at) VALUES (%(name)s, %(headers)s, %(body)s, %(at)s)"
_POSTS = "DELETE FROM posts RETURNING id, name, headers, body, at"
_STREAK = "SELECT streak FROM gate WHERE source = %s FOR NO KEY UPDATE"
_SET_STREAK = "UPDATE gate SET streak = %s WHERE source = %s"
_SETTLED = (
    "SELECT accounts.source, accounts.chain, accounts.address"
    " FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[])"
    " AS asked (source, chain, address, planned)"
    " JOIN accounts USING (source, chain, address) WHERE accounts.last_reading >= asked.planned"
)


class PostgresSharedWork:
    """Work of one member with the others, on connections of its own: no sign of life waits for a decision."""

    def __init__(self, pool: Pool, outage: Outage | None = None) -> None:
        self.pool = pool
        self.threads = ThreadPoolExecutor(max_workers=pool.size, thread_name_prefix="work")
        self._outage = outage or Outage(pool.place, Timer(), DatabaseClock())
        self._connector = JobConnector(pool, self.threads, self._outage)
        self._app = App(connector=self._connector)
        self._jobs = self._app.job_manager

    def close(self) -> None:
        """Begin nothing more; what is under way goes on."""
        self.threads.shutdown(wait=False)
        self.pool.close()

    def gate(self, source: str, clock: Clock) -> Gate:
        return SharedGate(source, clock, self._statements, self._change_streak)

    def lane(self, channel: str, lease: Lease) -> ChannelLane:
        return SharedLane(channel, lease, self._do)

    # ------------------------------------------------------------------ jobs

    async def hand(self, crowd: str, jobs: Sequence[PollJob]) -> list[int]:
        found = [
            Job(
                queue=_queue(crowd, each.source, urgent=each.batch.purpose in URGENT),
                lock=None, queueing_lock=None, task_name=ASK, task_kwargs=_written(each),
                priority=_priority(each.batch.purpose),
            )
            for each in jobs
        ]  # fmt: skip
        kept = await self._jobs.batch_defer_jobs_async(found) if found else []
        await self._connector.tell({job.queue for job in found})
        return [job.id or 0 for job in kept]

    async def ahead(self, crowd: str) -> list[HandedJob]:
        return [
            HandedJob(job.id or 0, _read(job.task_kwargs))
            for job in await self._jobs.list_jobs_async(task=ASK)
            if _crowd(job) == crowd and job.status in (Status.TODO.value, Status.DOING.value)
        ]

    async def sweep(self, crowd: str) -> int:
        if ended := await self._do(end_silent):
            log.warning("%d connections of members that stand still were ended", ended)
        stalled = list(await self._jobs.get_stalled_jobs(seconds_since_heartbeat=STALLED))
        for job in stalled:
            with suppress(StoreError):  # it has ended meanwhile
                await self._jobs.retry_job(job)
        for job in await self._jobs.list_jobs_async(task=ASK, status=Status.TODO.value):
            if _crowd(job) != crowd:
                await self._jobs.cancel_job_by_id_async(job.id or 0, delete_job=True)
        return len(stalled)

    async def take(self, crowd: str, sources: Mapping[str, int], do: Asking) -> None:
        ending = asyncio.Event()

        async def ask(**written: Any) -> None:
            doing = asyncio.ensure_future(do(_read(written)))
            cut = asyncio.ensure_future(ending.wait())
            try:
                await asyncio.wait((doing, cut), return_when=asyncio.FIRST_COMPLETED)
                if not doing.done():
                    raise asyncio.CancelledError
                if (error := doing.exception()) is not None:
                    log.error("unexpected error while jobs are done", exc_info=error)
            finally:
                doing.cancel()
                cut.cancel()

        app = App(connector=self._app.connector)
        app.job_manager = PatientManager(app.connector)
        app.task(name=ASK, retry=_GoesBack())(ask)
        usual = [_queue(crowd, name, urgent=False) for name in sources]
        urgent = [_queue(crowd, name, urgent=True) for name in sources]
        workers = [
            asyncio.create_task(_work(app, usual, 2 * sum(sources.values()))),
            asyncio.create_task(_work(app, urgent, AT_ONCE)),
        ]
        try:
            await asyncio.gather(*workers)
        finally:
            ending.set()
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    # ------------------------------------------------------------------ what came of it

    async def polled(self, source: str, since: datetime) -> list[PolledRequest]:
        def read(connection: Connection) -> list[PolledRequest]:
            rows = connection.execute(_POLLED, (source, to_ms(since))).fetchall()
            found = [(row[:3], json.loads(row[3])) for row in rows]
            ids = list({each for _, outcomes in found for each in _asked(outcomes)})
            names = {row[0]: Account(*row[1:]) for row in connection.execute(_NAMES, (ids,))}
            moved = set(connection.execute(_MOVED, (to_ms(since), ids)))
            return [
                PolledRequest(
                    number, Purpose(purpose), from_ms(at),
                    {
                        names[each]: (each, at) in moved if read else None
                        for each, read in _asked(outcomes).items()
                    },
                )
                for (number, purpose, at), outcomes in found
            ]  # fmt: skip

        return await self._do(read)

    async def owed(self, source: str) -> list[OwedRecheck]:
        rows = await self._rows(_OWED, (source, MOST))
        return [OwedRecheck(Account(*row[:3]), from_ms(row[3]), row[4]) for row in rows]

    async def askers(self, crowd: str) -> int:
        return int((await self._rows(_ASKERS, (crowd, round(STALLED * 1000))))[0][0])

    async def learnt(self, source: str) -> Mapping[str, str]:
        return dict(await self._rows(_LEARNT, (source,)))

    async def keep_learnt(self, source: str, found: Mapping[str, str]) -> None:
        values = {"source": source, "keys": list(found), "learnt": list(found.values())}
        await self._statements(_KEEP_LEARNT, **values)

    async def post(self, name: str, posted: Posted) -> None:
        values = {"name": name, "headers": json.dumps(dict(posted.headers)), "body": posted.body}
        await self._statements(_POST, **values, at=to_ms(posted.at))

    async def posts(self) -> list[tuple[str, Posted]]:
        rows = sorted(await self._rows(_POSTS, ()))
        return [(name, Posted(json.loads(text), body, from_ms(at))) for _, name, text, body, at in rows]

    async def settled(self, planned: Mapping[Account, datetime]) -> Collection[Account]:
        columns = [
            list(column) for column in zip(*((*each, to_ms(at)) for each, at in planned.items()), strict=True)
        ]
        return [Account(*row) for row in await self._rows(_SETTLED, columns)] if planned else []

    # ------------------------------------------------------------------ connections

    async def _do(self, work: Callable[[Connection], T], *, writes: bool = True) -> T:
        """Do it as soon as the server is there."""

        def done() -> T:
            with self.pool.connection() as connection:
                return work(connection)

        loop = asyncio.get_running_loop()
        return await self._outage.outlast(lambda: loop.run_in_executor(self.threads, done), writes=writes)

    async def _rows(self, statement: LiteralString, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        return await self._do(lambda connection: connection.execute(statement, values).fetchall())

    async def _change_streak(self, source: str, change: Callable[[str], str]) -> tuple[str, str]:
        def work(connection: Connection) -> tuple[str, str]:
            with connection.transaction():
                found = connection.execute(_STREAK, (source,)).fetchone()
                before = str(found[0]) if found is not None else ""
                after = change(before)
                if after != before:
                    connection.execute(_SET_STREAK, (after, source))
            return before, after

        return await self._do(work)

    async def _statements(self, *statements: LiteralString, **values: Any) -> list[tuple[Any, ...]]:
        def work(connection: Connection) -> list[tuple[Any, ...]]:
            with connection.transaction():
                cursors = [connection.execute(each, values) for each in statements]
                return cursors[-1].fetchall() if cursors[-1].description else []

        return await self._do(work)


async def _work(app: App, queues: Sequence[str], most: int) -> None:
    """Do jobs until cancelled, however often the database is lost."""
    loop = asyncio.get_running_loop()
    said, at = "", 0.0
    while True:
        try:
            await app.run_worker_async(
                queues=queues, concurrency=most, fetch_job_polling_interval=LOOK,
                update_heartbeat_interval=BEAT, stalled_worker_timeout=STALLED,
                shutdown_graceful_timeout=ENDING, delete_jobs="always",
                install_signal_handlers=False,
            )  # fmt: skip
        except StoreError as error:
            if str(error) != said or loop.time() - at >= SAID:
                said, at = str(error), loop.time()
                log.warning("jobs are not taken now: %s", error)
        await asyncio.sleep(LOOK)


class _GoesBack(BaseRetryStrategy):
    """What was cut off is done by whoever is free. Not at a time: that would be of this machine's clock."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:  # noqa: ARG002
        return RetryDecision() if isinstance(exception, asyncio.CancelledError) else None


def _queue(crowd: str, source: str, *, urgent: bool) -> str:
    return f"{'now' if urgent else ASK} {crowd} {source}"


def _crowd(job: Job) -> str:
    return job.queue.split(" ", 2)[1]


def _priority(purpose: Purpose) -> int:
    return len(URGENT) - URGENT.index(purpose) if purpose in URGENT else 0


def _written(job: PollJob) -> dict[str, Any]:
    """A job as what a job is called with."""
    batch = job.batch
    words = [[*account[1:], word.by, to_ms(word.at), word.id] for account, word in job.words.items()]
    return {
        "source": job.source, "accounts": [list(each[1:]) for each in batch.accounts],
        "purpose": str(batch.purpose), "alone": batch.alone, "planned": to_ms(job.planned), "words": words,
    }  # fmt: skip


def _read(written: Mapping[str, Any]) -> PollJob:
    """The inverse of `_written`."""
    source = written["source"]
    accounts = tuple(Account(source, *each) for each in written["accounts"])
    words = {
        Account(source, *each[:2]): HintWord(each[2], from_ms(each[3]), each[4]) for each in written["words"]
    }
    batch = Batch(accounts, Purpose(written["purpose"]), alone=written["alone"])
    return PollJob(source, batch, from_ms(written["planned"]), words)


def _asked(outcomes: Mapping[str, Any]) -> dict[int, bool]:
    """The numbers of the accounts of a request, and whether each was read."""
    missed = {each: False for numbers in outcomes.get("m", {}).values() for each in numbers}
    return {**dict.fromkeys(outcomes.get("r", ()), True), **missed}
