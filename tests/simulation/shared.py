"""One member's part in what members share: its election, and the jobs that it hands out and does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from tests.simulation.access import Way
from watcher.domain.model import Account
from watcher.domain.values.errors import StoreError
from watcher.ports.channel_lane import ChannelLane, LaneState
from watcher.ports.clock import Clock
from watcher.ports.gate import Gate
from watcher.ports.hints import Posted
from watcher.ports.members import Identity, Lease
from watcher.ports.shared_work import Asking, HandedJob, OwedRecheck, PolledRequest, PollJob
from watcher.service.handing import URGENT
from watcher.store.postgres import jobs as engine
from watcher.store.postgres.clock import DatabaseClock
from watcher.store.postgres.election import Ballot, Standing
from watcher.store.postgres.engine import heard
from watcher.store.postgres.gate import SharedGate
from watcher.store.postgres.members import PostgresMembers

if TYPE_CHECKING:
    from tests.simulation.member import MemberClock
    from tests.simulation.server import Server

R = TypeVar("R")

RARELY = 3600.0
"""Seconds from one look for jobs to the next of who is told when there are some."""


class VirtualDatabaseClock(DatabaseClock):
    """The database's time, by the ticks of the simulation."""

    def __init__(self, of_machine: MemberClock) -> None:
        super().__init__(of_machine.monotonic, lambda: of_machine.now().timestamp())

    def monotonic(self) -> float:
        return self._ticks()


class SimulatedBallot:
    """The connection by which one member leads, as `store.postgres.election.Ballot`."""

    def __init__(self, server: Server, life: str) -> None:
        self._server, self._session = server, server.connect(life)

    def fileno(self) -> int:
        return self._session.number

    def called(self, name: str) -> bool:
        self._server.hear(self._session)
        return self._server.lock(self._session, ("name", name))

    def beat(self, identity: Identity, _offset: float, *, joins: bool) -> Standing:
        self._server.hear(self._session)
        return self._server.seen(identity)

    def take(self, name: str, roles: Sequence[str], most: int) -> Mapping[str, int]:
        self._server.hear(self._session)
        return self._server.take(self._session, name, roles, most)

    def leave(self, roles: Sequence[str]) -> None:
        self._server.hear(self._session)
        self._session.locks.difference_update(("role", each) for each in roles)

    def close(self, name: str = "") -> None:
        self._server.members.pop(name, None)
        self._server.end(self._session)

    def abandon(self) -> None:
        """The server hears of it in its own time: it ends who is silent."""


def joining(server: Server, way: Way, life: str, clock: DatabaseClock) -> PostgresMembers:
    """A member of the product, over a way of its own to the database."""

    def run(work: Callable[[], R]) -> asyncio.Future[R]:
        return way.call("lead", work)

    connect = cast(Callable[[], Ballot], partial(SimulatedBallot, server, life))
    return PostgresMembers(connect, "the database", 1, clock, timer=clock, run=run)


class SimulatedLane:
    """What one teller of a channel leaves for the next."""

    def __init__(self, server: Server, way: Way, channel: str, lease: Lease) -> None:
        self._server, self._way, self._channel, self._lease = server, way, channel, lease

    async def last(self) -> LaneState:
        return await self._way.call("lane", lambda: self._server.lanes.get(self._channel, LaneState()))

    async def keep(self, state: LaneState) -> None:
        def write() -> None:
            self._server.check(self._lease)
            self._server.lanes[self._channel] = state

        await self._way.call("keep lane", write)


class SimulatedWork:
    """The port over the database in memory. Jobs are taken as the engine's workers take them."""

    def __init__(self, server: Server, way: Way) -> None:
        self._server, self._way = server, way
        self.workers: list[Worker] = []

    def planned(self, accounts: Collection[Account]) -> dict[Account, datetime]:
        """When it was said that these are to be asked for, of those that jobs under way are about."""
        jobs = [job for each in self.workers for job in each.jobs.values()]
        return {
            account: max(found)
            for account in accounts
            if (found := [job.planned for job in jobs if account in job.batch.accounts])
        }

    def gate(self, source: str, clock: Clock) -> Gate:
        async def run(*statements: str, **values: Any) -> list[tuple[Any, ...]]:
            return await self._way.call("gate", lambda: self._server.gate(statements, values))

        async def change(source: str, how: Callable[[str], str]) -> tuple[str, str]:
            return await self._way.call("streak", lambda: self._server.change_streak(source, how))

        return SharedGate(source, clock, run, change)

    def lane(self, channel: str, lease: Lease) -> ChannelLane:
        return SimulatedLane(self._server, self._way, channel, lease)

    async def hand(self, crowd: str, jobs: Sequence[PollJob]) -> list[int]:
        rows = [(each, each.batch.purpose in URGENT) for each in jobs]
        return await self._way.call("hand", lambda: self._server.hand(crowd, rows))

    async def ahead(self, crowd: str) -> list[HandedJob]:
        return await self._way.call("ahead", lambda: self._server.ahead(crowd))

    async def sweep(self, crowd: str) -> int:
        return await self._way.call("sweep", lambda: self._server.sweep(crowd, engine.STALLED))

    async def take(self, crowd: str, sources: Mapping[str, int], do: Asking) -> None:
        async with asyncio.TaskGroup() as group:
            for urgent, most in ((False, 2 * sum(sources.values())), (True, engine.AT_ONCE)):
                worker = Worker(self._server, self._way, crowd, do)
                self.workers.append(worker)
                group.create_task(worker.run(tuple(sources), most, urgent=urgent))

    async def polled(self, source: str, since: datetime) -> list[PolledRequest]:
        return await self._way.call("polled", lambda: self._server.polled_since(source, since))

    async def owed(self, source: str) -> list[OwedRecheck]:
        return await self._way.call("owed", lambda: self._server.owed(source))

    async def askers(self, crowd: str) -> int:
        return await self._way.call("askers", lambda: self._server.askers(crowd, engine.STALLED))

    async def learnt(self, source: str) -> Mapping[str, str]:
        return await self._way.call("learnt", lambda: dict(self._server.learnt[source]))

    async def keep_learnt(self, source: str, found: Mapping[str, str]) -> None:
        await self._way.call("keep_learnt", lambda: self._server.learnt[source].update(found))

    async def post(self, name: str, posted: Posted) -> None:
        raise StoreError("nothing is posted here")

    async def posts(self) -> list[tuple[str, Posted]]:
        return []

    async def settled(self, planned: Mapping[Account, datetime]) -> Collection[Account]:
        return await self._way.call("settled", lambda: self._server.settled(planned))


class Worker:
    """Does the jobs of some sources, a few at once. What it was doing when it is lost is given back."""

    def __init__(self, server: Server, way: Way, crowd: str, do: Asking) -> None:
        self._server, self._way, self._crowd, self._do = server, way, crowd, do
        self._doing: dict[int, asyncio.Task[None]] = {}
        self.jobs: dict[int, PollJob] = {}
        self._stir = asyncio.Event()
        """Set by what it would find at its next look. So it need not look, mostly in vain, each second."""

    async def run(self, sources: Collection[str], most: int, *, urgent: bool) -> None:
        """Until cancelled, however often the database is lost."""
        while True:
            number = self._server.number()
            try:
                await self._work(number, sources, most, urgent=urgent)
            except StoreError as error:
                logging.getLogger("watcher").info("jobs are not taken now: %s", error)
            finally:
                self._server.looking.pop(number, None)
                await self._end(number)
            await asyncio.sleep(engine.LOOK)

    async def _work(self, number: int, sources: Collection[str], most: int, *, urgent: bool) -> None:
        self._server.looking[number] = self._stir
        while True:
            self._stir.clear()
            room = most - len(self._doing)
            fetch = partial(self._server.fetch, number, self._crowd, sources, room, urgent=urgent)
            for each in await self._way.call("fetch", fetch):
                self._doing[each.id] = asyncio.create_task(self._one(number, each))
            with suppress(TimeoutError):
                async with asyncio.timeout(engine.BEAT if self._doing else RARELY):
                    await self._stir.wait()
                    await asyncio.sleep(self._way.ways.chance.uniform(0, engine.LOOK))

    async def _one(self, number: int, job: HandedJob) -> None:
        self.jobs[job.id] = job.job
        try:
            await self._do(job.job)
        finally:
            del self.jobs[job.id]
            back = (task := asyncio.current_task()) is not None and bool(task.cancelling())
            self._doing.pop(job.id, None)
            finish = partial(self._server.finish, number, job.id, back=back)
            await asyncio.shield(heard(lambda: self._way.call("finish", finish)))

    async def _end(self, number: int) -> None:
        """Those that are being done have a while to end, then they go back."""
        doing = list(self._doing.values())
        if doing:
            await asyncio.wait(doing, timeout=engine.ENDING)
        for each in doing:
            each.cancel()
        await asyncio.gather(*doing, return_exceptions=True)
