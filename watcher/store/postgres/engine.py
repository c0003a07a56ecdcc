"""Engine of jobs: Procrastinate, over connections of ours and in our schema.

It brings a pool of its own; its statements are done by ours instead, so that they have the same time-outs and
errors, and nobody else needs the password.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, LiteralString

from procrastinate.connector import BaseAsyncConnector, Notify
from procrastinate.jobs import Status
from procrastinate.manager import JobManager
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from psycopg.types.string import StrDumperUnknown

from watcher.domain.values.errors import StoreError
from watcher.store.postgres.outage import AWAY, Outage
from watcher.store.postgres.pool import Connection, Pool

# It says of each job that it begins and ends, with all its accounts; what fails is said by us.
logging.getLogger("procrastinate").setLevel(logging.CRITICAL)


log = logging.getLogger(__name__)

AGAIN, TRIES = 1.0, 8
"""Seconds between two attempts to say that a job is done, and how many: a server that is away for longer has
ended who takes jobs, too."""


SHORT = 2.0
"""Seconds between two attempts while the database is away: who is to end says so to the engine, too."""


_CHANNEL, _INSERTED = "procrastinate_queue_v1#", '{"type": "job_inserted", "job_id": 0}'
"""How the engine names what is told of a queue, and what its own triggers say."""


class JobConnector(BaseAsyncConnector):
    """The engine's statements, each a transaction of its own in a thread."""

    def __init__(self, pool: Pool, threads: ThreadPoolExecutor, outage: Outage) -> None:
        self._pool, self._threads, self._outage = pool, threads, outage
        self._listeners: list[tuple[frozenset[str], Notify]] = []

    async def open_async(self, pool: Any = None) -> None:
        """Its connections are there."""

    async def close_async(self) -> None:
        """They are closed by who made them."""

    async def execute_query_async(self, query: LiteralString, **arguments: Any) -> None:
        await self._run(query, arguments)

    async def execute_query_one_async(self, query: LiteralString, **arguments: Any) -> dict[str, Any]:
        return (await self._run(query, arguments))[0]

    async def execute_query_all_async(self, query: LiteralString, **arguments: Any) -> list[dict[str, Any]]:
        return await self._run(query, arguments)

    async def listen_notify(self, on_notification: Notify, channels: Iterable[str]) -> None:
        """Tell who takes jobs of what this process hands out; of the rest a look each second tells."""
        listener = frozenset(channels), on_notification
        self._listeners.append(listener)
        try:
            await asyncio.Event().wait()
        finally:
            self._listeners.remove(listener)

    async def tell(self, queues: Collection[str]) -> None:
        """Jobs are in these queues."""
        told = {f"{_CHANNEL}{queue}" for queue in queues}
        for channels, on_notification in tuple(self._listeners):
            for channel in channels & told:
                await on_notification(channel=channel, payload=_INSERTED)

    async def _run(self, query: LiteralString, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        def work() -> list[dict[str, Any]]:
            with self._pool.connection() as connection:
                return _executed(connection, query, arguments)

        loop = asyncio.get_running_loop()
        await self._outage.clear(SHORT)
        # Not anew: a job that may have been taken would be nobody's.
        return await self._outage.attempt(lambda: loop.run_in_executor(self._threads, work))


class PatientManager(JobManager):
    """Says that a job is done until the server has heard it: nobody else takes it for stalled while this
    member lives. Whose job is another's, because it stood still, has nothing to say."""

    async def finish_job_by_id_async(self, job_id: int, status: Status, delete_job: bool) -> None:  # noqa: FBT001
        await heard(lambda: super(PatientManager, self).finish_job_by_id_async(job_id, status, delete_job))

    async def retry_job_by_id_async(self, job_id: int, *args: Any, **values: Any) -> None:
        await heard(lambda: super(PatientManager, self).retry_job_by_id_async(job_id, *args, **values))


async def heard(say: Callable[[], Awaitable[object]]) -> None:
    """Say that a job is over until it was kept. Otherwise its accounts were under way, and not polled, for as
    long as the member lives that did it."""
    for left in reversed(range(TRIES)):
        try:
            await say()
        except AWAY as error:
            if not left:
                log.warning("that a job is done was not kept: %s", error)
            await asyncio.sleep(AGAIN)
        except StoreError as error:
            log.debug("a job is another's by now: %s", error)
            return
        else:
            return


def _executed(
    connection: Connection, query: LiteralString, arguments: Mapping[str, Any]
) -> list[dict[str, Any]]:
    values = {name: _adapted(value) for name, value in arguments.items()}
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.adapters.register_dumper(str, StrDumperUnknown)  # the server finds out of which type each is
        cursor.execute(query, values)
        return cursor.fetchall() if cursor.description else []


def _adapted(value: Any) -> Any:
    """Objects as jsonb; what a job to be deferred has in it as well."""
    if isinstance(value, dict):
        return Jsonb(value)
    if isinstance(value, tuple):
        return tuple(map(_adapted, value))
    return [_adapted(each) for each in value] if isinstance(value, list) else value
