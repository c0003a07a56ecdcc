"""A member: one process after the other, each with the whole daemon of the product in it."""

from __future__ import annotations

import asyncio
import random
from contextvars import Context, copy_context
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tests.simulation.access import StoreInReach, Way
from tests.simulation.loop import MEMBER
from tests.simulation.shared import SimulatedWork, VirtualDatabaseClock, joining
from watcher.config.models import ClusterSettings
from watcher.daemon.run import Daemon
from watcher.domain.records import replace
from watcher.domain.values.errors import StoreError
from watcher.ports.store import Store
from watcher.service.clock import SystemClock
from watcher.store.memory.store import MemoryStore
from watcher.store.postgres import members as elections
from watcher.store.postgres.members import PostgresMembers

if TYPE_CHECKING:
    from tests.simulation.world import World

START = datetime(2026, 3, 1, tzinfo=UTC)
GENTLE = 60.0
"""Seconds in which a member must end that is asked to: ten by contract, more where disks are slow."""


class MemberClock(SystemClock):
    """The clock of one machine, which somebody may set."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.off = 0.0

    def now(self) -> datetime:
        return START + timedelta(milliseconds=int((self._loop.time() + self.off) * 1000))

    def monotonic(self) -> float:
        return self._loop.time()


class Member:
    """One machine of the installation."""

    def __init__(self, name: str, world: World) -> None:
        self.name, self._world = name, world
        self.clock = MemberClock(world.loop)
        self.lives = 0
        self.store = MemoryStore(world.state)
        settings = world.configuration.settings
        mine = replace(settings, cluster=ClusterSettings(name=name))
        self.configuration = replace(world.configuration, settings=mine)
        self.elections: PostgresMembers | None = None
        """Of a member among many."""
        self.work: SimulatedWork | None = None
        self.with_its_machine = False
        """Whether it dies so that the database does not hear of it."""
        self._daemon: Daemon | None = None
        self._task: asyncio.Task[None] | None = None
        self._strike = -1
        self._aimed = -1
        self._down = 0.0
        self._starts = 0

    @property
    def life(self) -> str:
        return f"{self.name}{self.lives}"

    @property
    def runs(self) -> bool:
        return self._task is not None and not self._task.done()

    @property
    def strike(self) -> int:
        """Steps that it still takes before it is killed; negative: it is let live."""
        return self._strike

    @strike.setter
    def strike(self, steps: int) -> None:
        self._strike, hunted = steps, self._world.loop.hunted
        if steps >= 0:
            hunted.add(self.life)
        else:
            hunted.discard(self.life)

    def start(self) -> None:
        """A new process, if there is none."""
        if self.runs:
            return
        self.strike = -1
        self.lives += 1
        context: Context = copy_context()
        context.run(MEMBER.set, self.life)
        self._world.note("starts", self.life)
        self._task = self._world.loop.create_task(self._run(), name=self.life, context=context)

    async def _run(self) -> None:
        world, life = self._world, self.life
        self._daemon = daemon = Daemon(Path("watcher.yaml"), {}, lambda _: None, self.clock)
        store = self._reach()
        try:
            broken = await daemon.serve(self.configuration, cast(Store, store))
            world.watched.expect(not broken, f"{life}: a task of the daemon ended by itself")
        except Exception as error:  # noqa: BLE001 (as a process: it says why it ends, and ends)
            if not world.over and not world.loop.is_dead(life):
                world.note(f"ends: {error!r}", life)
                world.watched.expect(isinstance(error, StoreError), f"{life} ends: {error!r}")
        finally:
            if self.elections is not None:
                await self.elections.close()
        if not daemon.stopping.is_set():
            self.again(5.0)

    def _reach(self) -> StoreInReach:
        """The store, as a new process reaches it."""
        world, server = self._world, self._world.server
        way = Way(world.ways, world.watched, world.cut_from_store)
        store = MemoryStore(world.state)
        if server is not None:
            self.elections = joining(server, way, self.life, VirtualDatabaseClock(self.clock))
            self.work = SimulatedWork(server, way)
            store.members, store.shared = self.elections, self.work
        return StoreInReach(store, way, world.watched, world.has_arrived, server)

    def aim(self, steps: int, down: float, *, in_the_act: bool) -> None:
        """Kill it so many steps from now, or from the next thing that it does to anybody else."""
        self._down = down
        if in_the_act:
            self._aimed = steps
        else:
            self.strike = steps

    def acts(self) -> None:
        """It has just done something that others see: a commit, a request, a message."""
        if self._aimed >= 0:
            self.strike, self._aimed = self._aimed, -1

    def step(self) -> None:
        """It took a step."""
        if self.strike >= 0:
            self.strike -= 1
            if self.strike < 0:
                self.kill()

    def spare(self) -> None:
        """Nobody is after it any more."""
        self.strike = self._aimed = -1
        self.clock.off = 0.0

    def kill(self) -> None:
        if self.runs:
            self._world.note("is killed", self.life)
            self._world.loop.kill(self.life)
            self._task = None
            if self._world.server is not None and not self.with_its_machine:
                self._world.server.end_all(self.life)
        self.with_its_machine = False
        self.strike = -1
        self.again(self._down)

    def again(self, after: float) -> None:
        """Whoever looks after it starts it again."""
        self._starts += 1
        mine = self._starts

        def begin() -> None:
            if mine == self._starts:
                self.start()

        self._world.loop.call_later(after, begin, context=self._world.context)

    def stop(self, down: float) -> None:
        """As by SIGTERM."""
        task, daemon = self._task, self._daemon
        if task is None or daemon is None or not self.runs:
            return
        self._world.note("is asked to end", self.life)
        daemon.stopping.set()
        life = self.life

        def ended() -> None:
            loop = self._world.loop
            over = task.done() or loop.is_dead(life) or self.life != life
            slow = self._world.ways.slow or loop.is_frozen(life)
            self._world.watched.expect(over or bool(slow), f"{life} does not end: {task.get_stack()}")

        gentle = GENTLE + (elections.EVERY if self.elections is not None else 0.0)  # it says that it leaves
        self._world.loop.call_later(gentle, ended, context=self._world.context)
        task.add_done_callback(lambda _: self.again(down), context=self._world.context)


def seeded(seed: str) -> None:
    """The product's own chance."""
    random.seed(f"product {seed}")
