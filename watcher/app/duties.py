"""Duties: the work of each role, at work for as long as this member leads it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from functools import partial
from typing import Any

from watcher.app.jobs import Job, start_jobs, stop_jobs
from watcher.domain.records import Record, field
from watcher.domain.values.errors import StoreError
from watcher.ports.clock import Clock
from watcher.ports.members import Lease, Members

log = logging.getLogger(__name__)

AGAIN = 1.0
"""Seconds before work that could not be taken up, for want of the store, is taken up again."""


async def _nothing() -> None:
    pass


class Duty(Record, eq=False):
    """The work of one role. `begin` makes ready what is done, and gives its jobs; `end` comes after them."""

    role: str
    begin: Callable[[Lease], Coroutine[Any, Any, Iterable[Job]]]
    end: Callable[[], Coroutine[Any, Any, None]] = _nothing
    more: list[Job] = field(default_factory=list)
    """What others do under the same role."""
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    """The jobs at work; one that ends by itself is a fault."""
    lease: Lease | None = None

    async def take_up(self, lease: Lease) -> None:
        self.lease = lease
        self.tasks += start_jobs([*await self.begin(lease), *self.more])

    async def lay_down(self) -> None:
        """Stop what is at work, within bounded time."""
        await stop_jobs(self.tasks)
        self.tasks.clear()
        if self.lease is not None:
            self.lease = None
            await self.end()


class Duties:
    """All duties of one configuration. What is led already is taken up by `start`, in their order."""

    def __init__(self, members: Members, clock: Clock, duties: Sequence[Duty]) -> None:
        self._members, self._clock = members, clock
        self._duties = {each.role: each for each in duties}
        self.following: list[asyncio.Task[None]] = []
        """One task for each role; one that ends says that something of its work has ended by itself."""

    def add(self, role: str, jobs: Iterable[Job]) -> None:
        """Have jobs done under a role, from when it is taken up next."""
        self._duties[role].more += jobs

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """The jobs at work."""
        return [task for each in self._duties.values() for task in each.tasks]

    async def start(self) -> None:
        for role, duty in self._duties.items():
            if self._members.leads(role):
                await duty.take_up(await self._members.gained(role))
        self.following = start_jobs(
            (role, partial(self._follow, duty)) for role, duty in self._duties.items()
        )

    async def stop(self) -> None:
        await stop_jobs(self.following)
        self.following = []
        first, *others = self._duties.values()  # the last poll may bring something to tell
        await first.lay_down()
        await asyncio.gather(*(each.lay_down() for each in others))

    async def _follow(self, duty: Duty) -> None:
        """Take the work up as often as the role is gained, and lay it down as often as it is lost."""
        while True:
            lease = duty.lease or await self._members.gained(duty.role)
            lost = asyncio.create_task(self._members.lost(lease))
            try:
                if duty.lease is not None or await self._took_up(duty, lease):
                    await _until(lost, duty.tasks)
                    level = logging.WARNING if self._members.away else logging.INFO
                    log.log(level, "%s: somebody else, or nobody, does it from now on", duty.role)
            finally:
                lost.cancel()
            await duty.lay_down()
            await self._members.release(lease)

    async def _took_up(self, duty: Duty, lease: Lease) -> bool:
        try:
            await duty.take_up(lease)
        except StoreError as error:
            if not self._members.away:  # all of it has been said
                log.error("store: %s; %s waits", error, duty.role)  # noqa: TRY400
            await self._clock.sleep(AGAIN)
            return False
        return True


async def _until(lost: asyncio.Task[None], tasks: Sequence[asyncio.Task[None]]) -> None:
    """Until the role is lost. What a job ends with is raised, under its name."""
    done, _ = await asyncio.wait((lost, *tasks), return_when=asyncio.FIRST_COMPLETED)
    for task in done.intersection(tasks):
        if (ours := asyncio.current_task()) is not None:
            ours.set_name(task.get_name())
        task.result()
        raise RuntimeError("it is to run for ever")
